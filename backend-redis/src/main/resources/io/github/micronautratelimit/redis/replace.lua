-- Replaces a text only if it has not changed. A missing key stands for the empty text.
-- KEYS[1]  the key
-- ARGV[1]  the expected text
-- ARGV[2]  the new text
-- returns 1 if the text was the expected one, otherwise 0; then nothing has changed
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then
  return 0
end
if ARGV[2] == '' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[2])
end
return 1
