#!lua flags=allow-oom
--[[
Drop the log and the state of a conversation that nothing waits for.

The event counter and the epoch stay: numbers are never given twice.

All ARGV are strings: tonumber first. All keys lie in one slot.

KEYS
  1  conversation (hash, see accept.lua)   2  log (stream)   3  due (zset)
ARGV
  1  number of the last event the caller has archived
  2  conversation name
REPLY
  1 forgotten, 0 something happened since, waits, or a person owns it
]]
local c = redis.call('HMGET', KEYS[1], 'n', 'k', 'o')
if c[1] ~= ARGV[1] or (tonumber(c[2]) or 0) > 0 or (c[3] or '') ~= '' then
  return 0
end
redis.call('UNLINK', KEYS[2])
redis.call('HDEL', KEYS[1], 's', 'h', 't', 'q', 'x', 'y')
redis.call('ZREM', KEYS[3], ARGV[2])
return 1
