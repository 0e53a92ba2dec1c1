--[[
Accept one customer message: once, in order, and leased to one worker.

The log is the mailbox. Undisposed messages are the 'm' entries from number q
on; k counts them. The first one found by a worker is always the oldest.

All ARGV are strings: tonumber first. All keys lie in one slot.

KEYS
  1  conversation (hash)
       n  number of the last event            k  undisposed messages
       q  number of the oldest undisposed     d  number of the last disposed
       e  epoch of the last lease             u  lease valid until, ms; 0 free
       h  worker that took the last lease     t  earlier tries of message q
       o  owner: handoff id, '' the machine   p  claim of the owner
       b  handoff given back last             s  state, opaque
       x  last commit, "epoch:seq"           y  first event of the last commit
       r  where replies are pushed to, opaque; missing: nobody is pushed
       ra when the last message with a route came, ms   rb sends spent since
       rn last event delivered                rp part of the next one delivered
       rf send on its way, opaque             re number of the last deliverer
       rl when the last sends were made, ms, blanks between
       rg message in whose budget the last send was counted
       rt failed tries in a row               rh 1: held until the customer writes
       rs when something was sent last, ms    ri number of the last message with a route
       z  number of the last event whose contact was counted
  2  log (stream): id n-0; k kind, for kind m also i mail name, then d data
  3  dedup (string): "seq:length:fingerprint", then "!result" once disposed
  4  due (zset of conversation names): > 0 time in ms when undisposed mail is
     overdue; < 0 minus the time of the last activity, nothing waits
  5  deliveries (zset of conversation names): when something is to be pushed, ms
ARGV
  1  fingerprint                 2  event data
  3  mail name                   4  worker
  5  lease, ms                   6  life of the dedup key, ms
  7  most undisposed messages    8  result where a person owns the conversation;
                                    the owner's name is put after it
  9  entries kept in the log     10 conversation name
  11 wake-up channel             12 route of the replies, '' none
  13 when the platform had the message, ms; 0 unknown; -1 it counts sends by the
     address that comes with a message
REPLY
  {1, seq, epoch, state}                      leased, this message is the oldest
  {1, seq, epoch, state, q, tries, i, data}   leased, an older message comes first
  {2, seq}                                    waiting: the lease holder gets it
  {3, seq, owner, state}                      a person owns the conversation
  {4, seq, result}                            repeat; result is missing if pending
  {5, seq}                                    same id, another fingerprint
  {6}                                         mailbox full, nothing written
]]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local c = redis.call('HMGET', KEYS[1], 'n', 'k', 'u', 'o', 's', 'e', 'q', 't',
  'r', 'rh', 'rn', 'rf', 'rl')
local n = (tonumber(c[1]) or 0) + 1
local k = tonumber(c[2]) or 0
local owner = c[4] or ''
local fingerprint = ARGV[1]

local seen
if k >= tonumber(ARGV[7]) then
  seen = redis.call('GET', KEYS[3])
  if not seen then return {6} end
else
  local claim = n .. ':' .. #fingerprint .. ':' .. fingerprint
  if owner ~= '' then claim = claim .. '!' .. ARGV[8] .. owner end
  seen = redis.call('SET', KEYS[3], claim, 'NX', 'GET', 'PX', ARGV[6])
end

if seen then
  local seq, length, from = string.match(seen, '^(%d+):(%d+):()')
  local to = from + tonumber(length)
  if string.sub(seen, from, to - 1) ~= fingerprint then
    return {5, tonumber(seq)}
  end
  if #seen < to then return {4, tonumber(seq)} end
  return {4, tonumber(seq), string.sub(seen, to + 1)}
end

-- Replies go where the customer wrote last; a message without a route ends that.
if ARGV[12] ~= '' then
  -- What was sent after the platform had this message, or is on its way, the
  -- platform counts for this message.
  local sent_at, spent = tonumber(ARGV[13]), 0
  if sent_at > 0 then
    for at in string.gmatch(c[13] or '', '%d+') do
      if tonumber(at) >= sent_at then spent = spent + 1 end
    end
  end
  if spent == 0 and c[12] and sent_at >= 0 then spent = 1 end
  redis.call('HSET', KEYS[1], 'r', ARGV[12], 'ra', now, 'rb', spent,
    'ri', n, 'rn', c[11] or n)
  if spent > 0 then redis.call('HSET', KEYS[1], 'rg', n) end
  if c[10] then
    redis.call('HDEL', KEYS[1], 'rh')
    redis.call('ZADD', KEYS[5], 'NX', now, ARGV[10])
  end
elseif c[9] then
  redis.call('HDEL', KEYS[1], 'r', 'rh', 'rn', 'rp')
end

local id = n .. '-0'
local wake = ARGV[10] .. ' ' .. n

if owner ~= '' then
  redis.call('XADD', KEYS[2], 'MINID', '~', math.max(n - ARGV[9], 0) .. '-0', id,
    'k', 'm', 'i', ARGV[3], 'd', ARGV[2])
  redis.call('HSET', KEYS[1], 'n', n, 'd', n)
  redis.call('ZADD', KEYS[4], -now, ARGV[10])
  redis.call('PUBLISH', ARGV[11], wake)
  return {3, n, owner, c[5] or ''}
end

redis.call('XADD', KEYS[2], id, 'k', 'm', 'i', ARGV[3], 'd', ARGV[2])
redis.call('PUBLISH', ARGV[11], wake)

-- A lease that ends later than any can was given before the clock was set back.
local until_ms = tonumber(c[3]) or 0
if until_ms > now and until_ms <= now + 2 * ARGV[5] then
  redis.call('HSET', KEYS[1], 'n', n, 'k', k + 1)
  return {2, n}
end

local epoch = (tonumber(c[6]) or 0) + 1
local oldest, tries = n, 0
if k > 0 then
  oldest, tries = tonumber(c[7]), tonumber(c[8]) + 1
end
local expires = now + ARGV[5]
redis.call('HSET', KEYS[1], 'n', n, 'k', k + 1, 'q', oldest, 'e', epoch,
  'u', expires, 'h', ARGV[4], 't', tries)
redis.call('ZADD', KEYS[4], expires, ARGV[10])
if oldest == n then return {1, n, epoch, c[5] or ''} end
local head = redis.call('XRANGE', KEYS[2], oldest .. '-0', oldest .. '-0')[1][2]
return {1, n, epoch, c[5] or '', oldest, tries, head[4], head[6]}
