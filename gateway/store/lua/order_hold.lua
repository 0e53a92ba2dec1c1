#!lua flags=allow-oom
--[[
Hold an order for one action, if no other action holds it.

The token rises with every taking, also by the same action: a worker that comes back
with an older token is refused (order_keep).

All ARGV are strings: tonumber first. All keys lie in one slot.

KEYS
  1  an order's hold (hash: h action id, t token, u held until, ms by the store's clock)
ARGV
  1  action id   2  hold, ms   3  how long the token is remembered, ms
REPLY
  the token, from 1; 0 another action holds it
]]
local c = redis.call('HMGET', KEYS[1], 'h', 'u', 't')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if c[1] and c[1] ~= ARGV[1] and (tonumber(c[2]) or 0) > now then return 0 end
local token = (tonumber(c[3]) or 0) + 1
redis.call('HSET', KEYS[1], 'h', ARGV[1], 't', token, 'u', now + ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return token
