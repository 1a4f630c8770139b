-- Publishes one event: gives it its number, keeps it in its log's stream, and tells all nodes. All or nothing.
--
-- KEYS  1 seq   2 epoch   3 last:{log}   4 log:{log}   5 done:{event id}   6 ver:{entity}
-- ARGV  1 epoch that the caller knows, part of the keys 3 to 5   2 pub/sub channel   3 "1" when the event is kept
--       4 version, "" for none   5 header   6 body   7 events kept in a log   8 seconds they are kept
--       9 seconds a repeat is known for one   10 seconds for which last:{log} is kept   11 highest number of an epoch
-- Returns the event's number; 0 when a newer version of the same entity was published before.
-- Errors with EPOCH when another epoch has begun since the caller last looked, or begins now.

if redis.call('GET', KEYS[2]) ~= ARGV[1] then
  return redis.error_reply('EPOCH changed')
end

-- A retry of a publish whose outcome was unknown.
local published = redis.call('GET', KEYS[5])
if published then
  return tonumber(published)
end

if ARGV[4] ~= '' then
  local newest = redis.call('GET', KEYS[6])
  if newest and tonumber(newest) >= tonumber(ARGV[4]) then
    return 0
  end
end

local number = redis.call('INCR', KEYS[1])
if number > tonumber(ARGV[11]) then
  -- Derived from the old one: whoever finds it gets the same.
  redis.call('SET', KEYS[2], string.sub(redis.sha1hex(ARGV[1]), 1, 16))
  redis.call('SET', KEYS[1], 0)
  return redis.error_reply('EPOCH is over')
end

if ARGV[4] ~= '' then
  redis.call('SET', KEYS[6], ARGV[4], 'EX', ARGV[8])
end
redis.call('SET', KEYS[5], number, 'EX', ARGV[9])

local previous
if ARGV[3] == '1' then
  previous = redis.call('GETSET', KEYS[3], number) or '0'
  redis.call('EXPIRE', KEYS[3], ARGV[10])
  redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[7], number .. '-0', 'p', previous, 'h', ARGV[5], 'b', ARGV[6])
  redis.call('EXPIRE', KEYS[4], ARGV[8])
else
  previous = redis.call('GET', KEYS[3]) or '0'
end

redis.call('PUBLISH', ARGV[2], number .. ' ' .. previous .. ' ' .. ARGV[3] .. '\n' .. ARGV[5] .. '\n' .. ARGV[6])
return number
