--[[
An effect of a handoff was carried out: forget it.

All keys lie in one slot.

KEYS
  1  effects of the handoff (list)      2  unsettled (zset)
ARGV
  1  id              2  the effect, as it stands in the list
REPLY
  effects left
]]
redis.call('LREM', KEYS[1], 1, ARGV[2])
local left = redis.call('LLEN', KEYS[1])
if left == 0 then redis.call('ZREM', KEYS[2], ARGV[1]) end
return left
