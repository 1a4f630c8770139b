import type { Db } from "../../core/db.ts";
import { channelColumns, setAndBump } from "../../core/store/fragments.ts";
import type { ChannelRow } from "../../core/wire/channel.ts";
import { isThreadRow, type ThreadChannelRow, type ThreadRow } from "../../core/wire/thread.ts";
import { type ChannelPatch, findChannel, insertChannel, updateChannel } from "./channels.ts";

export interface NewThread {
  id: string;
  guildId: string;
  parentId: string;
  type: number;
  private: boolean;
  name: string;
  /** A user, or a webhook. */
  ownerId: string;
  autoArchiveMinutes: number;
  rateLimitPerUser: number;
  invitable: boolean;
  appliedTags: readonly string[];
}

const MINUTE_MS = 60_000;

export async function insertThread(sql: Db, thread: NewThread): Promise<void> {
  const now = new Date();
  await insertChannel(sql, {
    id: thread.id,
    server_id: thread.guildId,
    parent_id: thread.parentId,
    name: thread.name,
    type: thread.type,
    rate_limit_per_user: thread.rateLimitPerUser,
    // A message whose thread was deleted can have another, with the same id: it must not look older than that.
    version: String(now.getTime()),
  });
  await sql`
    insert into threads (channel_id, server_id, parent_id, private, owner_id, archive_timestamp, auto_archive_duration,
      archive_due, invitable, applied_tags, created_at)
    values (${thread.id}, ${thread.guildId}, ${thread.parentId}, ${thread.private}, ${thread.ownerId}, ${now},
      ${thread.autoArchiveMinutes}, ${new Date(now.getTime() + thread.autoArchiveMinutes * MINUTE_MS)},
      ${thread.invitable}, ${[...thread.appliedTags]}, ${now})`;
}

export async function findThread(sql: Db, id: string): Promise<ThreadChannelRow | undefined> {
  const row = await findChannel(sql, id);
  return row !== undefined && isThreadRow(row) ? row : undefined;
}

export type ThreadPatch = Partial<
  Pick<ThreadRow, "archived" | "locked" | "invitable" | "auto_archive_duration" | "applied_tags">
>;

/**
 * Changes a thread; its version grows. Archiving, unarchiving and another duration count as activity.
 * @param channel columns of the thread's row in channels
 */
export async function updateThread(
  sql: Db,
  row: ThreadChannelRow,
  channel: Pick<ChannelPatch, "name" | "rate_limit_per_user" | "flags">,
  patch: ThreadPatch,
): Promise<void> {
  await updateChannel(sql, row.id, channel);
  const minutes = patch.auto_archive_duration ?? row.thread.auto_archive_duration;
  const active = patch.archived !== undefined || patch.auto_archive_duration !== undefined;
  const now = new Date();
  const columns = {
    ...patch,
    ...(patch.applied_tags === undefined ? {} : { applied_tags: [...patch.applied_tags] }),
    ...(active ? { archive_timestamp: now, archive_due: new Date(now.getTime() + minutes * MINUTE_MS) } : {}),
  };
  if (Object.keys(columns).length > 0) await sql`update threads set ${sql(columns)} where channel_id = ${row.id}`;
  if (patch.archived !== true) return;
  await sql`update threads t set archive_timestamp = ${afterAllArchived(sql)} where t.channel_id = ${row.id}`;
}

/**
 * Now, or a millisecond after the thread that was archived last in the same list, from alias `t`: lists are paged by
 * this time, and it ends with milliseconds. The guild must be locked.
 */
const afterAllArchived = (sql: Db) => sql`
  greatest(date_trunc('milliseconds', clock_timestamp()), (
    select max(other.archive_timestamp) + interval '1 ms' from threads other
    where other.parent_id = t.parent_id and other.private = t.private and other.archived))`;

export async function countActiveThreads(sql: Db, guildId: string): Promise<number> {
  const [row] = await sql<[{ n: number }]>`
    select count(*)::int as n from threads where server_id = ${guildId} and not archived`;
  return row.n;
}

/** How many posts of a forum are pinned. */
export async function countPinnedPosts(sql: Db, forumId: string, pinned: number): Promise<number> {
  const [row] = await sql<[{ n: number }]>`
    select count(*)::int as n from threads t join channels c on c.id = t.channel_id
    where t.parent_id = ${forumId} and not t.archived and c.flags & ${pinned} <> 0`;
  return row.n;
}

/** A guild's active threads, newest first; it has 1000 at most. */
export async function listActiveThreads(sql: Db, guildId: string): Promise<ThreadChannelRow[]> {
  return threadsIn(
    await sql<ChannelRow[]>`
    select ${channelColumns(sql)} from threads active join channels c on c.id = active.channel_id
    where active.server_id = ${guildId} and not active.archived order by active.channel_id desc`,
  );
}

/** A channel's archived threads of one kind, those archived last first. */
export async function listArchivedThreads(
  sql: Db,
  parentId: string,
  which: { private: boolean; before: Date | undefined; limit: number },
): Promise<ThreadChannelRow[]> {
  return threadsIn(
    await sql<ChannelRow[]>`
    select ${channelColumns(sql)} from threads old join channels c on c.id = old.channel_id
    where old.parent_id = ${parentId} and old.private = ${which.private} and old.archived
      ${which.before === undefined ? sql`` : sql`and old.archive_timestamp < ${which.before}`}
    order by old.archive_timestamp desc, old.channel_id desc limit ${which.limit}`,
  );
}

/** A channel's archived private threads that a user has joined, by id, newest first. */
export async function listJoinedArchivedThreads(
  sql: Db,
  parentId: string,
  userId: string,
  which: { before: string | undefined; limit: number },
): Promise<ThreadChannelRow[]> {
  return threadsIn(
    await sql<ChannelRow[]>`
    select ${channelColumns(sql)} from thread_members mine
      join threads old on old.channel_id = mine.thread_id join channels c on c.id = old.channel_id
    where mine.user_id = ${userId} and old.parent_id = ${parentId} and old.private and old.archived
      ${which.before === undefined ? sql`` : sql`and mine.thread_id < ${which.before}`}
    order by mine.thread_id desc limit ${which.limit}`,
  );
}

const threadsIn = (rows: readonly ChannelRow[]): ThreadChannelRow[] => rows.filter(isThreadRow);

/** Active threads that may have been idle for as long as their duration says; those due first come first. */
export async function listDueThreads(sql: Db, limit: number): Promise<{ id: string; guildId: string }[]> {
  return sql<{ id: string; guildId: string }[]>`
    select channel_id as id, server_id as "guildId" from threads
    where not archived and archive_due <= now() order by archive_due limit ${limit}`;
}

/**
 * Archives a thread if its last activity is long enough ago and it isn't pinned in its forum, else notes when it is to
 * be looked at next. @returns whether it was archived now
 */
export async function archiveIfIdle(sql: Db, id: string, pinned: number): Promise<boolean> {
  const [row] = await sql<{ archived: boolean }[]>`
    with last as (
      select t.channel_id, c.flags & ${pinned}::int <> 0 as pinned,
        greatest(t.archive_timestamp, (select msg.created_at from messages msg
          where msg.channel_id between t.channel_id and t.channel_id and not msg.deleted
          order by msg.channel_id, msg.id desc limit 1))
          + make_interval(mins => t.auto_archive_duration) as due
      from threads t join channels c on c.id = t.channel_id
      where t.channel_id = ${id} and not t.archived and t.archive_due <= now()
    )
    update threads t set archived = last.due <= now() and not last.pinned,
      archive_timestamp = case when last.due <= now() and not last.pinned
        then ${afterAllArchived(sql)} else t.archive_timestamp end,
      archive_due = case when last.pinned then now() + make_interval(mins => t.auto_archive_duration) else last.due end
    from last where t.channel_id = last.channel_id
    returning t.archived`;
  if (row?.archived !== true) return false;
  await sql`update channels set ${setAndBump(sql, {})} where id = ${id}`;
  return true;
}
