-- Decides requests for permits, refunds permits, blocks keys, or reserves permits and settles, in one atomic step.
-- The arithmetic is that of TokenBucket, SlidingWindow and FixedWindow in the core, to the microsecond.
--
-- KEYS     the keys; if a key occurs twice, the later request sees the state that the earlier one leaves
-- ARGV[1]  operation:1 time:7, then per key policy:2 count:2 and count times permits:5, then what the operation adds
--            operation  e  each request is decided by itself, those of one key in the given order
--                       a  all requests are granted, or none is charged
--                       p  peek: as e, but nothing is charged
--                       r  refund; adds charged at:7, which is 7 bytes 255 for the permits taken last
--                       b  the key is blocked, with 0 permits; adds duration:7 in microseconds; a block that ends later
--                          stays
--                       o  open a reservation: as e, and the charge can be settled; adds id:16 duration:7 most open:2
--                          refunded at expiry:1; an id that is open is granted once more and charged no more
--                       s  settle a reservation, with 0 permits; adds id:16 expiry:7 permits used:6 missing if it has
--                          expired:6 most debt:5, 5 bytes 255 for the capacity of each limit
--                       r, b, o and s have one request
--            time       microseconds since the epoch, or 0 for the time of this server
--            policy     1 for ARGV[2], 2 for ARGV[3], ...
-- ARGV[2]  and further, one argument per policy; per limit of the policy
--            t permits:5 period:6 capacity:5 divisor:6 head:1 layout:10    token bucket; divisor is the greatest common
--              divisor of permits and period; head and layout describe its state (below), layout for struct.unpack
--            s permits:5 period:6    sliding window
--            f permits:5 period:6    fixed window; all periods are in microseconds
--            c permits:5 calendar:6 number:3 starts:35    calendar quota: a fixed window between instants of a time zone.
--              calendar identifies the calendar in states; starts are the times:7 at which the window of the number, and
--              the four after it, start. They are the window before the caller's time, that of its time, and so on
-- Returns  time:7, then per request status:1 and, per limit of its policy, the state after the decision
--            status  1  granted; for operation a: all requests are
--                    0  not granted
--                    2  the key contains something else, which was not changed; no limits follow
--                    3  the key is blocked and grants only 0 permits; until:7 and the limits without the block follow
--                    4  the time is in none of the first three windows of a calendar quota; nothing was changed, and no
--                       limits follow; for operation a, then all requests have this status
--            For o and s, outcome:1 time:7 follow the status, unless it is 2. If the outcome is not 0, the status and
--            the states are those of a request for 0 permits.
--            o  0  decided like e, and charged now if granted
--               1  open since the time
--               2  denied, because too many are open; the first one expires at the time
--            s  0  unknown, nothing changed
--               1  settled
--               2  expired; the missing permits are charged
--            t  time:7 whole permits owed:5 rest owed in 1/period permits:6
--            s, f, c  permits used:5 time when the requested permits are free:7 (0 if they are) time when all are free:7
-- Writes   charges, refunds, blocks and reservations, once per key; a denial or a peek writes nothing
--          A key is deleted, or expires, when all permits are free, and no block and no reservation is left.
-- State    a string with one part per limit; the first byte of a part is 128 + 30 * kind + 5 * (w - 1) + (v - 1)
--            t  kind 0: head:1 period:w time:7 permits owed:v rest owed:w
--            f  kind 1: head:1 period:w window:7 permits used:v
--            s  kind 2: head:1 period:w newest segment:7 permits used:v cells:1, then the cells:v, newest first
--            c  kind 4, of which w is not written: head:1 calendar:6 window:3 permits used:v
--            t  kind 3, after a refund by the time of the charge: as kind 0, then busy since:7 generous at:7 permits:5
--               capacity:5
--          If the key is blocked, 255 until:7 comes first. If reservations are open, 254 count:2 comes next, and per
--          reservation id:16 permits:5 charged at:7 expiry:7 refunded at expiry:1, in the order of expiry and id.
--          Text starts with other bytes, and so may later versions.
--
-- A bucket that owes permits needs as many to be full; after a settlement, or if its limit was lowered, it may owe more
-- than its capacity, and a window may have used more than its permits. A bucket is busy since an instant if each charge
-- and refund since has found that it owes half of its capacity or more. It was generous at the last instant at which it
-- refunded more than had not dripped in since the charge, or 0. See TokenBucket.
--
-- name:n is an unsigned big-endian integer of n bytes. Numbers are doubles, exact up to 2^53. Permits are below 2^40,
-- periods below 2^45; times in microseconds reach 2^53 in 2255.

local floor, ceil = math.floor, math.ceil
local pack, unpack, format = struct.pack, struct.unpack, string.format

local EXACT = 2 ^ 52
-- Keys expire by the clock of the server. If the caller passes the time, they live this many milliseconds longer.
local PX_EXTRA = 3600000

local input = ARGV[1]
local operation, now, at = unpack('>c1I7', input)
local px_extra = now > 0 and PX_EXTRA or 0
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end

-- First path, of nearly all calls: operation e, policies of one token bucket, keys that are new or were written under
-- the same bucket, and numbers that stay exact. As in the core, one permit is period / divisor units.
local answers, answered, others, buckets, texts = {}, 0, {}, {}, {}
-- The keys that a later path decides, in the order of their requests.
local later = {}
for _, key in ipairs(KEYS) do
  local policy, count, first = unpack('>HH', input, at)
  at = first + 5 * count
  local bucket = buckets[policy]
  if bucket == nil then
    local text = ARGV[policy + 1]
    bucket = false
    if operation == 'e' and #text == 34 then
      local _, permits, period, capacity, divisor, head, layout = unpack('>c1I5I6I5I6Bc10', text)
      local unit = period / divisor
      if capacity * unit < EXACT then
        bucket = {period = period, divisor = divisor, unit = unit, micro = permits / divisor,
            capacity = capacity * unit, head = head, layout = layout, size = struct.size(layout)}
      end
    end
    buckets[policy] = bucket
  end
  bucket = not later[key] and bucket
  local found = bucket and redis.pcall('GET', key)
  local plain, time, owed = bucket and not found, now, 0
  if found and type(found) == 'string' and #found == bucket.size then
    local head, period, since, permits, rest = unpack(bucket.layout, found)
    owed = permits * bucket.unit + rest / bucket.divisor
    plain = head == bucket.head and period == bucket.period and rest < period and rest % bucket.divisor == 0
        and owed < EXACT
    if since < now then
      local repaid = (now - since) * bucket.micro
      owed = repaid < owed and owed - repaid or 0
    else
      time = since
    end
  end
  if plain then
    local unit, divisor, capacity = bucket.unit, bucket.divisor, bucket.capacity
    local charged, whole, rest = false, nil, nil
    for request = 1, count do
      local permits = unpack('>I5', input, first + 5 * (request - 1))
      local after, status = owed + permits * unit, 1
      if permits > 0 then
        if after <= capacity then
          owed, charged = after, true
        else
          status = 0
        end
      end
      rest = owed % unit
      whole, rest = (owed - rest) / unit, rest * divisor
      answers[answered + request] = pack('>BI7I5I6', status, time, whole, rest)
    end
    if charged then
      -- One more millisecond covers the roundings and the fraction of a millisecond that the expiry ignores.
      local px = ceil((time - now + owed / bucket.micro) / 1000) + 1 + px_extra
      redis.call('SET', key, pack(bucket.layout, bucket.head, bucket.period, time, whole, rest), 'PX', format('%d', px))
      texts[key] = nil
    end
  else
    if type(found) == 'string' then
      texts[key] = found
    end
    later[key] = true
    others[#others + 1] = {key = key, policy = policy, count = count, first = first, answered = answered}
  end
  answered = answered + count
end
if #others == 0 then
  return pack('>I7', now) .. table.concat(answers)
end

-- Second path: the same for policies of one sliding or fixed window. A fixed window is a sliding one with a single
-- cell, which is all that it has used.

local max, min, find, sub = math.max, math.min, string.find, string.sub

local PX_LONGEST = 1e15

-- Returns the number of bytes that a number needs.
local function width(number)
  local bytes, over = 1, 256
  while number >= over do
    bytes, over = bytes + 1, over * 256
  end
  return bytes
end

local function set(key, text, life)
  redis.call('SET', key, text, 'PX', format('%d', min(PX_LONGEST, ceil(life / 1000) + 1) + px_extra))
end

local windows, remaining, last = {}, {}, {}
for _, group in ipairs(others) do
  local key, policy, count, first = group.key, group.policy, group.count, group.first
  local window = windows[policy]
  if window == nil then
    local text = ARGV[policy + 1]
    window = false
    if operation == 'e' and #text == 12 then
      local kind, permits, period = unpack('>c1I5I6', text)
      local fixed, w, v = kind == 'f', width(period), width(permits)
      local layout, segment = '>BI' .. w .. 'I7I' .. v .. (fixed and '' or 'B'), fixed and period or ceil(period / 64)
      window = {fixed = fixed, permits = permits, period = period, head = (fixed and 158 or 188) + 5 * (w - 1) + v - 1,
          layout = layout, size = struct.size(layout), cell = '>I' .. v, width = v,
          segment = segment, segments = fixed and 1 or ceil(period / segment) + 1, newest = floor(now / segment)}
    end
    windows[policy] = window
  end
  window = not last[key] and window
  local found = window and redis.pcall('GET', key)
  -- The number of the newest segment, its permits, the cells of the older ones, and the permits of all.
  local plain, newest, present, older, used = window and not found, window and window.newest, 0, '', 0
  if found and type(found) == 'string' and #found >= window.size then
    local fixed, size, segments = window.fixed, window.width, window.segments
    local head, period, since, sum, cells = unpack(window.layout, found)
    cells = fixed and 0 or cells
    plain = head == window.head and period == window.period and cells <= segments
        and #found == window.size + cells * size
    local passed = newest - since
    if plain and passed <= 0 then
      newest, used, older = since, sum, sub(found, window.size + size + 1)
      present = fixed and sum or cells > 0 and unpack(window.cell, found, window.size + 1) or 0
    elseif plain and not fixed and sum > 0 then
      local kept = max(0, min(cells, segments - passed))
      used = sum
      for start = window.size + kept * size + 1, #found, size do
        used = used - unpack(window.cell, found, start)
      end
      if used > 0 then
        older = string.rep('\0', (passed - 1) * size) .. sub(found, window.size + 1, window.size + kept * size)
      end
    end
  end
  if plain then
    local most, segment, cell, size = window.permits, window.segment, window.cell, window.width
    local leaves, charged, reset = newest + window.segments, false, 0
    for request = 1, count do
      local permits, status, retry = unpack('>I5', input, first + 5 * (request - 1)), 1, 0
      if permits > most - used and permits > 0 then
        status = 0
      else
        present, used, charged = present + permits, used + permits, charged or permits > 0
        permits = max(1, most - used + 1)
      end
      if present > 0 then
        reset = leaves * segment
      elseif used > 0 then
        reset = (leaves - ceil(find(older, '[^%z]') / size)) * segment
      end
      if permits <= most then
        -- The oldest permits leave first.
        local excess, oldest = used + permits - most, #older / size + 1
        while excess > 0 and oldest > 1 do
          oldest = oldest - 1
          excess = excess - unpack(cell, older, (oldest - 1) * size + 1)
        end
        retry = (leaves - (excess > 0 and 0 or oldest)) * segment
      end
      answers[group.answered + request] = pack('>BI5I7I7', status, used, retry, reset)
    end
    if charged then
      local text = pack(window.layout, window.head, window.period, newest, used, 1 + #older / size)
      set(key, window.fixed and text or text .. pack(cell, present) .. older, max(reset, newest * segment) - now)
      texts[key] = nil
    end
  else
    if type(found) == 'string' then
      texts[key] = found
    end
    last[key] = true
    for request = 1, count do
      remaining[#remaining + 1] = {key = key, policy = policy, number = group.answered + request,
          permits = unpack('>I5', input, first + 5 * (request - 1))}
    end
  end
end
if #remaining == 0 then
  return pack('>I7', now) .. table.concat(answers)
end

-- General path: several limits, calendar quotas, changed limits, and numbers that a double cannot hold.

local byte, rep = string.byte, string.rep

local SEGMENTS = 65
local KINDS = {[0] = 't', 'f', 's', 't', 'c'}
local REFUNDED = 218
local BLOCKED = 255
local RESERVED = 254
local CALENDAR = 248
-- The bytes of a reservation, and of its id, with which it begins.
local RESERVATION, ID = 36, 16
-- Faster than formatting each number.
local DIGITS = {'1', '2', '3', '4', '5', '6'}

-- Returns the quotient and the remainder of a * b / m, for a < m < 2^45 and b up to 2^48, or b = 2^62. Multiplies byte
-- by byte if the product is too large to be exact.
local function muldiv(a, b, m)
  if a * b < EXACT then
    return floor(a * b / m), a * b % m
  end
  local whole, rest = 0, 0
  for shift = 56, 0, -8 do
    local left, right = rest * 256, a * (floor(b / 2 ^ shift) % 256)
    whole = whole * 256 + floor(left / m) + floor(right / m)
    rest = left % m + right % m
    if rest >= m then
      whole, rest = whole + 1, rest - m
    end
  end
  return whole, rest
end

-- Returns the permits in cell i of a sliding window; cell 1 is the newest.
local function cell(state, i)
  return (unpack('>I' .. DIGITS[state.width], state.cells, (i - 1) * state.width + 1))
end

-- Returns the time at which cell i leaves the window.
local function leaves(state, i)
  return (state.newest - (i - 1) + ceil(state.period / state.segment) + 1) * state.segment
end

-- Returns the states in a stored text, or nil if it contains something else.
local function read(text)
  local states, at, size = {}, 1, #text
  while at <= size do
    local head = byte(text, at) - 128
    local kind, w, v = KINDS[floor(head / 30)], floor(head % 30 / 5) + 1, head % 5 + 1
    local ws, vs, refunded = DIGITS[w], DIGITS[v], head >= REFUNDED - 128
    local period, time, used, rest, cells, s
    if kind == 't' and at + 7 + w + v + w + (refunded and 24 or 0) <= size then
      period, time, used, rest, at = unpack('>I' .. ws .. 'I7I' .. vs .. 'I' .. ws, text, at + 1)
      s = {kind = kind, period = period, time = time, owed = used, rest = rest}
      if refunded then
        s.busy, s.generous, s.permits, s.capacity, at = unpack('>I7I7I5I5', text, at)
      end
    elseif kind == 'f' and at + 7 + w + v <= size then
      period, time, used, at = unpack('>I' .. ws .. 'I7I' .. vs, text, at + 1)
      s = {kind = kind, period = period, window = time, used = used}
    elseif kind == 'c' and w == 1 and at + 9 + v <= size then
      period, time, used, at = unpack('>I6I3I' .. vs, text, at + 1)
      s = {kind = kind, period = period, window = time, used = used}
    elseif kind == 's' and at + 8 + w + v <= size then
      period, time, used, cells, at = unpack('>I' .. ws .. 'I7I' .. vs .. 'B', text, at + 1)
      s = {kind = kind, period = period, newest = time, used = used, width = v, count = cells,
          cells = sub(text, at, at + v * cells - 1)}
      at = at + v * cells
    else
      return nil
    end
    if period == 0 or kind == 't' and rest >= period or kind == 's' and cells > SEGMENTS then
      return nil
    end
    states[#states + 1] = s
  end
  return at > 1 and at == size + 1 and states or nil
end

-- Returns the text of states.
local function write(limits, states)
  local text = ''
  for i, s in ipairs(states) do
    local w = width(s.period)
    if s.kind == 't' then
      local v = width(max(s.owed, limits[i].capacity))
      text = text .. pack('>BI' .. DIGITS[w] .. 'I7I' .. DIGITS[v] .. 'I' .. DIGITS[w],
          (s.busy and REFUNDED or 128) + 5 * (w - 1) + v - 1, s.period, s.time, s.owed, s.rest)
      if s.busy then
        text = text .. pack('>I7I7I5I5', s.busy, s.generous, s.permits, s.capacity)
      end
    elseif s.kind == 'f' then
      local v = width(max(s.used, limits[i].permits))
      text = text .. pack('>BI' .. DIGITS[w] .. 'I7I' .. DIGITS[v],
          158 + 5 * (w - 1) + v - 1, s.period, s.window, s.used)
    elseif s.kind == 'c' then
      local v = width(s.used)
      text = text .. pack('>BI6I3I' .. DIGITS[v], CALENDAR + v - 1, s.period, s.window, s.used)
    else
      local v = s.width
      text = text .. pack('>BI' .. DIGITS[w] .. 'I7I' .. DIGITS[v] .. 'B',
          188 + 5 * (w - 1) + v - 1, s.period, s.newest, s.used, s.count) .. s.cells
    end
  end
  return text
end

-- Returns the stored state that each limit continues: the one of its kind and period, otherwise the first remaining one
-- that it can read. Windows cannot read another period.
local function predecessors(limits, stored)
  local same = #stored == #limits
  for i = 1, #stored do
    same = same and stored[i].kind == limits[i].kind and stored[i].period == limits[i].period
  end
  if same or #stored == 0 then
    return stored
  end
  local before, taken = {}, {}
  local function take(i, limit, anyPeriod)
    for j, state in ipairs(stored) do
      if not taken[j] and state.kind == limit.kind and (anyPeriod or state.period == limit.period) then
        before[i], taken[j] = state, true
        return
      end
    end
  end
  for i, limit in ipairs(limits) do
    take(i, limit, false)
  end
  for i, limit in ipairs(limits) do
    if not before[i] and limit.kind == 't' then
      take(i, limit, true)
    end
  end
  return before
end

-- Returns what a stored bucket owes, in the units of another one. Whole permits stay whole, the rest is rounded up to a
-- unit. The core counts at most 2^62 units.
local function converted(limit, stored)
  local units = limit.period / limit.divisor
  local owed, rest, more = stored.owed, muldiv(stored.rest, units, stored.period)
  if more > 0 then
    rest = rest + 1
  end
  if rest == units then
    owed, rest = owed + 1, 0
  end
  if owed * units > 2 ^ 61 then
    local most, left = muldiv(1, 2 ^ 62, units)
    if owed > most or owed == most and rest > left then
      owed, rest = most, left
    end
  end
  return owed, rest * limit.divisor
end

-- Subtracts whole permits and a rest from what a bucket owes, at most all.
local function less(limit, owed, rest, whole, part)
  owed, rest = owed - whole, rest - part
  if rest < 0 then
    owed, rest = owed - 1, rest + limit.period
  end
  if owed < 0 then
    return 0, 0
  end
  return owed, rest
end

-- Returns a bucket. One that has had refunds knows since when it is busy, when it was generous, and its limit.
local function bucket(limit, time, owed, rest, busy, generous)
  local state = {kind = 't', period = limit.period, time = time, owed = owed, rest = rest}
  if busy then
    state.busy, state.generous, state.permits, state.capacity = busy, generous, limit.permits, limit.capacity
  end
  return state
end

-- Returns until when a bucket remembers that it was generous: until all charges before are repaid.
local function remembers(state)
  if not state.busy or state.generous == 0 then
    return 0
  end
  local whole, rest = muldiv(state.capacity % state.permits, state.period, state.permits)
  return state.generous + floor(state.capacity / state.permits) * state.period + whole + (rest > 0 and 1 or 0)
end

-- Returns the number of the window of a calendar quota at an instant. All windows before the given ones are one.
local function calendar_window(limit, now)
  local i = 0
  while i < #limit.starts and now >= limit.starts[i + 1] do
    i = i + 1
  end
  return limit.first + i - 1
end

-- Returns when a window of a calendar quota starts: an early time before the given ones, a late one after them.
local function calendar_start(limit, window)
  local starts, i = limit.starts, window - limit.first + 1
  return starts[i] or i < 1 and 0 or starts[#starts] + (i - #starts) * (starts[#starts] - starts[1])
end

-- Returns a fixed window. It knows when it starts and ends.
local function fixed(limit, window, used)
  local state = {kind = limit.kind, period = limit.period, window = window, used = used}
  if limit.kind == 'c' then
    state.starts, state.ends = calendar_start(limit, window), calendar_start(limit, window + 1)
  else
    state.starts, state.ends = window * limit.period, (window + 1) * limit.period
  end
  return state
end

-- Brings a stored state forward to an instant, under a limit. Time never runs backwards.
local function forward(limit, stored, now)
  local period = limit.period
  if limit.kind == 't' then
    if not stored then
      return bucket(limit, now, 0, 0)
    end
    local owed, rest, passed = stored.owed, stored.rest, max(0, now - stored.time)
    if stored.period ~= period or rest % limit.divisor ~= 0 or owed * period > 2 ^ 61 * limit.divisor then
      owed, rest = converted(limit, stored)
    end
    local whole, part = muldiv(passed % period, limit.permits, period)
    owed, rest = less(limit, owed, rest, floor(passed / period) * limit.permits + whole, part)
    local time = stored.time + passed
    if not stored.busy or owed == 0 and rest == 0 and time >= remembers(stored) then
      return bucket(limit, time, owed, rest)
    elseif stored.period == period and stored.permits == limit.permits and stored.capacity == limit.capacity then
      return bucket(limit, time, owed, rest, stored.busy, stored.generous)
    end
    -- Half of another capacity is another debt, and another rate repays charges in another time.
    return bucket(limit, time, owed, rest, time, time)
  elseif limit.kind ~= 's' then
    local window = limit.kind == 'c' and calendar_window(limit, now) or floor(now / period)
    if stored and stored.window >= window then
      return fixed(limit, stored.window, stored.used)
    end
    return fixed(limit, window, 0)
  end
  local segment = ceil(period / 64)
  if stored then
    now = max(now, stored.newest * segment)
  end
  local newest = floor(now / segment)
  local passed = stored and newest - stored.newest
  -- The window is the present segment and those before it that cover a period.
  local kept = stored and min(stored.count, ceil(period / segment) + 1 - passed)
  if not stored or kept <= 0 or passed > 0 and stored.used == 0 then
    return {kind = 's', period = period, segment = segment, newest = newest, used = 0, width = 1, count = 0, cells = ''}
  end
  local used, width = stored.used, stored.width
  for gone = kept + 1, stored.count do
    used = used - cell(stored, gone)
  end
  return {kind = 's', period = period, segment = segment, newest = newest, used = used, width = width,
      count = passed + kept, cells = rep('\0', passed * width) .. sub(stored.cells, 1, kept * width)}
end

local function admits(limit, state, permits)
  if limit.kind == 't' then
    local owed = state.owed + permits
    return permits == 0 or owed < limit.capacity or owed == limit.capacity and state.rest == 0
  end
  return permits == 0 or permits <= limit.permits - state.used
end

-- Returns a sliding window with one changed cell, and the sum of all. All cells become wider if they need it.
local function changed(limit, state, i, permits, used)
  local width = state.width
  while max(limit.permits, used) >= 256 ^ width do
    width = width + 1
  end
  local cells, count = state.cells, state.count
  if width > state.width then
    local wider = {}
    for j = 1, count do
      wider[j] = pack('>I' .. DIGITS[width], cell(state, j))
    end
    cells = table.concat(wider)
  end
  return {kind = 's', period = state.period, segment = state.segment, newest = state.newest, used = used,
      width = width, count = max(i, count),
      cells = sub(cells, 1, (i - 1) * width) .. pack('>I' .. DIGITS[width], permits) .. sub(cells, i * width + 1)}
end

-- Returns a bucket with another debt, after an operation that has found the present one.
local function with_debt(limit, state, owed, rest)
  local busy = state.busy
  if busy and state.owed < floor(limit.capacity / 2) then
    busy = state.time
  end
  return bucket(limit, state.time, owed, rest, busy, state.generous)
end

local function charge(limit, state, permits)
  if state.kind == 't' then
    return with_debt(limit, state, state.owed + permits, state.rest)
  elseif state.kind ~= 's' then
    return fixed(limit, state.window, state.used + permits)
  end
  return changed(limit, state, 1, (state.count > 0 and cell(state, 1) or 0) + permits, state.used + permits)
end

-- Returns when all permits of a window are free; 0 if they are.
local function reset(state)
  if state.used == 0 then
    return 0
  elseif state.kind ~= 's' then
    return state.ends
  end
  local latest = 1
  while cell(state, latest) == 0 do
    latest = latest + 1
  end
  return leaves(state, latest)
end

-- Returns when a window admits the permits; 0 if it does now, or never will.
local function retry(limit, state, permits)
  if admits(limit, state, permits) or permits > limit.permits then
    return 0
  elseif state.kind ~= 's' then
    return state.ends
  end
  local excess, oldest = state.used + permits - limit.permits, state.count + 1
  while excess > 0 do
    oldest = oldest - 1
    excess = excess - cell(state, oldest)
  end
  return leaves(state, oldest)
end

-- The functions for refunds and reservations; see below.
local charges = {}

-- Stores states until they are empty: all permits are free, the block has ended, all reservations have expired, and the
-- latest time that was seen has passed. Rounds the expiry up. Deletes the key if the states are empty now.
local function store(key, limits, states, blocked, open)
  local life = max(0, blocked - now)
  local front = life > 0 and pack('>BI7', BLOCKED, blocked) or ''
  if #open > 0 then
    life = max(life, charges.last(limits, open) - now)
    front = front .. pack('>BH', RESERVED, #open / RESERVATION) .. open
  end
  for i, state in ipairs(states) do
    if state.kind == 't' then
      life = max(life, state.time - now + (state.owed * state.period + state.rest) / limits[i].permits,
          remembers(state) - now)
    else
      local seen = state.kind == 's' and state.newest * state.segment or state.starts
      life = max(life, seen - now, reset(state) - now)
    end
  end
  if life == 0 then
    redis.call('DEL', key)
  else
    set(key, front .. write(limits, states), life)
  end
end

-- Returns the limits of a policy.
local function limits_of(policy)
  local limits, at, text = {}, 1, ARGV[policy + 1]
  while at <= #text do
    local kind, permits, period, capacity, divisor, first, starts
    kind, permits, period, at = unpack('>c1I5I6', text, at)
    if kind == 't' then
      capacity, divisor, at = unpack('>I5I6', text, at)
      at = at + 11
    elseif kind == 'c' then
      starts = {}
      first, starts[1], starts[2], starts[3], starts[4], starts[5], at = unpack('>I3I7I7I7I7I7', text, at)
      limits.outside = limits.outside or now < starts[1] or now >= starts[4]
    end
    limits[#limits + 1] = {kind = kind, permits = permits, period = period, capacity = capacity or permits,
        divisor = divisor, first = first, starts = starts}
  end
  return limits
end

-- Returns the states of a key, false if it is empty, or nil if it contains something else; then the end of its block,
-- or 0, and the text of its reservations.
local function stored_states(key)
  local text = texts[key] or redis.pcall('GET', key)
  if type(text) == 'table' then
    if find(text.err, 'WRONGTYPE', 1, true) then
      return nil
    end
    -- Other errors are not about this key. Without pcall, the same error ends the script.
    redis.call('GET', key)
  end
  if not text then
    return false, 0, ''
  end
  local blocked, open, at = 0, '', 1
  if byte(text) == BLOCKED and #text >= 8 then
    blocked, at = unpack('>I7', text, 2)
  end
  if byte(text, at) == RESERVED and #text >= at + 2 then
    local size = unpack('>H', text, at + 1) * RESERVATION
    open = sub(text, at + 3, at + 2 + size)
    at = at + 3 + size
  end
  return read(at > 1 and sub(text, at) or text), blocked, open
end

-- Returns the changed state of each limit.
local function each(change, limits, states, permits, more)
  local after = {}
  for i, limit in ipairs(limits) do
    after[i] = change(limit, states[i], permits, more)
  end
  return after
end

-- Finds each key once.
local limits, latest, reserved, outside = {}, {}, false, false
for _, request in ipairs(remaining) do
  limits[request.policy] = limits[request.policy] or limits_of(request.policy)
  request.limits = limits[request.policy]
  outside = outside or request.limits.outside
  if not latest[request.key] then
    local states, blocked, open = stored_states(request.key)
    latest[request.key] = {states = states, blocked = blocked, open = open}
    reserved = reserved or states and #open > 0
  end
end

-- Refunds and reservations. Most calls need none of these functions, and would spend a tenth of their time on them.
if reserved or operation == 'r' or operation == 'o' or operation == 's' then
  local MAX_PERMITS = 1e12
  -- Seven bytes 255, as a double.
  local LATEST = 2 ^ 56
  -- Five bytes 255.
  local DEBT_OF_CAPACITY = 2 ^ 40 - 1

  -- Charges permits even if they are not free, as far as the debt stays within a bound.
  local function charge_beyond(limit, state, permits, debt)
    local most = min(MAX_PERMITS, limit.capacity + (debt == DEBT_OF_CAPACITY and limit.capacity or debt))
    if state.kind == 't' then
      -- Fewer, if the core cannot count as many.
      most = forward(limit, bucket(limit, now, most, 0), now).owed - state.owed - (state.rest > 0 and 1 or 0)
    else
      most = most - state.used
    end
    return charge(limit, state, min(permits, max(0, most)))
  end

  -- Refunds permits as far as their charge still takes them. That is what a bucket owes that only had this charge, if
  -- this one was not generous since, and up to half of the capacity if it has been busy since.
  local function refund_bucket(limit, state, permits, charged_at)
    local charged = bucket(limit, min(charged_at, state.time), permits > MAX_PERMITS and 2 ^ 62 or permits, 0)
    local unpaid, half = forward(limit, charged, state.time), floor(limit.capacity / 2)
    if charged_at == LATEST then
      return with_debt(limit, state, less(limit, state.owed, state.rest, unpaid.owed, unpaid.rest))
    end
    local busy, generous, owed, rest = state.busy, state.generous or 0, unpaid.owed, unpaid.rest
    if generous > 0 and charged_at <= generous then
      owed, rest = 0, 0
    end
    local least = min(permits, half)
    if busy and charged_at > busy and owed < least then
      if state.owed > owed or state.owed == owed and state.rest > rest then
        generous = state.time
      end
      owed, rest = least, 0
    end
    owed, rest = less(limit, state.owed, state.rest, owed, rest)
    return bucket(limit, state.time, owed, rest, busy and state.owed >= half and busy or state.time, generous)
  end

  -- Refunds permits of one cell of a sliding window, or those that were taken last.
  local function refund_sliding(limit, state, permits, charged_at)
    local first, last = 1, state.count
    if charged_at ~= LATEST then
      first = state.newest - floor(charged_at / state.segment) + 1
      last = first <= last and first or 0
    end
    local left = min(permits, state.used)
    for i = max(1, first), last do
      local back = min(left, cell(state, i))
      if back > 0 then
        state = changed(limit, state, i, cell(state, i) - back, state.used - back)
      end
      left = left - back
      if left == 0 then
        break
      end
    end
    return state
  end

  local function refund(limit, state, permits, charged_at)
    if state.kind == 't' then
      return refund_bucket(limit, state, permits, charged_at)
    elseif state.kind == 's' then
      return refund_sliding(limit, state, permits, charged_at)
    elseif charged_at == LATEST or charged_at >= state.starts and charged_at < state.ends then
      return fixed(limit, state.window, max(0, state.used - permits))
    end
    return state
  end

  -- Returns the permits of the reservation that begins at a byte, the times of its charge and its expiry, and whether
  -- it is refunded at its expiry.
  local function reservation(open, at)
    local permits, charged_at, expiry, refunded = unpack('>I5I7I7B', open, at + ID)
    return permits, charged_at, expiry, refunded == 1
  end

  -- Returns the byte at which the reservation with an id begins, or nil.
  local function position(open, id)
    local at = find(open, id, 1, true)
    while at and (at - 1) % RESERVATION > 0 do
      at = find(open, id, at + 1, true)
    end
    return at
  end

  -- Returns whether an id comes before another one. Strings are compared by the locale of the server.
  local function precedes(id, other)
    for i = 1, ID do
      local own, its = byte(id, i), byte(other, i)
      if own ~= its then
        return own < its
      end
    end
    return false
  end

  -- Adds a reservation in the order of expiry and id.
  local function with_reservation(open, id, permits, expiry, refunded)
    local at = #open + 1
    while at > 1 do
      local before = at - RESERVATION
      local _, _, its = reservation(open, before)
      if its < expiry or its == expiry and precedes(sub(open, before, before + ID - 1), id) then
        break
      end
      at = before
    end
    return sub(open, 1, at - 1) .. id .. pack('>I5I7I7B', permits, now, expiry, refunded) .. sub(open, at)
  end

  -- Sets the outcome of a request, which is then answered like one for 0 permits.
  local function answer(request, outcome, time)
    request.outcome, request.permits, request.granted = pack('>BI7', outcome, time), 0, true
  end

  -- The operations return the states and the reservations that they leave, or nil if they change nothing.
  function charges.r(request, states, open, existed)
    if existed then
      return each(refund, request.limits, states, request.permits, (unpack('>I7', input, at))), open
    end
  end

  function charges.o(request, states, open)
    local id, duration, most, refunded = unpack('>c16I7HB', input, at)
    local found = position(open, id)
    if found then
      local _, charged_at = reservation(open, found)
      answer(request, 1, charged_at)
    elseif request.granted and #open >= most * RESERVATION then
      local _, _, first = reservation(open, 1)
      answer(request, 2, first)
    else
      request.outcome = pack('>BI7', 0, now)
      if request.granted then
        return each(charge, request.limits, states, request.permits),
            with_reservation(open, id, request.permits, now + duration, refunded)
      end
    end
  end

  function charges.s(request, states, open)
    local id, expiry, used, missing, debt = unpack('>c16I7I6I6I5', input, at)
    local found = position(open, id)
    answer(request, found and 1 or now >= expiry and 2 or 0, now)
    if found then
      local permits, charged_at = reservation(open, found)
      open = sub(open, 1, found - 1) .. sub(open, found + RESERVATION)
      if used > permits then
        return each(charge_beyond, request.limits, states, used - permits, debt), open
      end
      return each(refund, request.limits, states, permits - used, charged_at), open
    elseif now >= expiry and missing > 0 then
      return each(charge_beyond, request.limits, states, missing, debt), open
    end
  end

  -- Returns until when reservations need the state: the last one until its expiry, and those that are refunded then
  -- until a bucket forgets that it was generous.
  function charges.last(limits, open)
    local reset, last, at = 0, 0, #open - RESERVATION + 1
    for _, limit in ipairs(limits) do
      if limit.kind == 't' then
        reset = max(reset, ceil(limit.capacity * limit.period / limit.permits) + 1)
      end
    end
    repeat
      local expiry, refunded = unpack('>I7B', open, at + 28)
      last, at = max(last, expiry + refunded * reset), at - RESERVATION
    until at < 1 or expiry + reset <= last
    return last
  end

  -- Ends the reservations that have expired. Those refunded at their expiry are refunded at that instant, so the result
  -- does not depend on when the key is used next.
  function charges.expire(request, states, open)
    local at = 1
    while at <= #open do
      local permits, charged_at, expiry, refunded = reservation(open, at)
      if expiry > now then
        break
      elseif refunded then
        states = each(forward, request.limits, predecessors(request.limits, states), expiry)
        states = each(refund, request.limits, states, permits, charged_at)
      end
      at = at + RESERVATION
    end
    return states, sub(open, at)
  end
end

-- Computes the states before and after each request. The next request of a key continues from the states after it.
local all = true
for _, request in ipairs(remaining) do
  local known = latest[request.key]
  if request.limits.outside then
    request.outside, all = true, false
  elseif known.states == nil then
    request.foreign, all = true, false
  else
    local states, open = known.states or {}, known.open
    if #open > 0 then
      states, open = charges.expire(request, states, open)
    end
    states = each(forward, request.limits, predecessors(request.limits, states), now)
    local granted, after = true, nil
    for i, limit in ipairs(request.limits) do
      granted = granted and admits(limit, states[i], request.permits)
    end
    if known.blocked > now then
      granted = request.permits == 0
    end
    request.granted, all = granted, all and granted
    if operation == 'e' or operation == 'a' then
      after = granted and request.permits > 0 and each(charge, request.limits, states, request.permits)
    elseif operation == 'b' then
      after, known.blocked = states, max(known.blocked, now + unpack('>I7', input, at))
    elseif operation ~= 'p' then
      after, open = charges[operation](request, states, open, known.states)
    end
    if after then
      known.states, known.limits, known.open = after, request.limits, open
    end
    request.before, request.after = states, after or states
    if known.blocked > now then
      request.blocked = known.blocked
    end
  end
end

if operation ~= 'a' or all then
  for key, known in pairs(latest) do
    if known.limits then
      store(key, known.limits, known.states, known.blocked, known.open)
    end
  end
end

for _, request in ipairs(remaining) do
  if request.outside or operation == 'a' and outside then
    answers[request.number] = '\4'
  elseif request.foreign then
    answers[request.number] = '\2'
  else
    local granted = request.granted
    if operation == 'a' then
      granted = all
    end
    local answer = request.blocked and '\3' or granted and '\1' or '\0'
    if request.outcome then
      answer = answer .. request.outcome
    end
    if request.blocked then
      answer, granted = answer .. pack('>I7', request.blocked), false
    end
    for i, state in ipairs(operation == 'a' and not all and request.before or request.after) do
      if state.kind == 't' then
        answer = answer .. pack('>I7I5I6', state.time, state.owed, state.rest)
      else
        local permits, free = request.permits, request.limits[i].permits - state.used
        if granted then
          permits = free > 0 and free + 1 or 1
        end
        answer = answer .. pack('>I5I7I7', state.used, retry(request.limits[i], state, permits), reset(state))
      end
    end
    answers[request.number] = answer
  end
end
return pack('>I7', now) .. table.concat(answers)
