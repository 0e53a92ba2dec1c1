#!lua flags=allow-oom
--[[
Count an action's amount against ceilings over time, if none is exceeded by it.

An action counts once: reserving it again changes nothing and succeeds. Entries
older than the longest window are dropped on the way.

All ARGV are strings: tonumber first. All keys lie in one slot.

KEYS
  1  amounts of one customer, or of the whole shop, for one recipe
     (zset "id:amount", by ms)
ARGV
  1  id   2  amount, minor units   3  time, ms   4  longest window, ms
  5… pairs of window, ms, and ceiling, minor units
REPLY
  0 counted, else the position of the ceiling that is exceeded, from 1
]]
local now = tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[4]))
local entries = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
for i = 1, #entries, 2 do
  if string.match(entries[i], '^(.*):%d+$') == ARGV[1] then return 0 end
end
for j = 5, #ARGV, 2 do
  local since = now - tonumber(ARGV[j])
  local sum = tonumber(ARGV[2])
  for i = 1, #entries, 2 do
    if tonumber(entries[i + 1]) > since then
      sum = sum + tonumber(string.match(entries[i], ':(%d+)$'))
    end
  end
  if sum > tonumber(ARGV[j + 1]) then return (j - 3) / 2 end
end
redis.call('ZADD', KEYS[1], now, ARGV[1] .. ':' .. ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 0
