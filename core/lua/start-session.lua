-- Asks for one session start (IDENTIFY) of an account, so that all nodes count as one.
--
-- KEYS  1 starts:{account}   2 identify:{account}:{bucket}
-- ARGV  1 starts allowed in a bucket at a time   2 how long that time is, in ms   3 starts allowed in a day, "" for
--       any number   4 a day, in ms
-- Returns "granted", "too soon" (the bucket is full) or "used up" (the day's starts are). Only a granted start counts:
-- a client that is told to come again pays nothing for having asked.

if tonumber(redis.call('GET', KEYS[2]) or '0') >= tonumber(ARGV[1]) then
  return 'too soon'
end
if ARGV[3] ~= '' and tonumber(redis.call('GET', KEYS[1]) or '0') >= tonumber(ARGV[3]) then
  return 'used up'
end

if redis.call('INCR', KEYS[2]) == 1 then
  redis.call('PEXPIRE', KEYS[2], ARGV[2])
end
-- The day begins with its first start.
if redis.call('INCR', KEYS[1]) == 1 then
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
end
return 'granted'
