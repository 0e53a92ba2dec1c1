#!lua flags=allow-oom
--[[
Take over conversations of a bucket whose mail is overdue.

All ARGV are strings: tonumber first. All keys lie in one slot; the keys of the
conversations found are made from the prefixes.

KEYS
  1  due (zset, see accept.lua)
  2  prefix of conversations   3  prefix of logs
ARGV
  1  worker   2  lease, ms   3  most conversations
REPLY
  a list of {name, epoch, state, q, tries, i, data}
]]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local expires = now + ARGV[2]
local taken = {}
-- A lease that ends later than any can was given before the clock was set back.
local latest = now + 2 * ARGV[2]
local names = redis.call('ZRANGE', KEYS[1], '(0', now, 'BYSCORE', 'LIMIT', 0, ARGV[3])
for _, name in ipairs(redis.call('ZRANGE', KEYS[1], '(' .. latest, '+inf',
  'BYSCORE', 'LIMIT', 0, ARGV[3])) do
  names[#names + 1] = name
end
for _, name in ipairs(names) do
  local key = KEYS[2] .. name
  local c = redis.call('HMGET', key, 'k', 'u', 'e', 's', 'q', 't')
  local until_ms = tonumber(c[2]) or 0
  if not c[3] then
    redis.call('ZREM', KEYS[1], name)
  elseif (tonumber(c[1]) or 0) == 0 then
    redis.call('ZADD', KEYS[1], -now, name)
  elseif until_ms > now and until_ms <= latest then
    redis.call('ZADD', KEYS[1], until_ms, name)
  else
    local id = c[5] .. '-0'
    local head = redis.call('XRANGE', KEYS[3] .. name, id, id)[1]
    if head then
      local epoch, tries = tonumber(c[3]) + 1, tonumber(c[6]) + 1
      redis.call('HSET', key, 'e', epoch, 'u', expires, 'h', ARGV[1], 't', tries)
      redis.call('ZADD', KEYS[1], expires, name)
      taken[#taken + 1] = {name, epoch, c[4] or '', tonumber(c[5]), tries,
        head[2][4], head[2][6]}
    else
      -- Somebody deleted the log by hand: there is nothing left to answer.
      redis.call('HSET', key, 'k', 0, 'u', 0)
      redis.call('ZADD', KEYS[1], -now, name)
    end
  end
end
return taken
