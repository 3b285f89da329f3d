-- Takes, keeps, gives back or counts the places of one key, in one atomic step.
-- What is decided is what the core's Places decide, to the microsecond.
--
-- KEYS[1]  the key asked for
-- ARGV[1]  operation
--            a  take a place, or keep the one that is held
--            k  keep the place that is held
--            r  give it back
--            p  a look at what a new holder would be answered
-- ARGV[2]  time: microseconds since the epoch, or 0 for this server's own time
-- ARGV[3]  holder: 16 bytes that nobody else has; not looked at by p
-- ARGV[4]  how many places there are
-- ARGV[5]  lease: for how many microseconds a place is kept
-- Returns  status, held, first, last
--            status  1 granted, or held until now; 0 not
--            held    how many places are held after the decision
--            first   microseconds until so many have expired that one is free; 0 if one is
--            last    microseconds until all have expired; 0 if none is held
-- State    a sorted set of holders by the microsecond in which they expire. It is deleted with the last holder, and
--          expires when all have.
--
-- Numbers are doubles, exact to 2^53, which instants reach in 2255.

local max, ceil, format = math.max, math.ceil, string.format

-- A time that is passed in need not pass as this server's does, by which keys expire.
local PX_EXTRA = 3600000

local key, operation, now, holder = KEYS[1], ARGV[1], tonumber(ARGV[2]), ARGV[3]
local places, lease = tonumber(ARGV[4]), tonumber(ARGV[5])
local px_extra = now > 0 and PX_EXTRA or 0
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end

-- The microsecond in which the holder of a rank expires, counted from the first to, or from -1, the last.
local function expires(rank)
  return tonumber(redis.call('ZRANGE', key, rank, rank, 'WITHSCORES')[2])
end

redis.call('ZREMRANGEBYSCORE', key, '-inf', format('%.0f', now))

local status = 0
if operation == 'r' then
  status = redis.call('ZREM', key, holder)
elseif operation == 'p' then
  status = redis.call('ZCARD', key) < places and 1 or 0
else
  local untilWhen = redis.call('ZSCORE', key, holder)
  if untilWhen or operation == 'a' and redis.call('ZCARD', key) < places then
    -- A caller whose clock is behind shortens nobody's lease.
    redis.call('ZADD', key, format('%.0f', max(now + lease, tonumber(untilWhen or 0))), holder)
    redis.call('PEXPIRE', key, format('%.0f', ceil((expires(-1) - now) / 1000) + px_extra))
    status = 1
  end
end

local held = redis.call('ZCARD', key)
return {status, held, held >= places and expires(held - places) - now or 0, held > 0 and expires(-1) - now or 0}
