-- Puts a user into a guild's voice channel, changes how it is there, or takes it out, and publishes that as one kept
-- event. All or nothing.
--
-- KEYS  1 seq   2 epoch   3 last:{log} of the guild   4 log:{log} of the guild   5 voice:{guild}
--       6 voice-starts:{guild}   7 voice-of:{user}
-- ARGV  1 epoch that the node knows   2 pub/sub channel of the log   3 guild   4 user   5 session
--       6 channel, "" to leave   7 state as JSON, "" to leave   8 users that fit into the channel, 0 for any number
--       9 "1" to leave only if it is there by that session   10 body   11 events kept in a log
--       12 seconds they are kept   13 seconds for which last:{log} is kept
-- Returns the event's number, 0 when nothing has changed, -1 when the channel is full; and the channel in which the user
-- was before, "" for none. Errors with EPOCH when another epoch has begun since the node last looked.
--
-- An entry of voice:{guild} is "channel session state", one for each user; voice-starts:{guild} has the second in
-- which a channel that has users got its first; voice-of:{user} the guilds in which the user is in a channel.

if redis.call('GET', KEYS[2]) ~= ARGV[1] then
  return redis.error_reply('EPOCH changed')
end

local guild, user, session, channel = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local held = redis.call('HGET', KEYS[5], user)
local from, by = nil, nil
if held then from, by = string.match(held, '^(%S+) (%S+) ') end

local function users_in(id)
  local count = 0
  for _, entry in ipairs(redis.call('HVALS', KEYS[5])) do
    if string.sub(entry, 1, #id + 1) == id .. ' ' then count = count + 1 end
  end
  return count
end

if channel == '' then
  if not held then
    redis.call('SREM', KEYS[7], guild)
    return {0, ''}
  end
  if ARGV[9] == '1' and by ~= session then return {0, from} end
  redis.call('HDEL', KEYS[5], user)
  redis.call('SREM', KEYS[7], guild)
else
  local entry = channel .. ' ' .. session .. ' ' .. ARGV[7]
  if entry == held then return {0, from} end
  if from ~= channel and tonumber(ARGV[8]) > 0 and users_in(channel) >= tonumber(ARGV[8]) then return {-1, from or ''} end
  redis.call('HSET', KEYS[5], user, entry)
  redis.call('SADD', KEYS[7], guild)
  redis.call('HSETNX', KEYS[6], channel, redis.call('TIME')[1])
end
if from and from ~= channel and users_in(from) == 0 then redis.call('HDEL', KEYS[6], from) end

-- The event belongs to the channel where the user is now; who sees only the one it has left is told that it left.
local header = '{"t":"VOICE_STATE_UPDATE","g":"' .. guild .. '","c":"' .. (channel ~= '' and channel or from) .. '"'
if from and channel ~= '' and from ~= channel then header = header .. ',"p":"' .. from .. '"' end
header = header .. '}'

local number = redis.call('INCR', KEYS[1])
local previous = redis.call('GETSET', KEYS[3], number) or '0'
redis.call('EXPIRE', KEYS[3], ARGV[13])
redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[11], number .. '-0', 'p', previous, 'h', header, 'b', ARGV[10])
redis.call('EXPIRE', KEYS[4], ARGV[12])
redis.call('PUBLISH', ARGV[2], number .. ' ' .. previous .. ' 1\n' .. header .. '\n' .. ARGV[10])
return {number, from or ''}
