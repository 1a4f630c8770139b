import type { Db } from "../../core/db.ts";
import { setAndBump, userJson } from "../../core/store/fragments.ts";
import type { WireableWebhook } from "../../core/wire/webhook.ts";

export interface WebhookRow extends WireableWebhook {
  /** Sealed: see core/secret.ts. Null for one that follows a channel. */
  token: Buffer | null;
  source_channel_id: string | null;
  channel_type: number;
}

const webhookColumns = (sql: Db) => sql`
  w.id, w.type, w.server_id, w.channel_id, w.application_id, w.name, w.avatar, w.token, w.source_channel_id,
  (select json_build_object('guild', json_build_object('id', s.id::text, 'name', s.name, 'icon', s.icon),
      'channel', json_build_object('id', sc.id::text, 'name', sc.name))
    from channels sc join servers s on s.id = sc.server_id
    join server_members sm on sm.server_id = s.id and sm.user_id = w.creator_id
    where sc.id = w.source_channel_id) as source,
  (select c.type from channels c where c.id = w.channel_id) as channel_type,
  (select ${userJson(sql)} from users u where u.id = w.creator_id) as creator`;

export async function findWebhook(sql: Db, id: string): Promise<WebhookRow | undefined> {
  const [row] = await sql<WebhookRow[]>`select ${webhookColumns(sql)} from webhooks w where w.id = ${id}`;
  return row;
}

/** Those of the ids that are webhooks of the guild. */
export async function findWebhooks(sql: Db, guildId: string, ids: readonly string[]): Promise<WebhookRow[]> {
  if (ids.length === 0) return [];
  return sql<WebhookRow[]>`
    select ${webhookColumns(sql)} from webhooks w
    where w.id = any(${[...ids]}) and w.server_id = ${guildId} order by w.id`;
}

/** A channel has 15 at most. */
export async function listChannelWebhooks(sql: Db, channelId: string): Promise<WebhookRow[]> {
  return sql<WebhookRow[]>`
    select ${webhookColumns(sql)} from webhooks w where w.channel_id = ${channelId} order by w.id limit 100`;
}

export async function listGuildWebhooks(sql: Db, guildId: string): Promise<WebhookRow[]> {
  return sql<WebhookRow[]>`
    select ${webhookColumns(sql)} from webhooks w where w.server_id = ${guildId} order by w.id limit 1000`;
}

export interface NewWebhook {
  id: string;
  guildId: string;
  channelId: string;
  creatorId: string;
  applicationId: string | null;
  name: string;
  avatar: string | null;
  /** Of an incoming webhook. */
  token?: Buffer;
  /** Of one that follows a channel. */
  sourceChannelId?: string;
}

/** @returns false when the channel has its `limit` already; the channel's row is locked so that the count holds */
export async function insertWebhook(sql: Db, w: NewWebhook, limit: number): Promise<boolean> {
  await sql`select 1 from channels where id = ${w.channelId} for update`;
  const rows = await sql`
    insert into webhooks (id, type, server_id, channel_id, creator_id, application_id, name, avatar, token,
      source_channel_id)
    select ${w.id}::bigint, ${w.sourceChannelId === undefined ? 1 : 2}::smallint, ${w.guildId}::bigint, ${w.channelId}::bigint, ${w.creatorId}::bigint,
      ${w.applicationId}::bigint, ${w.name}, ${w.avatar}, ${w.token ?? null}::bytea,
      ${w.sourceChannelId ?? null}::bigint
    where (select count(*) from webhooks where channel_id = ${w.channelId}) < ${limit}
    returning id`;
  return rows.length > 0;
}

/** The webhook by which one channel follows another. */
export async function findFollower(sql: Db, channelId: string, sourceId: string): Promise<WebhookRow | undefined> {
  const [row] = await sql<WebhookRow[]>`
    select ${webhookColumns(sql)} from webhooks w
    where w.channel_id = ${channelId} and w.source_channel_id = ${sourceId} order by w.id limit 1`;
  return row;
}

export async function updateWebhook(
  sql: Db,
  id: string,
  patch: { name?: string; channel_id?: string; avatar?: string | null; token?: Buffer },
): Promise<void> {
  await sql`
    update webhooks set ${setAndBump(sql, patch)}
    where id = ${id}`;
}

export async function deleteWebhook(sql: Db, id: string): Promise<void> {
  await sql`delete from webhooks where id = ${id}`;
}
