#!lua flags=allow-oom
--[[
Ask for leave to send on an account: so many a second for all workers together.

Generic cell rate: one number says when the account would be free again.

All ARGV are strings: tonumber first. All keys lie in one slot.

KEYS
  1  the account (string, ms with fractions; expires by itself)
ARGV
  1  ms that one send takes up   2  how many may come at once
REPLY
  0 go on; else ms to wait, and nothing was counted
]]
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local free = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
local wait = free - now - ARGV[1] * (ARGV[2] - 1)
if wait > 0 then return math.ceil(wait) end
redis.call('SET', KEYS[1], string.format('%.3f', free + ARGV[1]), 'PX',
  math.ceil(free + ARGV[1] - now) + 1000)
return 0
