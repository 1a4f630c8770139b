-- A gateway node says that it lives, and takes on the sessions of nodes that no longer say so.
--
-- KEYS  1 nodes   2 dead-nodes
-- ARGV  1 node   2 milliseconds without a beat after which a node is dead   3 "1" when the node may take on others
--       4 "1" for the first beat under this name
-- Returns {"1" when the node is known, or "0" when others have taken it for dead, nodes to be swept…}.
--
-- Both sets are scored with Redis' own clock in milliseconds: the last beat, and when a sweep was begun. A sweep that
-- does not end in time is taken on by another node.

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

if ARGV[4] ~= '1' and not redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  return { '0' }
end
redis.call('ZADD', KEYS[1], now, ARGV[1])

local reply = { '1' }
if ARGV[3] == '1' then
  for _, set in ipairs({ KEYS[1], KEYS[2] }) do
    local late = redis.call('ZRANGEBYSCORE', set, '-inf', now - tonumber(ARGV[2]), 'LIMIT', 0, 10)
    for _, node in ipairs(late) do
      redis.call('ZREM', KEYS[1], node)
      redis.call('ZADD', KEYS[2], now, node)
      reply[#reply + 1] = node
    end
  end
end
return reply
