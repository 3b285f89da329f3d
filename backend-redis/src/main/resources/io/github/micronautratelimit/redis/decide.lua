-- Decides requests for permits, or gives permits back, in one atomic step: all asks are granted, or none is charged.
-- The arithmetic is that of the core's TokenBucket, SlidingWindow and FixedWindow, to the microsecond.
--
-- KEYS     one for each ask; the same key may be asked for more than once
-- ARGV     operation  acquire, peek or refund
--          time       microseconds since the epoch, or empty for this server's own time
--          then for each ask: permits, number of limits, and for each limit
--            t permits period capacity divisor    token bucket; divisor: the greatest common one of permits and period
--            s permits period                     sliding window
--            f permits period                     fixed window, periods in microseconds
-- Returns  integers: 1 if all asks are granted, else 0; the time; and for each limit of each ask how it stands after
--          the decision, in three numbers
--            t  as of when, whole permits owed, rest owed in 1/period permits
--            s, f  permits used, when the permits asked for are free (0 if they are), when all permits are free
--          Nothing for a refund.
-- Writes   what was charged or given back, and nothing else: a denial and a look write nothing. A key is deleted, or
--          expires, when every permit is free.
-- State    a string of one part for each limit, big endian
--            t  period:6 time:7 permits owed:5 rest owed:6
--            f  period:6 window:7 permits used:5
--            s  period:6 newest segment:7 permits used:5 bytes per cell:1 cells:1, then the cells, newest first
--
-- Numbers are doubles, exact to 2^53. Permits are below 2^40 and periods below 2^45; instants reach 2^53 in 2255.

local floor, max, min, ceil = math.floor, math.max, math.min, math.ceil
local pack, unpack, sub = struct.pack, struct.unpack, string.sub

local EXACT = 2 ^ 53
local SEGMENTS = 65
local TOKEN_BUCKET, FIXED_WINDOW, SLIDING_WINDOW = '>c1I6I7I5I6', '>c1I6I7I5', '>c1I6I7I5BB'
local PX_LONGEST = 1e15
-- A time that is passed in need not pass as this server's does, by which keys expire.
local PX_EXTRA = 3600000

-- The whole part and the remainder of a * b / m, for a < m < 2^45 and b to 2^48, or b = 2^62: byte by byte where the
-- product is too large to be exact.
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

-- The permits in a cell of a sliding window; 1 is the newest.
local function cell(state, i)
  return (unpack('>I' .. state.width, state.cells, (i - 1) * state.width + 1))
end

-- The instant at which a cell is no longer in the window.
local function leaves(state, i)
  return (state.newest - (i - 1) + SEGMENTS) * state.segment
end

-- The states in a stored text, or nil if it is none of ours.
local function read(text)
  local states, at, size = {}, 1, #text
  while at <= size do
    local kind = sub(text, at, at)
    if kind == 't' and at + 24 <= size then
      local _, period, time, owed, rest, after = unpack(TOKEN_BUCKET, text, at)
      states[#states + 1] = {kind = kind, period = period, time = time, owed = owed, rest = rest}
      at = after
    elseif kind == 'f' and at + 18 <= size then
      local _, period, window, used, after = unpack(FIXED_WINDOW, text, at)
      states[#states + 1] = {kind = kind, period = period, window = window, used = used}
      at = after
    elseif kind == 's' and at + 20 <= size then
      local _, period, newest, used, width, count, after = unpack(SLIDING_WINDOW, text, at)
      states[#states + 1] = {kind = kind, period = period, newest = newest, used = used, width = width, count = count,
          cells = sub(text, after, after + width * count - 1)}
      at = after + width * count
    else
      return nil
    end
  end
  return at > 1 and at == size + 1 and states or nil
end

-- The text of states.
local function write(states)
  local text = ''
  for _, s in ipairs(states) do
    if s.kind == 't' then
      text = text .. pack(TOKEN_BUCKET, 't', s.period, s.time, s.owed, s.rest)
    elseif s.kind == 'f' then
      text = text .. pack(FIXED_WINDOW, 'f', s.period, s.window, s.used)
    else
      text = text .. pack(SLIDING_WINDOW, 's', s.period, s.newest, s.used, s.width, s.count) .. s.cells
    end
  end
  return text
end

-- Which stored state each limit carries on from: that of its own kind and period, else the first left over that it can
-- read. Windows read no other period.
local function predecessors(limits, stored)
  if #limits == 1 and #stored == 1 and stored[1].kind == limits[1].kind and stored[1].period == limits[1].period then
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

-- What a bucket of another unit owes, in this one's: permits stay permits, fractions are rounded up to its units, of
-- which the core counts 2^62.
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

-- A stored state brought forward to an instant, in a limit's numbers; time never runs backwards.
local function forward(limit, stored, now)
  local period = limit.period
  if limit.kind == 't' then
    if not stored then
      return {kind = 't', period = period, time = now, owed = 0, rest = 0}
    end
    local owed, rest, passed = stored.owed, stored.rest, max(0, now - stored.time)
    if stored.period ~= period or rest % limit.divisor ~= 0 then
      owed, rest = converted(limit, stored)
    end
    local whole, part = muldiv(passed % period, limit.permits, period)
    owed, rest = owed - floor(passed / period) * limit.permits - whole, rest - part
    if rest < 0 then
      owed, rest = owed - 1, rest + period
    end
    if owed < 0 then
      owed, rest = 0, 0
    end
    return {kind = 't', period = period, time = stored.time + passed, owed = owed, rest = rest}
  elseif limit.kind == 'f' then
    local window = floor(now / period)
    if stored and stored.window >= window then
      return {kind = 'f', period = period, window = stored.window, used = stored.used}
    end
    return {kind = 'f', period = period, window = window, used = 0}
  end
  local segment = ceil(period / 64)
  local newest = floor(now / segment)
  local passed = stored and newest - stored.newest
  if not stored or passed >= SEGMENTS or passed > 0 and stored.used == 0 then
    return {kind = 's', period = period, segment = segment, newest = newest, used = 0, width = 1, count = 0, cells = ''}
  end
  passed = max(0, passed)
  local used, width, kept = stored.used, stored.width, min(stored.count, SEGMENTS - passed)
  for gone = kept + 1, stored.count do
    used = used - cell(stored, gone)
  end
  return {kind = 's', period = period, segment = segment, newest = stored.newest + passed, used = used, width = width,
      count = passed + kept, cells = string.rep('\0', passed * width) .. sub(stored.cells, 1, kept * width)}
end

local function admits(limit, state, permits)
  if limit.kind == 't' then
    local owed = state.owed + permits
    return permits == 0 or owed < limit.capacity or owed == limit.capacity and state.rest == 0
  end
  return permits == 0 or permits <= limit.permits - state.used
end

-- The cells of a sliding window after a change of one: wider, if the limit needs it.
local function changed(limit, state, i, permits)
  local width = state.width
  while limit.permits >= 256 ^ width do
    width = width + 1
  end
  local cells, count = state.cells, state.count
  if width > state.width then
    local wider = {}
    for j = 1, count do
      wider[j] = pack('>I' .. width, cell(state, j))
    end
    cells = table.concat(wider)
  end
  return {kind = 's', period = state.period, segment = state.segment, newest = state.newest, used = state.used,
      width = width, count = max(i, count),
      cells = sub(cells, 1, (i - 1) * width) .. pack('>I' .. width, permits) .. sub(cells, i * width + 1)}
end

local function charge(limit, state, permits)
  if state.kind == 't' then
    return {kind = 't', period = state.period, time = state.time, owed = state.owed + permits, rest = state.rest}
  elseif state.kind == 'f' then
    return {kind = 'f', period = state.period, window = state.window, used = state.used + permits}
  end
  local charged = changed(limit, state, 1, (state.count > 0 and cell(state, 1) or 0) + permits)
  charged.used = state.used + permits
  return charged
end

-- Gives back the permits taken last, at most what was taken.
local function refund(limit, state, permits)
  if state.kind == 't' then
    local owes = state.owed >= permits
    return {kind = 't', period = state.period, time = state.time,
        owed = owes and state.owed - permits or 0, rest = owes and state.rest or 0}
  elseif state.kind == 'f' then
    return {kind = 'f', period = state.period, window = state.window, used = max(0, state.used - permits)}
  end
  local left, i = min(permits, state.used), 1
  while left > 0 do
    local back = min(left, cell(state, i))
    if back > 0 then
      local used = state.used - back
      state = changed(limit, state, i, cell(state, i) - back)
      state.used = used
    end
    left, i = left - back, i + 1
  end
  return state
end

-- When every permit of a window is free: 0 if they are.
local function reset(state)
  if state.used == 0 then
    return 0
  elseif state.kind == 'f' then
    return (state.window + 1) * state.period
  end
  local latest = 1
  while cell(state, latest) == 0 do
    latest = latest + 1
  end
  return leaves(state, latest)
end

-- When a window that does not admit so many permits will.
local function retry(limit, state, permits)
  if admits(limit, state, permits) or permits > limit.permits then
    return 0
  elseif state.kind == 'f' then
    return (state.window + 1) * state.period
  end
  local excess, oldest = state.used + permits - limit.permits, state.count + 1
  while excess > 0 do
    oldest = oldest - 1
    excess = excess - cell(state, oldest)
  end
  return leaves(state, oldest)
end

-- Stores states for as long as they say something: until every permit is free, rounded up, and until the latest time
-- that was seen. Deletes them if they say nothing.
local function store(key, limits, states, now)
  local life = 0
  for i, state in ipairs(states) do
    if state.kind == 't' then
      life = max(life, state.time - now + (state.owed * state.period + state.rest) / limits[i].permits)
    else
      local seen = state.kind == 'f' and state.window * state.period or state.newest * state.segment
      life = max(life, seen - now, reset(state) - now)
    end
  end
  if life == 0 then
    redis.call('DEL', key)
  else
    -- One more millisecond, for the fraction that the server's expiry does not see and the roundings above.
    local px = min(PX_LONGEST, ceil(life / 1000) + 1) + (ARGV[2] ~= '' and PX_EXTRA or 0)
    redis.call('SET', key, write(states), 'PX', string.format('%.0f', px))
  end
end

-- What is asked.
local operation, now, at, asks = ARGV[1], tonumber(ARGV[2]), 3, {}
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
for i, key in ipairs(KEYS) do
  local permits, limits = tonumber(ARGV[at]), {}
  local count = tonumber(ARGV[at + 1])
  at = at + 2
  for l = 1, count do
    local kind, rate, period = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
    if kind == 't' then
      limits[l] = {kind = kind, permits = rate, period = period,
          capacity = tonumber(ARGV[at + 3]), divisor = tonumber(ARGV[at + 4])}
      at = at + 5
    else
      limits[l] = {kind = kind, permits = rate, period = period}
      at = at + 3
    end
  end
  asks[i] = {key = key, permits = permits, limits = limits, existed = false, before = {}, after = {}}
end

-- What each ask finds, and what it would leave; an ask of the same key finds what the one before it would leave.
local granted, latest = true, {}
for _, ask in ipairs(asks) do
  local found = latest[ask.key]
  if not found then
    local text = redis.pcall('GET', ask.key)
    local failed = type(text) == 'table'
    if failed and not string.find(text.err, 'WRONGTYPE', 1, true) then
      return text
    end
    found = text and not failed and read(text)
    if text and not found then
      return redis.error_reply('ERR the key ' .. ask.key .. ' holds something that is no rate limit: '
          .. 'delete it, or give the rate limits another namespace')
    end
  end
  ask.existed = found
  local stored, all = predecessors(ask.limits, found or {}), true
  for i, limit in ipairs(ask.limits) do
    ask.before[i] = forward(limit, stored[i], now)
    all = all and admits(limit, ask.before[i], ask.permits)
  end
  granted = granted and all
  if operation == 'refund' or all and operation == 'acquire' and ask.permits > 0 then
    for i, limit in ipairs(ask.limits) do
      ask.after[i] = (operation == 'refund' and refund or charge)(limit, ask.before[i], ask.permits)
    end
    latest[ask.key] = ask.after
  else
    ask.after = ask.before
  end
end

if operation == 'refund' then
  for _, ask in ipairs(asks) do
    if ask.existed then
      store(ask.key, ask.limits, ask.after, now)
    end
  end
  return {}
end

local answer = {granted and 1 or 0, now}
for _, ask in ipairs(asks) do
  if granted and latest[ask.key] == ask.after then
    store(ask.key, ask.limits, ask.after, now)
  end
  for i, state in ipairs(granted and ask.after or ask.before) do
    local a, b, c
    if state.kind == 't' then
      a, b, c = state.time, state.owed, state.rest
    else
      a, b, c = state.used, granted and 0 or retry(ask.limits[i], state, ask.permits), reset(state)
    end
    local n = #answer
    answer[n + 1], answer[n + 2], answer[n + 3] = a, b, c
  end
end
return answer
