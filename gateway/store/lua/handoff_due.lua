--[[
What time alone must move: time-outs, silent operators, unsettled effects.

Reads only. All ARGV are strings: tonumber first. All keys lie in one slot.

KEYS
  1  due (zset)      2  present (zset)      3  unsettled (zset)
  4  prefix of held sets
ARGV
  1  now, ms         2  most ids of a kind
REPLY
  {ids timed out, [[operator, held id, …], …], ids with effects left}
]]
local function until_now(key)
  return redis.call('ZRANGE', key, '-inf', ARGV[1], 'BYSCORE', 'LIMIT', 0, ARGV[2])
end

local gone = {}
for _, name in ipairs(until_now(KEYS[2])) do
  local row = redis.call('SMEMBERS', KEYS[4] .. name)
  table.insert(row, 1, name)
  gone[#gone + 1] = row
end
return {until_now(KEYS[1]), gone, until_now(KEYS[3])}
