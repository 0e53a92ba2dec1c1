#!lua flags=no-writes
--[[
The actions of a bucket that moved last, newest first within each state.

All ARGV are strings: tonumber first. All keys lie in one slot; the keys of the
conversations found are made from the prefix.

KEYS
  1  prefix of the conversations' actions
  2… actions of the bucket in one state (zset "conversation:id", by ms)
ARGV
  1  most per state
REPLY
  a flat list: ms, record, ms, record, …
]]
local found = {}
for j = 2, #KEYS do
  local members = redis.call('ZREVRANGE', KEYS[j], 0, ARGV[1] - 1, 'WITHSCORES')
  for i = 1, #members, 2 do
    local conversation, id = string.match(members[i], '^(.*):(.*)$')
    local stored = redis.call('HGET', KEYS[1] .. conversation, id)
    if stored then
      found[#found + 1] = members[i + 1]
      found[#found + 1] = string.sub(stored, string.find(stored, '\n', 1, true) + 1)
    end
  end
end
return found
