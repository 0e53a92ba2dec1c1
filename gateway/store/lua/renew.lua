#!lua flags=allow-oom
--[[
Extend a lease.

All ARGV are strings: tonumber first. All keys lie in one slot.

KEYS
  1  conversation (hash, see accept.lua)   2  due (zset)
ARGV
  1  epoch   2  lease, ms   3  conversation name
REPLY
  1 extended, 0 the epoch is over or the lease was given back
]]
local c = redis.call('HMGET', KEYS[1], 'e', 'u')
if c[1] ~= ARGV[1] or (tonumber(c[2]) or 0) == 0 then return 0 end
local time = redis.call('TIME')
local expires = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[2]
redis.call('HSET', KEYS[1], 'u', expires)
redis.call('ZADD', KEYS[2], expires, ARGV[3])
return 1
