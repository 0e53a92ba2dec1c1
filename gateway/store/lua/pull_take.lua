#!lua flags=allow-oom
--[[
Take an account whose messages are pulled: one worker at a time.

All ARGV are strings: tonumber first. All keys lie in one slot.

KEYS
  1  the account (hash: cursor, hint, hinted, done, epoch, until)
ARGV
  1  lease, ms
REPLY
  {1, epoch, cursor, hint, hinted} taken; {0} nothing to pull, or another has it
]]
local c = redis.call('HMGET', KEYS[1], 'cursor', 'hint', 'hinted', 'done', 'until')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local hinted = tonumber(c[3]) or 0
if hinted <= (tonumber(c[4]) or 0) or (tonumber(c[5]) or 0) > now then return {0} end
redis.call('HSET', KEYS[1], 'until', now + ARGV[1])
local epoch = redis.call('HINCRBY', KEYS[1], 'epoch', 1)
return {1, epoch, c[1] or '', c[2] or '', hinted}
