#!lua flags=allow-oom
--[[
Hold an order for longer, or give it back.

A hold that ran out and that nobody took since is still its holder's.

All ARGV are strings: tonumber first. All keys lie in one slot.

KEYS
  1  an order's hold (hash, see order_hold.lua)
ARGV
  1  token   2  hold, ms from now; 0 gives it back
REPLY
  1 done, 0 somebody took it since
]]
if redis.call('HGET', KEYS[1], 't') ~= ARGV[1] then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], 'u', now + ARGV[2])
return 1
