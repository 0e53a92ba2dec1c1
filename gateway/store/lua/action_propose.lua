#!lua flags=allow-oom
--[[
Write a new action; the same id returns what is there.

All ARGV are strings: tonumber first. All keys lie in one slot.

KEYS
  1  actions of the conversation (hash id -> "version state\nrecord")
  2  actions of the bucket in the record's state (zset "conversation:id", by ms)
ARGV
  1  id   2  "version state"   3  record   4  time, ms   5  "conversation:id"
REPLY
  the record that stands now
]]
local value = ARGV[2] .. '\n' .. ARGV[3]
if redis.call('HSETNX', KEYS[1], ARGV[1], value) == 1 then
  redis.call('ZADD', KEYS[2], ARGV[4], ARGV[5])
  return ARGV[3]
end
local stored = redis.call('HGET', KEYS[1], ARGV[1])
return string.sub(stored, string.find(stored, '\n', 1, true) + 1)
