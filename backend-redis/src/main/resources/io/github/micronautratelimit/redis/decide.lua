-- Decides requests for permits, refunds permits, or blocks keys, in one atomic step.
-- The arithmetic is that of TokenBucket, SlidingWindow and FixedWindow in the core, to the microsecond.
--
-- KEYS     the keys; if a key occurs twice, the later request sees the state that the earlier one leaves
-- ARGV[1]  operation:1 time:7, then per key policy:2 count:2 and count times permits:5; for operation b then duration:7
--            operation  e  each request is decided by itself, those of one key in the given order
--                       a  all requests are granted, or none is charged
--                       p  peek: as e, but nothing is charged
--                       r  refund
--                       b  the keys are blocked for the duration in microseconds, with 0 permits; a block that ends
--                          later stays
--            time       microseconds since the epoch, or 0 for the time of this server
--            policy     1 for ARGV[2], 2 for ARGV[3], ...
-- ARGV[2]  and further, one argument per policy; per limit of the policy
--            t permits:5 period:6 capacity:5 divisor:6 head:1 layout:10    token bucket; divisor is the greatest common
--              divisor of permits and period; head and layout describe its state (below), layout for struct.unpack
--            s permits:5 period:6    sliding window
--            f permits:5 period:6    fixed window; all periods are in microseconds
-- Returns  time:7, then per request status:1 and, per limit of its policy, the state after the decision
--            status  1  granted; for operation a: all requests are
--                    0  not granted
--                    2  the key contains something else, which was not changed; no limits follow
--                    3  the key is blocked and grants only 0 permits; until:7 and the limits without the block follow
--            t  time:7 whole permits owed:5 rest owed in 1/period permits:6
--            s, f  permits used:5 time when the requested permits are free:7 (0 if they are) time when all are free:7
-- Writes   charges, refunds and blocks, once per key; a denial or a peek writes nothing
--          A key is deleted, or expires, when all permits are free and no block is left.
-- State    a string with one part per limit; the first byte of a part is 128 + 30 * kind + 5 * (w - 1) + (v - 1)
--            t  kind 0: head:1 period:w time:7 permits owed:v rest owed:w
--            f  kind 1: head:1 period:w window:7 permits used:v
--            s  kind 2: head:1 period:w newest segment:7 permits used:v cells:1, then the cells:v, newest first
--          If the key is blocked, 255 until:7 comes first. Text starts with other bytes, and so may later versions.
--
-- A bucket that owes permits needs as many to be full. name:n is an unsigned big-endian integer of n bytes. Numbers are
-- doubles, exact up to 2^53. Permits are below 2^40, periods below 2^45; times in microseconds reach 2^53 in 2255.

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

-- Fast path for nearly all calls: operation e, policies of one token bucket, keys that are new or were written under
-- the same bucket, and numbers that stay exact. As in the core, one permit is period / divisor units.
local answers, answered, others, buckets, texts = {}, 0, {}, {}, {}
for i, key in ipairs(KEYS) do
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
    for request = 1, count do
      others[#others + 1] = {key = key, policy = policy, number = answered + request,
          permits = unpack('>I5', input, first + 5 * (request - 1))}
    end
  end
  answered = answered + count
end
if #others == 0 then
  return pack('>I7', now) .. table.concat(answers)
end

-- General path: several limits, windows, changed limits, and numbers that a double cannot hold.

local max, min, sub = math.max, math.min, string.sub

local SEGMENTS = 65
local PX_LONGEST = 1e15
local KINDS = {[0] = 't', 'f', 's'}
local BLOCKED = 255
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
    local head = string.byte(text, at) - 128
    local kind, w, v = KINDS[floor(head / 30)], floor(head % 30 / 5) + 1, head % 5 + 1
    local ws, vs, s = DIGITS[w], DIGITS[v], {kind = kind}
    if kind == 't' and at + 7 + w + v + w <= size then
      s.period, s.time, s.owed, s.rest, at = unpack('>I' .. ws .. 'I7I' .. vs .. 'I' .. ws, text, at + 1)
    elseif kind == 'f' and at + 7 + w + v <= size then
      s.period, s.window, s.used, at = unpack('>I' .. ws .. 'I7I' .. vs, text, at + 1)
    elseif kind == 's' and at + 8 + w + v <= size then
      s.period, s.newest, s.used, s.count, at = unpack('>I' .. ws .. 'I7I' .. vs .. 'B', text, at + 1)
      s.width, s.cells = v, sub(text, at, at + v * s.count - 1)
      at = at + v * s.count
    else
      return nil
    end
    if s.period == 0 or kind == 't' and s.rest >= s.period or kind == 's' and s.count > SEGMENTS then
      return nil
    end
    states[#states + 1] = s
  end
  return at > 1 and at == size + 1 and states or nil
end

-- Returns the number of bytes that a number needs.
local function width(number)
  local bytes, over = 1, 256
  while number >= over do
    bytes, over = bytes + 1, over * 256
  end
  return bytes
end

-- Returns the text of states.
local function write(limits, states)
  local text = ''
  for i, s in ipairs(states) do
    local w = width(s.period)
    if s.kind == 't' then
      local v = width(max(s.owed, limits[i].capacity))
      text = text .. pack('>BI' .. DIGITS[w] .. 'I7I' .. DIGITS[v] .. 'I' .. DIGITS[w],
          128 + 5 * (w - 1) + v - 1, s.period, s.time, s.owed, s.rest)
    elseif s.kind == 'f' then
      local v = width(s.used)
      text = text .. pack('>BI' .. DIGITS[w] .. 'I7I' .. DIGITS[v],
          158 + 5 * (w - 1) + v - 1, s.period, s.window, s.used)
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

-- Brings a stored state forward to an instant, under a limit. Time never runs backwards.
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
      count = passed + kept, cells = string.rep('\0', passed * width) .. sub(stored.cells, 1, kept * width)}
end

local function admits(limit, state, permits)
  if limit.kind == 't' then
    local owed = state.owed + permits
    return permits == 0 or owed < limit.capacity or owed == limit.capacity and state.rest == 0
  end
  return permits == 0 or permits <= limit.permits - state.used
end

-- Returns a sliding window with one changed cell. All cells become wider if the limit needs it.
local function changed(limit, state, i, permits)
  local width = state.width
  while limit.permits >= 256 ^ width do
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
  return {kind = 's', period = state.period, segment = state.segment, newest = state.newest, used = state.used,
      width = width, count = max(i, count),
      cells = sub(cells, 1, (i - 1) * width) .. pack('>I' .. DIGITS[width], permits) .. sub(cells, i * width + 1)}
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

-- Refunds the permits that were taken last, at most all that are taken.
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

-- Returns when all permits of a window are free; 0 if they are.
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

-- Returns when a window admits the permits; 0 if it does now, or never will.
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

-- Stores states until they are empty: all permits are free, the block has ended, and the latest time that was seen has
-- passed. Rounds the expiry up. Deletes the key if the states are empty now.
local function store(key, limits, states, blocked)
  local life = max(0, blocked - now)
  local block = life > 0 and pack('>BI7', BLOCKED, blocked) or ''
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
    local px = min(PX_LONGEST, ceil(life / 1000) + 1) + px_extra
    redis.call('SET', key, block .. write(limits, states), 'PX', format('%.0f', px))
  end
end

-- Returns the limits of a policy.
local function limits_of(policy)
  local limits, at, text = {}, 1, ARGV[policy + 1]
  while at <= #text do
    local limit = {}
    limit.kind, limit.permits, limit.period, at = unpack('>c1I5I6', text, at)
    if limit.kind == 't' then
      limit.capacity, limit.divisor, at = unpack('>I5I6', text, at)
      at = at + 11
    end
    limits[#limits + 1] = limit
  end
  return limits
end

-- Returns the states of a key, false if it is empty, or nil if it contains something else; then the end of its block,
-- or 0.
local function find(key)
  local text = texts[key] or redis.pcall('GET', key)
  if type(text) == 'table' then
    if string.find(text.err, 'WRONGTYPE', 1, true) then
      return nil
    end
    -- Other errors are not about this key. Without pcall, the same error ends the script.
    redis.call('GET', key)
  end
  if text and #text >= 8 and string.byte(text) == BLOCKED then
    return read(sub(text, 9)), unpack('>I7', text, 2)
  end
  return text and read(text), 0
end

-- Computes the states before and after each request. The next request of a key continues from the states after it.
local limits, latest, all = {}, {}, true
for _, request in ipairs(others) do
  limits[request.policy] = limits[request.policy] or limits_of(request.policy)
  request.limits = limits[request.policy]
  local known = latest[request.key]
  if not known then
    known = {}
    known.states, known.blocked = find(request.key)
    known.existed = known.states
    latest[request.key] = known
  end
  if known.states == nil then
    request.foreign, all = true, false
  else
    local stored, granted = predecessors(request.limits, known.states or {}), true
    request.before = {}
    for i, limit in ipairs(request.limits) do
      request.before[i] = forward(limit, stored[i], now)
      granted = granted and admits(limit, request.before[i], request.permits)
    end
    if operation == 'b' then
      known.blocked = max(known.blocked, now + unpack('>I7', input, at))
      known.states, known.limits = request.before, request.limits
    end
    if known.blocked > now then
      request.blocked, granted = known.blocked, request.permits == 0
    end
    request.granted, request.after, all = granted, request.before, all and granted
    local change = operation == 'r' and refund or operation ~= 'p' and granted and request.permits > 0 and charge
    if change then
      request.after = {}
      for i, limit in ipairs(request.limits) do
        request.after[i] = change(limit, request.before[i], request.permits)
      end
      known.states, known.limits = request.after, request.limits
    end
  end
end

if operation ~= 'a' or all then
  for key, known in pairs(latest) do
    if known.limits and (operation ~= 'r' or known.existed) then
      store(key, known.limits, known.states, known.blocked)
    end
  end
end

for _, request in ipairs(others) do
  if request.foreign then
    answers[request.number] = '\2'
  else
    local granted = request.granted
    if operation == 'a' then
      granted = all
    end
    local answer = granted and '\1' or '\0'
    if request.blocked then
      answer, granted = '\3' .. pack('>I7', request.blocked), false
    end
    for i, state in ipairs(operation == 'a' and not all and request.before or request.after) do
      if state.kind == 't' then
        answer = answer .. pack('>I7I5I6', state.time, state.owed, state.rest)
      else
        answer = answer .. pack('>I5I7I7', state.used,
            retry(request.limits[i], state, granted and request.limits[i].permits - state.used + 1 or request.permits),
            reset(state))
      end
    end
    answers[request.number] = answer
  end
end
return pack('>I7', now) .. table.concat(answers)
