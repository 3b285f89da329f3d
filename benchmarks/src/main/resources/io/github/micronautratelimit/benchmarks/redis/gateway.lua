-- A token bucket in whole seconds, as Spring Cloud Gateway keeps it: tokens and second in two keys, both written at each
-- decision, also at a denial.
-- KEYS: tokens, second of the last decision. ARGV: tokens per second, capacity, tokens asked for.
-- Returns 1 or 0 for granted or not, and the tokens left.
local rate, capacity, asked = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local second = tonumber(redis.call('TIME')[1])
local tokens = tonumber(redis.call('GET', KEYS[1]) or capacity)
local last = tonumber(redis.call('GET', KEYS[2]) or second)

tokens = math.min(capacity, tokens + math.max(0, second - last) * rate)
local granted = 0
if tokens >= asked then
    tokens = tokens - asked
    granted = 1
end

local life = math.floor(2 * capacity / rate)
if life > 0 then
    redis.call('SETEX', KEYS[1], life, tokens)
    redis.call('SETEX', KEYS[2], life, second)
end
return {granted, tokens}
