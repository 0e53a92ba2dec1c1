#!lua flags=allow-oom
--[[
Dispose of the oldest undisposed message: reply, result, state, owner, outbox.

Fenced by the epoch. Sent again after a lost answer, the same commit gives the
same answer and writes nothing. Runs even when the server is out of memory, so
that a full store drains.

All ARGV are strings: tonumber first. All keys lie in one slot.

KEYS
  1  conversation (hash, see accept.lua)   2  log (stream)
  3  prefix of the conversation's dedup keys
  4  due (zset)                            5  outbox (stream: c name, d data)
  6  deliveries (zset, see accept.lua)
ARGV
  1  epoch                       2  seq of the message
  3  mail name                   4  result
  5  state                       6  new owner, '' none
  7  lease, ms                   8  entries kept in the log
  9  conversation name           10 wake-up channel
  11 result of later mail when an owner is set
  12 number of events, then kind and data of each, then the outbox entries
REPLY
  {1, first}                   done, lease given back; first event's number or 0
  {1, first, q, tries, i, data}   done, lease extended; the next message
  {0}                          stale: another epoch holds the conversation
ERRORS
  NOTOLDEST  seq is not the oldest undisposed message (a bug of the caller)
]]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local c = redis.call('HMGET', KEYS[1], 'n', 'k', 'e', 'q', 'd', 'x', 'y', 'u', 't',
  'r')
local n = tonumber(c[1]) or 0
local k = tonumber(c[2]) or 0
local oldest = tonumber(c[4]) or 0
local done = tonumber(c[5]) or 0
local epoch = tonumber(ARGV[1])
local seq = tonumber(ARGV[2])
local is_mine = epoch == tonumber(c[3])

-- Number, mail name and data of the first 'm' entry from `from` to `to`.
local function find_mail(from, to)
  while from <= to do
    local page = redis.call('XRANGE', KEYS[2], from .. '-0', to .. '-0', 'COUNT', 8)
    if #page == 0 then return nil end
    for _, entry in ipairs(page) do
      local number = tonumber(string.match(entry[1], '^%d+'))
      if entry[2][2] == 'm' then return number, entry[2][4], entry[2][6] end
      from = number + 1
    end
  end
end

local function dispose(mail, result)
  local key = KEYS[3] .. mail
  -- The key may have run out: then APPEND made one that would never expire.
  if redis.call('APPEND', key, '!' .. result) == #result + 1 then
    redis.call('DEL', key)
  end
end

local commit = ARGV[1] .. ':' .. ARGV[2]
if c[6] == commit or (is_mine and seq <= done) then
  local first = c[6] == commit and tonumber(c[7]) or 0
  if is_mine and k > 0 and tonumber(c[8]) > 0 then
    local number, mail, data = find_mail(oldest, n)
    return {1, first, number, tonumber(c[9]), mail, data}
  end
  return {1, first}
end
if not is_mine then return {0} end
if k == 0 or oldest ~= seq then
  return redis.error_reply('NOTOLDEST ' .. seq .. ' is not the oldest message')
end

dispose(ARGV[3], ARGV[4])
local last_mail = n
local next_seq, next_mail, next_data
if k > 1 then next_seq, next_mail, next_data = find_mail(seq + 1, n) end
if ARGV[6] ~= '' then
  -- From here on a person answers: nothing that waits is left to the machine.
  while next_seq do
    dispose(next_mail, ARGV[11])
    seq = next_seq
    next_seq, next_mail, next_data = find_mail(seq + 1, n)
  end
  redis.call('HSET', KEYS[1], 'o', ARGV[6], 'p', 0)
end

local events = tonumber(ARGV[12])
local first = events > 0 and n + 1 or 0
local floor = n + events - ARGV[8]
if next_seq and next_seq < floor then floor = next_seq end
if floor < 0 then floor = 0 end
for j = 1, events do
  n = n + 1
  redis.call('XADD', KEYS[2], 'MINID', '~', floor .. '-0', n .. '-0',
    'k', ARGV[11 + 2 * j], 'd', ARGV[12 + 2 * j])
end
for j = 13 + 2 * events, #ARGV do
  redis.call('XADD', KEYS[5], '*', 'c', ARGV[9], 'd', ARGV[j])
end

local expires = next_seq and now + ARGV[7] or 0
redis.call('HSET', KEYS[1], 'n', n, 'k', next_seq and k - 1 or 0,
  'q', next_seq or 0, 'd', seq, 'x', commit, 'y', first, 'u', expires, 't', 0,
  's', ARGV[5])
redis.call('ZADD', KEYS[4], next_seq and expires or -now, ARGV[9])
if c[10] and events > 0 then redis.call('ZADD', KEYS[6], 'NX', now, ARGV[9]) end
redis.call('PUBLISH', ARGV[10], ARGV[9] .. ' ' .. n)
if next_seq then return {1, first, next_seq, 0, next_mail, next_data} end
return {1, first}
