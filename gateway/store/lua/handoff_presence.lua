--[[
An operator comes, shows a sign of life, or is gone.

All ARGV are strings: tonumber first. All keys lie in one slot.

KEYS
  1  present (zset of operators by end of presence, ms)
  2  seat (hash): display, capacity, away, misses, offered,
     skills, used (units of capacity held)
  3  held by the operator (set of ids)
ARGV
  1  beat | set | gone           2  operator
  3  end of presence, ms; for gone: now, or '' to go in any case
  4  display name                5  capacity
  6  1 if away                   7  skills, apart by blanks
  8  channel of the desk
REPLY
  1 done; 0 beat of one who is not present, or gone while still present or holding
]]
if ARGV[1] == 'beat' then
  if not redis.call('ZSCORE', KEYS[1], ARGV[2]) then return 0 end
  redis.call('ZADD', KEYS[1], ARGV[3], ARGV[2])
  return 1
end
if ARGV[1] == 'set' then
  redis.call('ZADD', KEYS[1], ARGV[3], ARGV[2])
  redis.call('HSET', KEYS[2], 'display', ARGV[4], 'capacity', ARGV[5],
    'away', ARGV[6], 'misses', 0, 'skills', ARGV[7])
else
  if ARGV[3] ~= '' and tonumber(redis.call('ZSCORE', KEYS[1], ARGV[2]) or 0) > tonumber(ARGV[3]) then
    return 0
  end
  if redis.call('SCARD', KEYS[3]) > 0 then return 0 end
  redis.call('ZREM', KEYS[1], ARGV[2])
  redis.call('DEL', KEYS[2])
end
redis.call('PUBLISH', ARGV[8], ARGV[2] .. ' presence')
return 1
