#!lua flags=allow-oom
--[[
A customer's rating of a conversation: an event that nobody answers.

All ARGV are strings: tonumber first. All keys lie in one slot.

KEYS
  1  conversation (hash, see accept.lua; field g "number:fingerprint" of the last
     rating)                     2  log (stream)
ARGV
  1  fingerprint                 2  data of the event
  3  entries kept in the log     4  conversation name
  5  wake-up channel
REPLY
  {1, seq} written; {2, seq} the last event is this very rating; {0} nothing to rate
]]
local c = redis.call('HMGET', KEYS[1], 'n', 'g', 'q', 'k')
if not c[1] then return {0} end
local n = tonumber(c[1])
if c[2] == n .. ':' .. ARGV[1] then return {2, n} end
n = n + 1
local floor = math.max(n - ARGV[3], 0)
if (tonumber(c[4]) or 0) > 0 then floor = math.min(floor, tonumber(c[3])) end
redis.call('XADD', KEYS[2], 'MINID', '~', floor .. '-0', n .. '-0',
  'k', 'g', 'd', ARGV[2])
redis.call('HSET', KEYS[1], 'n', n, 'g', n .. ':' .. ARGV[1])
redis.call('PUBLISH', ARGV[5], ARGV[4] .. ' ' .. n)
return {1, n}
