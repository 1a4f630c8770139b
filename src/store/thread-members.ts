import type { Db } from "../../core/db.ts";
import { memberColumns, threadMemberColumns } from "../../core/store/fragments.ts";
import type { MemberRow } from "../../core/wire/member.ts";
import type { ThreadMemberRow } from "../../core/wire/thread.ts";

/** A membership that was made or ended just now. */
export interface ThreadMembership {
  row: ThreadMemberRow;
  memberCount: number;
  /** Above those of all memberships before it. */
  version: string;
}

type ChangedRow = ThreadMemberRow & { member_count: number; version: string };

const changed = ({ member_count: memberCount, version, ...row }: ChangedRow): ThreadMembership => ({
  row,
  memberCount,
  version,
});

/** @returns undefined when the user was a member already */
export async function insertThreadMember(
  sql: Db,
  threadId: string,
  userId: string,
): Promise<ThreadMembership | undefined> {
  const [row] = await sql<ChangedRow[]>`
    with tm as (
      insert into thread_members (thread_id, user_id, joined_at) values (${threadId}, ${userId}, ${new Date()})
      on conflict do nothing returning *
    )
    update threads t set member_count = t.member_count + 1 from tm where t.channel_id = tm.thread_id
    returning ${threadMemberColumns(sql)}, t.member_count, nextval('membership_version') as version`;
  return row === undefined ? undefined : changed(row);
}

/** @returns undefined when the user was no member */
export async function deleteThreadMember(
  sql: Db,
  threadId: string,
  userId: string,
): Promise<ThreadMembership | undefined> {
  const [row] = await sql<ChangedRow[]>`
    with tm as (delete from thread_members where thread_id = ${threadId} and user_id = ${userId} returning *)
    update threads t set member_count = t.member_count - 1 from tm where t.channel_id = tm.thread_id
    returning ${threadMemberColumns(sql)}, t.member_count, nextval('membership_version') as version`;
  return row === undefined ? undefined : changed(row);
}

/** Ends a user's memberships of a guild's threads, archived ones too. */
export async function leaveThreadsOf(sql: Db, guildId: string, userId: string): Promise<void> {
  await sql`
    with gone as (
      delete from thread_members tm using threads t
      where tm.user_id = ${userId} and t.channel_id = tm.thread_id and t.server_id = ${guildId} returning tm.thread_id
    )
    update threads set member_count = member_count - 1 where channel_id in (select thread_id from gone)`;
}

/** The memberships of bots: of the guild's few applications, not of all who are in the thread. */
export async function botsInThread(sql: Db, guildId: string, threadId: string): Promise<ThreadMemberRow[]> {
  return sql<ThreadMemberRow[]>`
    select ${threadMemberColumns(sql)}
    from server_members m join thread_members tm on tm.thread_id = ${threadId} and tm.user_id = m.user_id
    where m.server_id = ${guildId} and m.application_id is not null`;
}

export type FullThreadMemberRow = ThreadMemberRow & { member: MemberRow };

/** A thread's members, or one of them, by user id; each with its membership of the guild. */
export async function listThreadMembers(
  sql: Db,
  threadId: string,
  which: { userId?: string; after?: string; limit: number },
): Promise<FullThreadMemberRow[]> {
  const rows = await sql<(ThreadMemberRow & MemberRow & { thread_joined_at: Date; thread_flags: number })[]>`
    select ${memberColumns(sql)}, tm.thread_id, tm.joined_at as thread_joined_at, tm.flags as thread_flags
    from thread_members tm
      join threads t on t.channel_id = tm.thread_id
      join server_members m on m.server_id = t.server_id and m.user_id = tm.user_id
      join users u on u.id = tm.user_id
    where tm.thread_id = ${threadId} and tm.user_id > ${which.after ?? "0"}
      ${which.userId === undefined ? sql`` : sql`and tm.user_id = ${which.userId}`}
    order by tm.user_id limit ${which.limit}`;
  return rows.map(({ thread_id, thread_joined_at, thread_flags, ...member }) => ({
    thread_id,
    user_id: member.user_id,
    joined_at: thread_joined_at,
    flags: thread_flags,
    member,
  }));
}

/** Of the users, those who are no members of a thread. */
export async function notJoined(sql: Db, threadId: string, userIds: readonly string[]): Promise<string[]> {
  const rows = await sql<{ user_id: string }[]>`
    select user_id from thread_members where thread_id = ${threadId} and user_id = any(${[...userIds]})`;
  const joined = new Set(rows.map((row) => row.user_id));
  return userIds.filter((id) => !joined.has(id));
}

export async function countThreadMembers(sql: Db, threadId: string): Promise<number> {
  const [row] = await sql<{ member_count: number }[]>`
    select member_count from threads where channel_id = ${threadId}`;
  return row?.member_count ?? 0;
}

/** Which of the threads a user has joined. */
export async function joinedAmong(sql: Db, userId: string, threadIds: readonly string[]): Promise<ThreadMemberRow[]> {
  if (threadIds.length === 0) return [];
  return sql<ThreadMemberRow[]>`
    select ${threadMemberColumns(sql)} from thread_members tm
    where tm.user_id = ${userId} and tm.thread_id = any(${[...threadIds]}) order by tm.thread_id`;
}
