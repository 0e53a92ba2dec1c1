--[[
The clock of a platform's reply rate: who waits for a person's word since when.

A round begins with the customer's first unanswered words and ends with an
operator's. Rounds that count have an end of time; each is counted once, on the day
it began: as met by the reply, or as missed when its time is over.

All ARGV are strings: tonumber first. All keys lie in one slot.

KEYS
  1  first unanswered words (hash: id -> "ms|day")
  2  rounds that run (zset of "id|day key" by end of time, ms)
  3  prefix of the days' counts (hash: met, missed)
ARGV
  1  ask | reply | end | sweep     2  id
  3  now, ms                       4  ask: day of the round
  5  ask: end of time, ms, '' if the round does not count
  6  life of a day's counts, ms    7  channel of the desk
REPLY
  rounds that were counted
]]
local function count(day, what)
  local key = KEYS[3] .. day
  redis.call('HINCRBY', key, what, 1)
  redis.call('PEXPIRE', key, ARGV[6])
end

local function day_of(member)
  return string.match(member, '|([^|]*)$')
end

if ARGV[1] == 'ask' then
  if redis.call('HSETNX', KEYS[1], ARGV[2], ARGV[3] .. '|' .. ARGV[4]) == 0 then return 0 end
  if ARGV[5] ~= '' then
    redis.call('ZADD', KEYS[2], ARGV[5], ARGV[2] .. '|' .. ARGV[4])
    redis.call('PUBLISH', ARGV[7], ARGV[2] .. ' asked')
  end
  return 0
end
if ARGV[1] == 'sweep' then
  local late = redis.call('ZRANGE', KEYS[2], '-inf', '(' .. ARGV[3], 'BYSCORE')
  for _, member in ipairs(late) do
    redis.call('ZREM', KEYS[2], member)
    count(day_of(member), 'missed')
  end
  return #late
end
local asked = redis.call('HGET', KEYS[1], ARGV[2])
if not asked then return 0 end
redis.call('HDEL', KEYS[1], ARGV[2])
redis.call('PUBLISH', ARGV[7], ARGV[2] .. ' answered')
local day = day_of(asked)
local member = ARGV[2] .. '|' .. day
local till = tonumber(redis.call('ZSCORE', KEYS[2], member))
if not till then return 0 end
redis.call('ZREM', KEYS[2], member)
if till < tonumber(ARGV[3]) then
  count(day, 'missed')
elseif ARGV[1] == 'reply' then
  count(day, 'met')
else
  return 0
end
return 1
