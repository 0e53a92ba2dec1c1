#!lua flags=allow-oom
--[[
Replace a shop's orders, if they are still those that were read.

All ARGV are strings.

KEYS
  1  orders of a shop (string, opaque; never empty)
ARGV
  1  the orders as they were read, '' if there were none   2  the new ones
REPLY
  1 replaced; 0 somebody was faster, nothing happened
]]
local found = redis.call('GET', KEYS[1])
if (found or '') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
return 1
