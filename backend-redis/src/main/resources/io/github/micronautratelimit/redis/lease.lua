-- Acquires, renews or releases a slot of one key, or peeks at its slots, in one atomic step.
-- The decisions are those of SlotState in the core, to the microsecond.
--
-- KEYS[1]  the key
-- ARGV[1]  operation
--            a  acquire a slot; a holder that has one keeps it with a new lease
--            k  renew the lease of a slot
--            r  release a slot
--            p  peek: the decision that a new holder would get
-- ARGV[2]  time: microseconds since the epoch, or 0 for the time of this server
-- ARGV[3]  holder: 16 unique bytes; p ignores them
-- ARGV[4]  the number of slots
-- ARGV[5]  the lease time in microseconds
-- Returns  status, held, first, last
--            status  1 if the slot is granted, or was held until now; otherwise 0
--            held    the number of slots that are held after the operation
--            first   microseconds until a slot is free if no lease is renewed; 0 if one is free
--            last    microseconds until all leases have expired; 0 if no slot is held
-- State    a sorted set of holders; the score is the microsecond at which the lease expires
--          The key is deleted with the last holder, and expires with the last lease.
--
-- Numbers are doubles, exact up to 2^53; times in microseconds reach it in the year 2255.

local max, ceil, format = math.max, math.ceil, string.format

-- Keys expire by the clock of the server. If the caller passes the time, they live this many milliseconds longer.
local PX_EXTRA = 3600000

local key, operation, now, holder = KEYS[1], ARGV[1], tonumber(ARGV[2]), ARGV[3]
local slots, lease = tonumber(ARGV[4]), tonumber(ARGV[5])
local px_extra = now > 0 and PX_EXTRA or 0
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end

-- Returns the microsecond at which the lease at a rank expires; 0 is the first to expire, -1 the last.
local function expires(rank)
  return tonumber(redis.call('ZRANGE', key, rank, rank, 'WITHSCORES')[2])
end

redis.call('ZREMRANGEBYSCORE', key, '-inf', format('%.0f', now))

local status = 0
if operation == 'r' then
  status = redis.call('ZREM', key, holder)
elseif operation == 'p' then
  status = redis.call('ZCARD', key) < slots and 1 or 0
else
  local expiry = redis.call('ZSCORE', key, holder)
  if expiry or operation == 'a' and redis.call('ZCARD', key) < slots then
    -- A caller whose clock lags does not shorten a lease.
    redis.call('ZADD', key, format('%.0f', max(now + lease, tonumber(expiry or 0))), holder)
    redis.call('PEXPIRE', key, format('%.0f', ceil((expires(-1) - now) / 1000) + px_extra))
    status = 1
  end
end

local held = redis.call('ZCARD', key)
return {status, held, held >= slots and expires(held - slots) - now or 0, held > 0 and expires(-1) - now or 0}
