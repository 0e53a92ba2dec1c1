#!lua flags=allow-oom
--[[
Say what became of a delivery: how far it is, and when it goes on.

All ARGV are strings: tonumber first. All keys lie in one slot.

KEYS
  1  conversation (hash, see accept.lua)   2  deliveries (zset)
ARGV
  1  number of the delivery      2  conversation name
  3  last event delivered        4  part of the next one delivered
  5  1: the send on its way stays written down, its outcome is not known
  6  failed tries in a row
  7  'go' the same worker goes on; 'end' nothing is left unless something
     happened; 'hold' until the customer writes; else ms until the next try
  8  message with the route that this worker knows: 'hold' holds for no newer one
  9  1: the send did not happen: its budget is given back, and the next one need
     not keep a distance from it
REPLY
  1 done, 0 another delivery has the conversation, 2 something new is due at once
]]
local c = redis.call('HMGET', KEYS[1], 're', 'n', 'rb', 'ri', 'rg', 'rl', 'rf')
if c[1] ~= ARGV[1] then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], 'rn', ARGV[3], 'rp', ARGV[4], 'rt', ARGV[6])
if ARGV[5] ~= '1' then redis.call('HDEL', KEYS[1], 'rf') end
if ARGV[9] == '1' then
  redis.call('HDEL', KEYS[1], 'rs')
  redis.call('HSET', KEYS[1], 'rl', (string.gsub(c[6] or '', '%d+ $', '')))
  if c[4] == c[5] then
    redis.call('HSET', KEYS[1], 'rb', math.max((tonumber(c[3]) or 0) - 1, 0))
  end
elseif c[7] then
  -- It arrived at some time until now: a pause counts from here.
  redis.call('HSET', KEYS[1], 'rs', now)
end
if ARGV[7] == 'go' then return 1 end
if ARGV[7] == 'end' then
  if (tonumber(c[2]) or 0) > tonumber(ARGV[3]) then
    redis.call('ZADD', KEYS[2], now, ARGV[2])
    return 2
  end
  redis.call('ZREM', KEYS[2], ARGV[2])
elseif ARGV[7] == 'hold' and (c[4] or '0') ~= ARGV[8] then
  redis.call('ZADD', KEYS[2], now, ARGV[2])
  return 2
elseif ARGV[7] == 'hold' then
  redis.call('HSET', KEYS[1], 'rh', 1)
  redis.call('ZREM', KEYS[2], ARGV[2])
else
  redis.call('ZADD', KEYS[2], now + ARGV[7], ARGV[2])
end
return 1
