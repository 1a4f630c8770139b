-- Counts requests, each in all of its rate limits or in none: a request that one of them refuses takes nothing of the
-- others. A window begins with its first request and ends by the clock of Redis, so all processes agree on it.
--
-- KEYS  counters of the first request, of the second, and so on
-- ARGV  for each request: the number of its counters, and two for each of them: requests that are let through in a
--       window, and the window in ms; a window of 0 means that the counter is only looked at
-- Returns for each request: 0, and two for each of its counters: its count, ms until it starts anew; or, when a counter
--         is full, its place, and ms until it starts anew.

local answer, key, arg = {}, 1, 1

local function say(number)
  answer[#answer + 1] = number
end

while arg <= #ARGV do
  local counters = tonumber(ARGV[arg])
  arg = arg + 1
  local full = 0
  for i = 1, counters do
    local count = tonumber(redis.call('GET', KEYS[key + i - 1]) or '0')
    if count >= tonumber(ARGV[arg + 2 * i - 2]) then
      full = i
      break
    end
  end
  say(full)
  if full > 0 then
    say(redis.call('PTTL', KEYS[key + full - 1]))
  else
    for i = 1, counters do
      local name, window = KEYS[key + i - 1], ARGV[arg + 2 * i - 1]
      if window == '0' then
        say(0)
        say(0)
      else
        local count = redis.call('INCR', name)
        if count == 1 then redis.call('PEXPIRE', name, window) end
        say(count)
        say(count == 1 and tonumber(window) or redis.call('PTTL', name))
      end
    end
  end
  key, arg = key + counters, arg + 2 * counters
end
return answer
