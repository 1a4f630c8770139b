-- Counts one request in all of its rate limits, or in none: a request that one of them refuses takes nothing of the
-- others. A window begins with its first request and ends by the clock of Redis, so all processes agree on it.
--
-- KEYS  counters
-- ARGV  two for each counter: requests that are let through in a window, and the window in ms; a window of 0 means
--       that the counter is only looked at
-- Returns {0, and two for each counter: its count, ms until it starts anew}, or, when a counter is full,
--         {its place, ms until it starts anew}.

for i, key in ipairs(KEYS) do
  local count = tonumber(redis.call('GET', key) or '0')
  if count >= tonumber(ARGV[2 * i - 1]) then
    return { i, redis.call('PTTL', key) }
  end
end

local answer = { 0 }
for i, key in ipairs(KEYS) do
  local window = ARGV[2 * i]
  local count, left = 0, 0
  if window ~= '0' then
    count = redis.call('INCR', key)
    if count == 1 then
      redis.call('PEXPIRE', key, window)
      left = tonumber(window)
    else
      left = redis.call('PTTL', key)
    end
  end
  answer[2 * i], answer[2 * i + 1] = count, left
end
return answer
