import { randomBytes } from "node:crypto";
import { ApplicationFlags } from "discord-api-types/v10";
import type { Sql } from "../../core/db.ts";
import { bitsToNames, DEFAULT_EVERYONE_PERMISSIONS } from "../../core/permissions.ts";
import { snowflakeGenerator } from "../../core/snowflake.ts";

/** Accounts, guilds and messages for the bench, written straight into the tables: thousands in a second or two. */
export interface Account {
  id: string;
  token: string;
}

export interface Guild {
  id: string;
  /** Its first text channel. */
  channelId: string;
}

/** A worker number that the leases give out last. */
const nextId = snowflakeGenerator(() => 1023);
const CHUNK = 10_000;
const CHANNELS = 5;

export async function makePeople(sql: Sql, count: number): Promise<Account[]> {
  const people = await makeUsers(sql, count, false);
  await sql`
    insert into access_tokens (token_hash, user_id, family_id, expires_at)
    select sha256(token::bytea), id, id, now() + interval '1 day'
    from unnest(${tokensOf(people)}::text[], ${idsOf(people)}::bigint[]) as t (token, id)`;
  return people;
}

/** Bots with an application each, which has no privileged intents unless `messageContent`. */
export async function makeBots(sql: Sql, count: number): Promise<Account[]> {
  const bots = await makeUsers(sql, count, true);
  const [owner] = await makePeople(sql, 1);
  const flags = String(ApplicationFlags.GatewayMessageContentLimited);
  await sql`
    insert into applications (id, owner_id, bot_id, name, flags, public_key, private_key)
    select id, ${owner?.id ?? "0"}::bigint, id, 'bench', ${flags}::bigint, sha256('public'), sha256('private')
    from unnest(${idsOf(bots)}::bigint[]) as t (id)`;
  await sql`
    insert into bot_tokens (bot_id, token_hash)
    select id, sha256(token::bytea)
    from unnest(${idsOf(bots)}::bigint[], ${tokensOf(bots)}::text[]) as t (id, token)`;
  return bots;
}

async function makeUsers(sql: Sql, count: number, bot: boolean): Promise<Account[]> {
  const users = Array.from({ length: count }, () => ({ id: nextId(), token: randomBytes(32).toString("base64url") }));
  for (let at = 0; at < count; at += CHUNK) {
    await sql`
      insert into users (id, username, discriminator, email, password_hash, bot)
      select id, 'u' || id, ${bot ? "0001" : "0"}::text, ${bot ? null : "u"}::text || id || '@example.com',
        ${bot ? null : "no login"}::text, ${bot}::boolean
      from unnest(${idsOf(users.slice(at, at + CHUNK))}::bigint[]) as t (id)`;
  }
  return users;
}

/** Guilds as new ones are: the default role, and text channels that every member sees. */
export async function makeGuilds(sql: Sql, count: number, owner: Account, channelsEach = CHANNELS): Promise<Guild[]> {
  const guilds = Array.from({ length: count }, () => ({ id: nextId(), channelId: nextId() }));
  const ids = idsOf(guilds);
  const channels = guilds.flatMap((guild) =>
    Array.from({ length: channelsEach }, (_, i) => ({ id: i === 0 ? guild.channelId : nextId(), guildId: guild.id })),
  );
  await sql`
    insert into servers (id, name, owner_id)
    select id, 'Guild ' || id, ${owner.id}::bigint from unnest(${ids}::bigint[]) as t (id)`;
  await sql`
    insert into roles (id, server_id, name, permissions, is_default)
    select id, id, '@everyone', ${JSON.stringify(bitsToNames(DEFAULT_EVERYONE_PERMISSIONS))}::text::jsonb, true
    from unnest(${ids}::bigint[]) as t (id)`;
  await sql`
    insert into channels (id, server_id, name, type)
    select id, server_id, 'channel-' || id, 0
    from unnest(${idsOf(channels)}::bigint[], ${channels.map(({ guildId }) => guildId)}::bigint[])
      as t (id, server_id)`;
  return guilds;
}

export async function join(sql: Sql, pairs: readonly { guild: Guild; account: Account }[]): Promise<void> {
  for (let at = 0; at < pairs.length; at += CHUNK) {
    const chunk = pairs.slice(at, at + CHUNK);
    await sql`
      insert into server_members (server_id, user_id)
      select server_id, user_id
      from unnest(${chunk.map(({ guild }) => guild.id)}::bigint[], ${chunk.map(({ account }) => account.id)}::bigint[])
        as t (server_id, user_id)`;
  }
  const guildIds = [...new Set(pairs.map(({ guild }) => guild.id))];
  await sql`
    update servers s set member_count = (select count(*) from server_members m where m.server_id = s.id)
    where id = any(${guildIds})`;
  // The planner knows nothing of rows that came in bulk until somebody looks.
  await sql`analyze server_members, servers, users, channels, roles, access_tokens`;
}

export async function joinAll(sql: Sql, guild: Guild, accounts: readonly Account[]): Promise<void> {
  await join(
    sql,
    accounts.map((account) => ({ guild, account })),
  );
}

export async function makeMessages(sql: Sql, guild: Guild, author: Account, count: number): Promise<void> {
  const ids = Array.from({ length: count }, nextId);
  await sql`
    insert into messages (id, channel_id, author_id, content)
    select id, ${guild.channelId}::bigint, ${author.id}::bigint, 'Message ' || id || ': ' || repeat('lorem ipsum ', 8)
    from unnest(${ids}::bigint[]) as t (id)`;
  await sql`analyze messages`;
}

const idsOf = (rows: readonly { id: string }[]) => rows.map(({ id }) => id);
const tokensOf = (accounts: readonly Account[]) => accounts.map(({ token }) => token);
