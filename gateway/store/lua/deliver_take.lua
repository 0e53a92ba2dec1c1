#!lua flags=allow-oom
--[[
Take the delivery of one conversation, if it is due: one worker at a time.

All ARGV are strings: tonumber first. All keys lie in one slot.

KEYS
  1  conversation (hash, see accept.lua)   2  log (stream)
  3  deliveries (zset, see accept.lua)
ARGV
  1  conversation name   2  lease, ms   3  most events
REPLY
  {1, number, n, rn, rp, rf, rt, rb, k, ri, r, entries}   taken under *number*: the last event,
      the last one delivered and how much of the next, the send on its way ('' none),
      failed tries, sends spent, undisposed messages, the message with the
      route, the route, and the events after rn as {id, fields}
  {0, ms}   not due: another one has it, or it waits for so long; -1 nothing to do
]]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local due = tonumber(redis.call('ZSCORE', KEYS[3], ARGV[1]))
if not due then return {0, -1} end
if due > now then return {0, due - now} end
local c = redis.call('HMGET', KEYS[1], 'n', 'rn', 'rp', 'rf', 'rt', 'r', 'rb', 'k', 'ri')
if not c[6] then
  redis.call('ZREM', KEYS[3], ARGV[1])
  return {0, -1}
end
redis.call('ZADD', KEYS[3], now + ARGV[2], ARGV[1])
local number = redis.call('HINCRBY', KEYS[1], 're', 1)
local after = tonumber(c[2]) or 0
local entries = redis.call('XRANGE', KEYS[2], (after + 1) .. '-0', '+',
  'COUNT', ARGV[3])
return {1, number, tonumber(c[1]) or 0, after, tonumber(c[3]) or 0, c[4] or '',
  tonumber(c[5]) or 0, tonumber(c[7]) or 0,
  tonumber(c[8]) or 0, tonumber(c[9]) or 0, c[6], entries}
