import { ApplicationFlags } from "discord-api-types/v10";
import type { Db, Sql } from "../../core/db.ts";
import { enqueueDeliveries } from "../../core/deliveries.ts";
import { bitsToNames, DEFAULT_EVERYONE_PERMISSIONS } from "../../core/permissions.ts";
import { seal } from "../../core/secret.ts";
import { type NextId, snowflakeGenerator } from "../../core/snowflake.ts";
import { generateKeyPair } from "../../core/webhook-signing.ts";

export const SECRET = Buffer.alloc(32, 7);
const nextId: NextId = snowflakeGenerator(() => 1);

/** All that is privileged. */
const FLAGS =
  ApplicationFlags.GatewayPresenceLimited |
  ApplicationFlags.GatewayGuildMembersLimited |
  ApplicationFlags.GatewayMessageContentLimited;

export interface TestApplication {
  id: string;
  botId: string;
  publicKey: Buffer;
}

export interface TestGuild {
  id: string;
  channelId: string;
}

/** A guild with a text channel, owned by a new person. */
export async function insertGuild(sql: Sql): Promise<TestGuild> {
  const [id, ownerId, channelId] = [nextId(), nextId(), nextId()];
  const name = `owner${ownerId}`;
  await sql`insert into users (id, username, email, password_hash) values (${ownerId}, ${name}, ${name}, 'none')`;
  await sql`insert into servers (id, name, owner_id) values (${id}, 'Guild', ${ownerId})`;
  await sql`
    insert into roles (id, server_id, name, is_default, permissions)
    values (${id}, ${id}, '@everyone', true, ${sql.json(bitsToNames(DEFAULT_EVERYONE_PERMISSIONS))})`;
  await sql`insert into server_members (server_id, user_id) values (${id}, ${ownerId})`;
  await sql`insert into channels (id, server_id, name) values (${channelId}, ${id}, 'general')`;
  return { id, channelId };
}

/** An application that hears of MESSAGE_CREATE and CHANNEL_DELETE at `url`, with its bot in the guild. */
export async function insertApplication(sql: Sql, guild: TestGuild, url: string): Promise<TestApplication> {
  const [id, botId] = [nextId(), nextId()];
  const { publicKey, seed } = generateKeyPair();
  await sql`insert into users (id, username, discriminator, bot) values (${botId}, 'Bot', '0001', true)`;
  await sql`
    insert into applications (id, owner_id, bot_id, name, public_key, private_key, flags)
    select ${id}, owner_id, ${botId}, 'App', ${publicKey}, ${seal(SECRET, seed)}, ${FLAGS} from servers where id = ${guild.id}`;
  await sql`
    insert into event_endpoints (id, application_id, url, status, event_types)
    values (${id}, ${id}, ${url}, 2, ${["MESSAGE_CREATE", "CHANNEL_DELETE"]})`;
  await addBot(sql, guild, botId);
  return { id, botId, publicKey };
}

export async function addBot(sql: Sql, guild: TestGuild, botId: string): Promise<void> {
  await sql`insert into server_members (server_id, user_id) values (${guild.id}, ${botId})`;
}

/** A message in the guild's channel happens. `text` makes its data `{"content":text}`. */
export async function emitMessage(sql: Db, guild: TestGuild, text: string): Promise<void> {
  const event = { type: "MESSAGE_CREATE", guildId: guild.id, channelId: guild.channelId };
  await enqueueDeliveries(sql, [{ ...event, data: JSON.stringify({ content: text }) }]);
}
