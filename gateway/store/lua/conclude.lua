#!lua flags=allow-oom
--[[
Mark the contacts of a conversation as counted up to an event, once for all workers.

All ARGV are strings: tonumber first. All keys lie in one slot.

KEYS
  1  conversation (hash, see accept.lua)
ARGV
  1  mark that the caller has seen, 0 for none
  2  number of the last event of the contacts it counts
REPLY
  1 marked: these contacts are the caller's; 0 another worker was first
]]
if (redis.call('HGET', KEYS[1], 'z') or '0') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'z', ARGV[2])
return 1
