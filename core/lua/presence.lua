-- Sets, takes over, or ends the presence of one session, works out what the user's guilds see of all its sessions
-- together, and tells those for whom that has changed: one call, however many guilds.
--
-- KEYS  1 seq   2 epoch   3 sessions:{user}   4 shown:{user}   5 node-sessions:{node}   6 parked:{session}
-- ARGV  1 epoch that the node knows   2 pub/sub channel of a guild's log, without the id
--       3 last:{log} of a guild, without the id   4 online:{guild}, without the id   5 user   6 session   7 node
--       8 what to do:
--         set   the session has the presence of ARGV 9
--         take  the node has the session now, with the presence that it had; ARGV 9 when that is forgotten
--         keep  as take, unless another node has the session
--         end   the session is over, if this node still has it
--         show  nothing but looking at the guilds anew
--       9 shard, shards, platform, status, activities   10 for `end`: seconds that its presence is remembered; for
--       `keep`: the name under which the node had it
--       11 presence-changes:{guild}, without the id   12 how many users it remembers   13 seconds they are remembered
--       14 1 to return what the guilds are told   15… guilds that the session is in; for `end` they are known: those
--       that see the user
-- Returns, if asked for, each guild that was told and the event's data, one after the other. Errors with EPOCH when
-- another epoch has begun since the node last looked.
--
-- An entry of sessions:{user} is "node shard shards platform status order activities"; order grows with each change,
-- so that the latest is known. What a guild sees is in online:{guild} as the text that its events have, and a
-- user's guilds that see it in shown:{user}: both are there only while it is not offline. presence-changes:{guild}
-- has the number of each user's latest change, for those who resume.

if redis.call('GET', KEYS[2]) ~= ARGV[1] then
  return redis.error_reply('EPOCH changed')
end

local user, session, node, action = ARGV[5], ARGV[6], ARGV[7], ARGV[8]
local member = user .. ' ' .. session
local held = redis.call('HGET', KEYS[3], session)
local holder = held and string.match(held, '^%S+')

local function now()
  local time = redis.call('TIME')
  return string.format('%.0f', tonumber(time[1]) * 1000000 + tonumber(time[2]))
end

local function without_dates(activities)
  return (string.gsub(activities, '"created_at":%d+,', ''))
end

local function save(entry)
  redis.call('HSET', KEYS[3], session, entry)
  redis.call('SADD', KEYS[5], member)
  redis.call('DEL', KEYS[6])
end

local guilds = {}
for i = 15, #ARGV do guilds[#guilds + 1] = ARGV[i] end

local function entry_of(given)
  local facts, activities = string.match(given, '^(%S+ %S+ %S+ %S+) (.*)$')
  local before = held and string.match(held, '^%S+ %S+ %S+ %S+ %S+ %S+ (.*)$')
  -- What stays as it is keeps the time at which it began.
  if before and without_dates(before) == without_dates(activities) then activities = before end
  return node .. ' ' .. facts .. ' ' .. now() .. ' ' .. activities
end

if action == 'set' then
  save(entry_of(ARGV[9]))
elseif action == 'take' or action == 'keep' then
  if action == 'keep' and held and holder ~= node and holder ~= ARGV[10] then return {} end
  local known = held or redis.call('GET', KEYS[6])
  if known then
    save(node .. string.match(known, '^%S+(.*)$'))
  else
    save(entry_of(ARGV[9]))
  end
elseif action == 'end' then
  redis.call('SREM', KEYS[5], member)
  if holder ~= node then return {} end
  redis.call('HDEL', KEYS[3], session)
  if tonumber(ARGV[10]) > 0 then redis.call('SET', KEYS[6], held, 'EX', ARGV[10]) end
  guilds = redis.call('SMEMBERS', KEYS[4])
end

-- Which sessions a guild sees depends on its shard: (id >> 22) % shards. Ids don't fit into Lua's numbers, so they
-- are divided in two parts.
local function timestamp(id)
  local high = tonumber(string.sub(id, 1, -8)) or 0
  local low = tonumber(string.sub(id, -7))
  return math.floor(high / 4194304) * 10000000 + math.floor(((high % 4194304) * 10000000 + low) / 4194304)
end

local entries, counts, seen_count = {}, {}, {}
for _, text in ipairs(redis.call('HVALS', KEYS[3])) do
  local shard, shards, platform, status, order, activities =
    string.match(text, '^%S+ (%S+) (%S+) (%S+) (%S+) (%S+) (.*)$')
  shard, shards = tonumber(shard), tonumber(shards)
  if not seen_count[shards] then
    seen_count[shards] = true
    counts[#counts + 1] = shards
  end
  entries[#entries + 1] = { shard = shard, shards = shards, platform = platform, status = status,
    order = tonumber(order), activities = activities }
end

local rank = { idle = 1, online = 2, dnd = 3 }

local function aggregate(time)
  local status, activities, latest, platforms = nil, '[]', -1, {}
  for _, entry in ipairs(entries) do
    -- Invisible and offline have no rank: they look alike.
    if rank[entry.status] and time % entry.shards == entry.shard then
      if not status or rank[entry.status] > rank[status] then status = entry.status end
      local there = platforms[entry.platform]
      if not there or rank[entry.status] > rank[there] then platforms[entry.platform] = entry.status end
      if entry.activities ~= '[]' and entry.order > latest then
        activities, latest = entry.activities, entry.order
      end
    end
  end
  if not status then return nil end
  local parts = {}
  for _, platform in ipairs({ 'desktop', 'mobile', 'web' }) do
    if platforms[platform] then parts[#parts + 1] = '"' .. platform .. '":"' .. platforms[platform] .. '"' end
  end
  return '"status":"' .. status .. '","activities":' .. activities
    .. ',"client_status":{' .. table.concat(parts, ',') .. '}'
end

-- Guilds of the same shards see the same.
local aggregates = {}
local function seen_by(guild)
  local time = timestamp(guild)
  local residues = {}
  for i, count in ipairs(counts) do residues[i] = time % count end
  local class = table.concat(residues, ' ')
  if aggregates[class] == nil then aggregates[class] = aggregate(time) or false end
  return aggregates[class]
end

local changed = {}
for _, guild in ipairs(guilds) do
  local after = seen_by(guild)
  local before = redis.call('HGET', ARGV[4] .. guild, user)
  if after ~= before then
    changed[#changed + 1] = { guild, after }
    if after then redis.call('HSET', ARGV[4] .. guild, user, after) else redis.call('HDEL', ARGV[4] .. guild, user) end
    if not before then redis.call('SADD', KEYS[4], guild) end
  end
  if not after then redis.call('SREM', KEYS[4], guild) end
end

if #changed == 0 then return {} end
local told = {}
local number = redis.call('INCRBY', KEYS[1], #changed) - #changed
for i, each in ipairs(changed) do
  local guild, text = each[1], each[2] or '"status":"offline","activities":[],"client_status":{}'
  local previous = redis.call('GET', ARGV[3] .. guild) or '0'
  local changes = ARGV[11] .. guild
  local new = redis.call('ZADD', changes, number + i, user)
  redis.call('EXPIRE', changes, ARGV[13])
  if new == 1 and redis.call('ZCARD', changes) > tonumber(ARGV[12]) then redis.call('ZPOPMIN', changes) end
  local data = '{"user":{"id":"' .. user .. '"},"guild_id":"' .. guild .. '",' .. text .. '}'
  redis.call('PUBLISH', ARGV[2] .. guild, number + i .. ' ' .. previous .. ' 0\n'
    .. '{"t":"PRESENCE_UPDATE","g":"' .. guild .. '"}\n"t":"PRESENCE_UPDATE","d":' .. data)
  if ARGV[14] == '1' then
    told[#told + 1] = guild
    told[#told + 1] = data
  end
end
return told
