-- Run by each process when it (re)connects: brings Redis up to what the process has seen, and says where it stands.
--
-- KEYS  1 seq   2 epoch   3 floor
-- ARGV  1 highest number that the process has seen   2 a fresh epoch, used when there is none
--       3 how far to lift the sequence when it fell back
-- Returns {epoch, seq, floor}.
--
-- The sequence falls back when Redis restarts from an older file. Other processes may have seen a little more than
-- this one, so it is lifted well past; sessions from before the lift may have missed what was lost (floor).

local epoch = redis.call('GET', KEYS[2])
if not epoch then
  epoch = ARGV[2]
  redis.call('SET', KEYS[2], epoch)
end

local seq = tonumber(redis.call('GET', KEYS[1]) or '0')
if seq < tonumber(ARGV[1]) then
  seq = tonumber(ARGV[1]) + tonumber(ARGV[3])
  redis.call('SET', KEYS[1], seq)
  redis.call('SET', KEYS[3], seq)
end

return { epoch, seq, tonumber(redis.call('GET', KEYS[3]) or '0') }
