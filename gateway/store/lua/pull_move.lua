#!lua flags=allow-oom
--[[
Write how far an account was pulled; fenced by the epoch.

All ARGV are strings: tonumber first. All keys lie in one slot.

KEYS
  1  the account (hash, see pull_take.lua)
ARGV
  1  epoch   2  cursor   3  lease, ms; 0 gives it back
  4  number of the hint that is done with, 0 none yet
REPLY
  1 written, 0 another worker has the account
]]
local c = redis.call('HMGET', KEYS[1], 'epoch', 'done')
if c[1] ~= ARGV[1] then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lease = tonumber(ARGV[3])
redis.call('HSET', KEYS[1], 'cursor', ARGV[2], 'until', lease > 0 and now + lease or 0,
  'done', math.max(tonumber(c[2]) or 0, tonumber(ARGV[4])))
return 1
