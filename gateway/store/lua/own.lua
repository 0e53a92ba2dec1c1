#!lua flags=allow-oom
--[[
A person takes the conversation: the machine falls silent at once.

Ends any lease, and disposes of waiting mail: the person answers it. A handoff
that was given back can't own again; an older claim can't replace a newer one.

All ARGV are strings: tonumber first. All keys lie in one slot.

KEYS
  1  conversation (hash, see accept.lua)   2  log (stream)
  3  prefix of the conversation's dedup keys
  4  due (zset)   5  deliveries (zset, see accept.lua)
ARGV
  1  handoff id                  2  claim
  3  result of waiting mail      4  kind of the event, '' none
  5  data of the event           6  entries kept in the log
  7  conversation name           8  wake-up channel
REPLY
  {1, n} owned, n the last event; {2, n} owned before by this claim; {0} stale
]]
if ARGV[1] == '' then return {0} end
local c = redis.call('HMGET', KEYS[1], 'n', 'k', 'q', 'o', 'p', 'b', 'e', 'd', 'r')
local n = tonumber(c[1]) or 0
local owner = c[4] or ''
local claim = tonumber(ARGV[2])
if owner == ARGV[1] then
  local held = tonumber(c[5]) or 0
  if held > claim then return {0} end
  if held == claim then return {2, n} end
elseif owner ~= '' or c[6] == ARGV[1] then
  return {0}
end

local done = tonumber(c[8]) or 0
if (tonumber(c[2]) or 0) > 0 then
  for _, entry in ipairs(redis.call('XRANGE', KEYS[2], c[3] .. '-0', '+')) do
    if entry[2][2] == 'm' then
      local key = KEYS[3] .. entry[2][4]
      -- The key may have run out: then APPEND made one that would never expire.
      if redis.call('APPEND', key, '!' .. ARGV[3]) == #ARGV[3] + 1 then
        redis.call('DEL', key)
      end
      done = tonumber(string.match(entry[1], '^%d+'))
    end
  end
end
if ARGV[4] ~= '' then
  n = n + 1
  redis.call('XADD', KEYS[2], 'MINID', '~', math.max(n - ARGV[6], 0) .. '-0',
    n .. '-0', 'k', ARGV[4], 'd', ARGV[5])
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], 'n', n, 'k', 0, 'q', 0, 'd', done, 'u', 0, 't', 0,
  'e', (tonumber(c[7]) or 0) + 1, 'o', ARGV[1], 'p', claim)
redis.call('ZADD', KEYS[4], -now, ARGV[7])
if c[9] and ARGV[4] ~= '' then redis.call('ZADD', KEYS[5], 'NX', now, ARGV[7]) end
redis.call('PUBLISH', ARGV[8], ARGV[7] .. ' ' .. n)
return {1, n}
