--[[
What the human queue of a shop looks like now, in one consistent look.

Records, seats and held sets are found from their indices, by prefix: all lie
in the slot of the keys given.

All ARGV are strings: tonumber first. All keys lie in one slot.

KEYS
  1  line (zset)      2  tickets (zset)      3  present (zset)
  4  handling times (list)                   5  prefix of records
  6  prefix of seats                         7  prefix of held sets
  8  waits that ended (list)                 9  first unanswered words (hash, see handoff_clock.lua)
ARGV
  1  most records of the line       2  most records of tickets
  3  1 to read held records too     4  deadline: how many of the line are not later
REPLY
  {in line, ahead, tickets, line records, ticket records, seats, handling times,
   waits, [id, words, …] of unanswered words if held records are read}
  a seat: {name, end of presence, held, [held records], field, value, …}
]]
local function records(ids)
  local found = {}
  for _, id in ipairs(ids) do
    local record = redis.call('HGET', KEYS[5] .. id, 'r')
    if record then found[#found + 1] = record end
  end
  return found
end

local function first(key, most)
  most = tonumber(most)
  if most == 0 then return {} end
  return records(redis.call('ZRANGE', key, 0, most - 1))
end

local seats = {}
local present = redis.call('ZRANGE', KEYS[3], 0, -1, 'WITHSCORES')
for j = 1, #present, 2 do
  local held = redis.call('SMEMBERS', KEYS[7] .. present[j])
  local seat = {present[j], present[j + 1], #held, ARGV[3] == '1' and records(held) or {}}
  for _, value in ipairs(redis.call('HGETALL', KEYS[6] .. present[j])) do
    seat[#seat + 1] = value
  end
  seats[#seats + 1] = seat
end
return {
  redis.call('ZCARD', KEYS[1]),
  ARGV[4] == '' and 0 or redis.call('ZCOUNT', KEYS[1], '-inf', ARGV[4]),
  redis.call('ZCARD', KEYS[2]),
  first(KEYS[1], ARGV[1]),
  first(KEYS[2], ARGV[2]),
  seats,
  redis.call('LRANGE', KEYS[4], 0, -1),
  redis.call('LRANGE', KEYS[8], 0, -1),
  ARGV[3] == '1' and redis.call('HGETALL', KEYS[9]) or {},
}
