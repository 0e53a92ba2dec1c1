#!lua flags=allow-oom
--[[
Write down a send before it is made, if the customer's window and budget allow it.

All ARGV are strings: tonumber first. All keys lie in one slot.

KEYS
  1  conversation (hash, see accept.lua)   2  deliveries (zset)
ARGV
  1  number of the delivery      2  conversation name
  3  lease, ms                   4  the send, opaque
  5  most sends for one message of the customer, 0 any
  6  how long after it one may send, ms, 0 for ever
  7  least time between two sends, ms
  8  1: it was written down before, and is made again
  9  message whose address the send goes to, if the platform counts by address: a
     newer one's budget is not touched; '' it counts by time
REPLY
  {1}      go on; it is on disk and counted
  {2}      the window is closed     {3} the budget is spent
  {4, ms}  too soon after the last one; wait
  {0}      another delivery has the conversation
]]
local c = redis.call('HMGET', KEYS[1], 're', 'ra', 'rb', 'rs', 'ri', 'rg',
  'rl')
if c[1] ~= ARGV[1] then return {0} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local wait = (tonumber(c[4]) or 0) + ARGV[7] - now
if wait > 0 then return {4, wait} end
local spent, counted, times = tonumber(c[3]) or 0, c[6], c[7] or ''
local is_older = ARGV[9] ~= '' and ARGV[9] ~= (c[5] or '0')
if ARGV[8] ~= '1' and not is_older then
  local window, most = tonumber(ARGV[6]), tonumber(ARGV[5])
  if window > 0 and now - (tonumber(c[2]) or 0) > window then return {2} end
  if most > 0 and spent >= most then return {3} end
  spent, counted = spent + 1, c[5]
  times = string.sub(times .. now .. ' ', -8 * (#tostring(now) + 1))
end
redis.call('HSET', KEYS[1], 'rf', ARGV[4], 'rb', spent, 'rs', now,
  'rg', counted or '', 'rl', times)
redis.call('ZADD', KEYS[2], 'XX', now + ARGV[3], ARGV[2])
return {1}
