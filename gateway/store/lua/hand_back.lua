#!lua flags=allow-oom
--[[
The person gives the conversation back to the machine. The state stays.

All ARGV are strings: tonumber first. All keys lie in one slot.

KEYS
  1  conversation (hash, see accept.lua)   2  log (stream)
  3  outbox (stream: c name, d data)       4  deliveries (zset, see accept.lua)
ARGV
  1  handoff id                  2  kind of the event, '' none
  3  data of the event           4  entries kept in the log
  5  conversation name           6  wake-up channel
  7  last event the owner read: a later customer message keeps it; '' none
  8… outbox entries
REPLY
  {1, n} given back, n the last event; {2, n} was given back before; {0} stale
  {3, n} the customer's message n is unread: the owner keeps the conversation
]]
if ARGV[1] == '' then return {0} end
local c = redis.call('HMGET', KEYS[1], 'n', 'o', 'b', 'd', 'r')
local n = tonumber(c[1]) or 0
local owner = c[2] or ''
if owner ~= ARGV[1] then
  if owner == '' and c[3] == ARGV[1] then return {2, n} end
  return {0}
end
-- While a person owns it, the last disposed message is the customer's last one.
local last = tonumber(c[4]) or 0
if ARGV[7] ~= '' and last > tonumber(ARGV[7]) then return {3, last} end
if ARGV[2] ~= '' then
  n = n + 1
  redis.call('XADD', KEYS[2], 'MINID', '~', math.max(n - ARGV[4], 0) .. '-0',
    n .. '-0', 'k', ARGV[2], 'd', ARGV[3])
end
for j = 8, #ARGV do
  redis.call('XADD', KEYS[3], '*', 'c', ARGV[5], 'd', ARGV[j])
end
redis.call('HSET', KEYS[1], 'n', n, 'o', '', 'p', 0, 'b', ARGV[1])
if c[5] and ARGV[2] ~= '' then
  local time = redis.call('TIME')
  redis.call('ZADD', KEYS[4], 'NX',
    time[1] * 1000 + math.floor(time[2] / 1000), ARGV[5])
end
redis.call('PUBLISH', ARGV[6], ARGV[5] .. ' ' .. n)
return {1, n}
