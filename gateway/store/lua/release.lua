#!lua flags=allow-oom
--[[
Give a lease back with its mail undisposed: the next sweep takes it at once.

Not counted as a failed try.

All ARGV are strings: tonumber first. All keys lie in one slot.

KEYS
  1  conversation (hash, see accept.lua)   2  due (zset)
ARGV
  1  epoch   2  conversation name
REPLY
  1 given back, 0 the epoch is over or the lease was given back before
]]
local c = redis.call('HMGET', KEYS[1], 'e', 'u', 't')
if c[1] ~= ARGV[1] or (tonumber(c[2]) or 0) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'u', 0, 't', (tonumber(c[3]) or 0) - 1)
redis.call('ZADD', KEYS[2], 1, ARGV[2])
return 1
