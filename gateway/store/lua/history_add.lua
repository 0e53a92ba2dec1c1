#!lua flags=allow-oom
--[[
Add to what happened in a stretch of time, and raise the highest values seen in it.

All ARGV are strings: tonumber first. All keys lie in one slot.

KEYS
  1  stretch (hash: field -> whole number)
ARGV
  1  life of the stretch, ms     2  how many fields are sums
  3… sums, then highest values: field, whole number
REPLY
  1
]]
local sums = 2 + 2 * ARGV[2]
for j = 3, sums, 2 do redis.call('HINCRBY', KEYS[1], ARGV[j], ARGV[j + 1]) end
for j = sums + 1, #ARGV, 2 do
  local kept = tonumber(redis.call('HGET', KEYS[1], ARGV[j])) or -1
  if tonumber(ARGV[j + 1]) > kept then
    redis.call('HSET', KEYS[1], ARGV[j], ARGV[j + 1])
  end
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
