#!lua flags=allow-oom
--[[
A line of the person who owns the conversation, once per line id.

All ARGV are strings: tonumber first. All keys lie in one slot.

KEYS
  1  conversation (hash, see accept.lua)   2  log (stream)
  3  dedup key of the line (string: seq)   4  due (zset)
  5  outbox (stream: c name, d data)       6  deliveries (zset, see accept.lua)
ARGV
  1  handoff id                  2  claim
  3  kind of the event           4  data of the event
  5  life of the dedup key, ms   6  entries kept in the log
  7  conversation name           8  wake-up channel
  9… outbox entries
REPLY
  {1, seq} said; {2, seq} said before; {0} stale: not the owner, or an older claim
]]
local seen = redis.call('GET', KEYS[3])
if seen then return {2, tonumber(seen)} end
local c = redis.call('HMGET', KEYS[1], 'n', 'o', 'p', 'r')
local held = tonumber(c[3]) or 0
local claim = tonumber(ARGV[2])
if ARGV[1] == '' or c[2] ~= ARGV[1] or held > claim then return {0} end
local n = (tonumber(c[1]) or 0) + 1
redis.call('XADD', KEYS[2], 'MINID', '~', math.max(n - ARGV[6], 0) .. '-0',
  n .. '-0', 'k', ARGV[3], 'd', ARGV[4])
redis.call('SET', KEYS[3], n, 'PX', ARGV[5])
redis.call('HSET', KEYS[1], 'n', n, 'p', claim)
for j = 9, #ARGV do
  redis.call('XADD', KEYS[5], '*', 'c', ARGV[7], 'd', ARGV[j])
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[4], -now, ARGV[7])
if c[4] then redis.call('ZADD', KEYS[6], 'NX', now, ARGV[7]) end
redis.call('PUBLISH', ARGV[8], ARGV[7] .. ' ' .. n)
return {1, n}
