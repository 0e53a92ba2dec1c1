--[[
Move one handoff: compare-and-set of its record, with all its places.

The record and its state are opaque; places, capacity and effects are data of
the call. Nothing is written unless everything holds.

All ARGV are strings: tonumber first. All keys lie in one slot.

KEYS
  1  record (hash): v version, s state, r record
  2  line (zset of ids by deadline, ms)    3  tickets (zset of ids by promised time)
  4  due (zset of ids by time-out, ms)     5  counts (hash: state -> handoffs)
  6  unsettled (zset of ids by time of the next try, ms)
  7  effects of this handoff (list, oldest first)
  8  present (zset of operators by end of presence, ms)
  9  held by who gains it (set of ids)     10 seat of who gains it (hash)
  11 held by who loses it (set of ids)     12 seat of who loses it (hash)
  13 handling times (list, newest first)
  14 waits that ended with an operator (list of "when:how long:class", newest first)
  15 in the line by skill group (hash: group -> handoffs)
ARGV
  1  id                          2  version the mover read, 0 for a new handoff
  3  new version                 4  new record
  5  new state                   6  state is final: life of the record, ms; else ''
  7  place in the line, or ''    8  place among the tickets, or ''
  9  time-out, ms, or ''         10 most of its group in the line, '' no bound
  11 now, ms                     12 effect, or ''
  13 next try of the effect, ms  14 who gains it, or ''
  15 who loses it, or ''         16 1 if the loser ignored an offer
  17 ignored offers in a row that set an operator away
  18 handling time, ms, or ''    19 a wait that ended, or ''
  20 measurements kept           21 channel of the desk
  22 units of capacity that it takes of who holds it
  23 skill group
REPLY
  {1}                     done
  {0, version, record}    another version is there (also: exists already)
  {2} no room for its group    {3} the gaining operator is not present
  {4} no free capacity    {5} no such handoff
]]
local found = redis.call('HMGET', KEYS[1], 'v', 'r', 's')
local version = tonumber(found[1])
local expected = tonumber(ARGV[2])
if not version and expected ~= 0 then return {5} end
if version and version ~= expected then return {0, version, found[2]} end
if ARGV[7] ~= '' and ARGV[10] ~= '' then
  local waiting = tonumber(redis.call('HGET', KEYS[15], ARGV[23])) or 0
  if waiting >= tonumber(ARGV[10]) then return {2} end
end
if ARGV[14] ~= '' then
  local till = tonumber(redis.call('ZSCORE', KEYS[8], ARGV[14]) or 0)
  if till <= tonumber(ARGV[11]) then return {3} end
  local capacity = tonumber(redis.call('HGET', KEYS[10], 'capacity')) or 0
  -- Who holds nothing may take one of any weight.
  if redis.call('SCARD', KEYS[9]) > 0 then
    local used = tonumber(redis.call('HGET', KEYS[10], 'used')) or 0
    if used + tonumber(ARGV[22]) > capacity then return {4} end
  end
end

-- 1 more, 1 less, or as many as before.
local function place(key, score)
  if score == '' then return -redis.call('ZREM', key, ARGV[1]) end
  return redis.call('ZADD', key, score, ARGV[1])
end

redis.call('HSET', KEYS[1], 'v', ARGV[3], 's', ARGV[5], 'r', ARGV[4])
local more = place(KEYS[2], ARGV[7])
if more ~= 0 and redis.call('HINCRBY', KEYS[15], ARGV[23], more) <= 0 then
  redis.call('HDEL', KEYS[15], ARGV[23])
end
place(KEYS[3], ARGV[8])
place(KEYS[4], ARGV[9])
if found[3] then redis.call('HINCRBY', KEYS[5], found[3], -1) end
if ARGV[6] ~= '' then
  redis.call('PEXPIRE', KEYS[1], ARGV[6])
else
  redis.call('HINCRBY', KEYS[5], ARGV[5], 1)
end
if ARGV[12] ~= '' then
  redis.call('RPUSH', KEYS[7], ARGV[12])
  redis.call('ZADD', KEYS[6], ARGV[13], ARGV[1])
end
if ARGV[15] ~= '' then
  redis.call('SREM', KEYS[11], ARGV[1])
  if redis.call('SCARD', KEYS[11]) == 0 then
    redis.call('HDEL', KEYS[12], 'used')
  elseif redis.call('EXISTS', KEYS[12]) == 1 then
    redis.call('HINCRBY', KEYS[12], 'used', -ARGV[22])
  end
  if ARGV[16] == '1' and redis.call('EXISTS', KEYS[12]) == 1 then
    if redis.call('HINCRBY', KEYS[12], 'misses', 1) >= tonumber(ARGV[17]) then
      redis.call('HSET', KEYS[12], 'away', 1)
    end
  end
end
if ARGV[14] ~= '' then
  redis.call('SADD', KEYS[9], ARGV[1])
  redis.call('HSET', KEYS[10], 'offered', ARGV[11])
  redis.call('HINCRBY', KEYS[10], 'used', ARGV[22])
end
for j, key in ipairs({KEYS[13], KEYS[14]}) do
  if ARGV[17 + j] ~= '' then
    redis.call('LPUSH', key, ARGV[17 + j])
    redis.call('LTRIM', key, 0, tonumber(ARGV[20]) - 1)
  end
end
redis.call('PUBLISH', ARGV[21], ARGV[1] .. ' ' .. ARGV[5])
return {1}
