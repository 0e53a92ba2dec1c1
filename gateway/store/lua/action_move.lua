#!lua flags=allow-oom
--[[
Move an action along one edge, if it stands where the caller read it.

Which edges exist is the caller's table; version and state are compared here.

All ARGV are strings: tonumber first. All keys lie in one slot.

KEYS
  1  actions of the conversation (hash id -> "version state\nrecord")
  2  actions of the bucket in the old state (zset "conversation:id", by ms)
  3  actions of the bucket in the new state
ARGV
  1  id   2  "version state" as read   3  "version state" to be
  4  record to be   5  time, ms   6  "conversation:id"
REPLY
  1 moved, 0 it stands elsewhere by now, -1 no such action
]]
local stored = redis.call('HGET', KEYS[1], ARGV[1])
if not stored then return -1 end
if string.sub(stored, 1, string.find(stored, '\n', 1, true) - 1) ~= ARGV[2] then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3] .. '\n' .. ARGV[4])
redis.call('ZREM', KEYS[2], ARGV[6])
redis.call('ZADD', KEYS[3], ARGV[5], ARGV[6])
return 1
