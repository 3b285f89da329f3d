-- A token bucket in whole seconds, like that of Spring Cloud Gateway. Two keys contain the tokens and the second of the
-- last decision. Every decision writes both, also a denial.
-- KEYS: tokens, second of the last decision. ARGV: tokens per second, capacity, requested tokens.
-- Returns 1 if granted, otherwise 0, and the remaining tokens.
local rate, capacity, requested = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local second = tonumber(redis.call('TIME')[1])
local tokens = tonumber(redis.call('GET', KEYS[1]) or capacity)
local last = tonumber(redis.call('GET', KEYS[2]) or second)

tokens = math.min(capacity, tokens + math.max(0, second - last) * rate)
local granted = 0
if tokens >= requested then
    tokens = tokens - requested
    granted = 1
end

local life = math.floor(2 * capacity / rate)
if life > 0 then
    redis.call('SETEX', KEYS[1], life, tokens)
    redis.call('SETEX', KEYS[2], life, second)
end
return {granted, tokens}
