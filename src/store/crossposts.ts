import type { Db, Transaction } from "../../core/db.ts";

/** Enters a message to be published. @returns false when it was before */
export async function insertCrosspost(tx: Transaction, messageId: string, channelId: string): Promise<boolean> {
  const rows = await tx`
    insert into crossposts (message_id, channel_id, next_webhook, due) values (${messageId}, ${channelId}, 0, now())
    on conflict do nothing returning message_id`;
  return rows.length > 0;
}

/**
 * How long until a channel may publish again, in seconds, when it may so many times in so many seconds; 0: now. The channel
 * is locked, so that the count holds.
 */
export async function crosspostWait(
  tx: Transaction,
  channelId: string,
  { requests, seconds }: { requests: number; seconds: number },
): Promise<number> {
  await tx`select 1 from channels where id = ${channelId} for no key update`;
  const [row] = await tx<{ wait: number }[]>`
    select extract(epoch from crossposted_at + make_interval(secs => ${seconds}) - now())::float8 as wait
    from crossposts where channel_id = ${channelId} and crossposted_at > now() - make_interval(secs => ${seconds})
    order by crossposted_at desc limit 1 offset ${requests - 1}`;
  return Math.max(0, row?.wait ?? 0);
}

/** The message was changed: all copies are to follow. */
export async function followChange(tx: Transaction, messageId: string): Promise<void> {
  await tx`
    update crossposts set next_copy = 0, due = coalesce(due, now()) where message_id = ${messageId}`;
}

/** The same of the messages of the CTE `gone`, as a CTE of the statement that deletes them. */
export const followDeletion = (sql: Db) => sql`
  published as (
    update crossposts set next_copy = 0, due = coalesce(due, now()) where message_id in (select id from gone)
  )`;

export interface CrosspostWork {
  message_id: string;
  channel_id: string;
  server_id: string;
  next_webhook: string | null;
  next_copy: string | null;
}

/** Locks the work that has waited longest and that nobody else is at. */
export async function claimCrosspost(tx: Transaction): Promise<CrosspostWork | undefined> {
  const [row] = await tx<CrosspostWork[]>`
    select message_id, channel_id, next_webhook, next_copy,
      (select c.server_id from channels c where c.id = crossposts.channel_id) as server_id
    from crossposts where due <= now() order by due limit 1 for update skip locked`;
  return row;
}

/** Notes how far the work has got; others come first then. */
export async function saveCrosspost(
  tx: Transaction,
  { message_id, next_webhook, next_copy }: CrosspostWork,
): Promise<void> {
  const done = next_webhook === null && next_copy === null;
  await tx`
    update crossposts set next_webhook = ${next_webhook}, next_copy = ${next_copy},
      due = ${done ? null : tx`clock_timestamp()`}
    where message_id = ${message_id}`;
}

export async function postponeCrosspost(sql: Db, messageId: string, seconds: number): Promise<void> {
  await sql`
    update crossposts set due = now() + make_interval(secs => ${seconds})
    where message_id = ${messageId} and due is not null`;
}

export interface Follower {
  id: string;
  server_id: string;
  channel_id: string;
  name: string;
  avatar: string | null;
}

/** Webhooks that follow a channel, by id. */
export async function listFollowers(sql: Db, channelId: string, after: string, limit: number): Promise<Follower[]> {
  return sql<Follower[]>`
    select id, server_id, channel_id, name, avatar from webhooks
    where source_channel_id = ${channelId} and id > ${after} order by id limit ${limit}`;
}

export interface Copy {
  id: string;
  channel_id: string;
  server_id: string;
  webhook_id: string;
}

/** Copies of a published message, by id. The flag 2 is IS_CROSSPOST, written as the index has it. */
export async function listCopies(sql: Db, messageId: string, after: string, limit: number): Promise<Copy[]> {
  return sql<Copy[]>`
    select msg.id, msg.channel_id, c.server_id, msg.webhook_id from messages msg join channels c on c.id = msg.channel_id
    where msg.reference_message_id = ${messageId} and msg.flags & 2 <> 0
      and not msg.deleted and msg.id > ${after}
    order by msg.id limit ${limit}`;
}
