-- Run by each process when it (re)connects, and when it finds that the epoch has changed: says where Redis stands.
--
-- KEYS  1 seq   2 epoch
-- ARGV  1 epoch that the process knows, "" for none   2 highest number that it has seen in it   3 a fresh epoch
-- Returns {epoch, seq}.
--
-- A new epoch begins when there is none (Redis is empty) and when the sequence has fallen back (Redis restarted from
-- an older file). Nobody can tell then what each process had seen of what was lost, so every session starts afresh.

local epoch = redis.call('GET', KEYS[2])
local seq = tonumber(redis.call('GET', KEYS[1]) or '0')

if not epoch or (epoch == ARGV[1] and seq < tonumber(ARGV[2])) then
  epoch = ARGV[3]
  seq = 0
  redis.call('SET', KEYS[2], epoch)
  redis.call('SET', KEYS[1], seq)
end

return { epoch, seq }
