#!lua flags=no-writes
--[[
Actions of a bucket that stand still although no turn works on them any more.

Left out: actions of conversations in which mail waits, for its turn takes
them up itself.

All ARGV are strings: tonumber first. All keys lie in one slot; the keys of the
conversations found are made from the prefixes.

KEYS
  1  prefix of the conversations' actions   2  prefix of conversations
  3… actions of the bucket in one state (zset "conversation:id", by ms)
ARGV
  1  moved last before, ms   2  most per state
REPLY
  a list of records
]]
local found = {}
for j = 3, #KEYS do
  local members = redis.call(
    'ZRANGE', KEYS[j], '-inf', '(' .. ARGV[1], 'BYSCORE', 'LIMIT', 0, ARGV[2])
  for _, member in ipairs(members) do
    local conversation, id = string.match(member, '^(.*):(.*)$')
    local waiting = redis.call('HGET', KEYS[2] .. conversation, 'k')
    local stored = redis.call('HGET', KEYS[1] .. conversation, id)
    if stored and (tonumber(waiting) or 0) == 0 then
      found[#found + 1] = string.sub(stored, string.find(stored, '\n', 1, true) + 1)
    end
  end
end
return found
