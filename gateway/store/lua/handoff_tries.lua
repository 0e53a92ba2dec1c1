--[[
Count one failed try in each window, or only look.

All ARGV are strings: tonumber first. All keys lie in one slot.

KEYS
  1… counters (string)
ARGV
  1  1 to count, 0 to look       2  window, ms
  3… the most tries of each counter
REPLY
  ms until the next try is allowed; 0 now
]]
local wait = 0
for j, key in ipairs(KEYS) do
  local tries = tonumber(redis.call('GET', key) or 0)
  if ARGV[1] == '1' then
    tries = redis.call('INCR', key)
    if tries == 1 then redis.call('PEXPIRE', key, ARGV[2]) end
  end
  if tries >= tonumber(ARGV[2 + j]) then
    wait = math.max(wait, redis.call('PTTL', key))
  end
end
return wait
