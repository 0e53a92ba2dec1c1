--[[
Read the oldest entries of a bucket's outbox, one worker at a time.

All ARGV are strings: tonumber first. All keys lie in one slot.

KEYS
  1  outbox (stream: c name, d data)   2  who drains it (string, expires)
ARGV
  1  worker   2  lease, ms   3  most entries
REPLY
  the entries as {id, {c, name, d, data}}; none while another worker drains
]]
local page = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', ARGV[3])
if #page == 0 then return page end
local holder = redis.call('GET', KEYS[2])
if holder and holder ~= ARGV[1] then return {} end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return page
