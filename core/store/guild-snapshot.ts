import type { Db } from "../db.ts";
import { type ChannelRow, wireChannel } from "../wire/channel.ts";
import { type GuildRow, wireGuild } from "../wire/guild.ts";
import type { MemberRow } from "../wire/member.ts";
import type { RoleRow } from "../wire/role.ts";
import { isThreadRow, type ThreadMemberRow, type WireThread, wireThread } from "../wire/thread.ts";
import { channelColumns, memberColumns, notThread, threadMemberColumns } from "./fragments.ts";

/** All that a gateway tells a member of a guild when it appears, and needs to know who sees what. */
export interface GuildSnapshot {
  row: GuildRow;
  guild: ReturnType<typeof wireGuild>;
  roles: RoleRow[];
  channels: ReturnType<typeof wireChannel>[];
  /** The active ones. */
  threads: WireThread[];
  /** Who of those asked for has joined one of them. */
  threadMembers: ThreadMemberRow[];
  me: MemberRow;
}

/** The ids of the guilds a user is in, ascending. An account joins 200 at most, a bot as many as add it. */
export async function memberGuildIds(sql: Db, userId: string): Promise<string[]> {
  const rows = await sql<{ server_id: string }[]>`
    select server_id from server_members where user_id = ${userId} order by server_id`;
  return rows.map((row) => row.server_id);
}

export async function memberGuildCount(sql: Db, userId: string): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    select count(*)::int as count from server_members where user_id = ${userId}`;
  return row?.count ?? 0;
}

/** A user's memberships, of those of the guilds that it is in. */
export async function memberships(sql: Db, guildIds: readonly string[], userId: string): Promise<MemberRow[]> {
  if (guildIds.length === 0) return [];
  return sql<MemberRow[]>`
    select ${memberColumns(sql)} from server_members m join users u on u.id = m.user_id
    where m.server_id = any(${[...guildIds]}) and m.user_id = ${userId}`;
}

/**
 * Snapshots of those of the guilds that the user is in, in six statements however many there are.
 * @param present whose memberships of threads are wanted
 */
export async function guildSnapshots(
  sql: Db,
  guildIds: readonly string[],
  userId: string,
  present: readonly string[] = [userId],
): Promise<Map<string, GuildSnapshot>> {
  const snapshots = new Map<string, GuildSnapshot>();
  if (guildIds.length === 0) return snapshots;
  const ids = [...guildIds];
  const [guilds, roles, channels, members, threads, threadMembers] = await Promise.all([
    sql<GuildRow[]>`select * from servers where id = any(${ids})`,
    sql<RoleRow[]>`select * from roles where server_id = any(${ids}) order by server_id, position, id desc`,
    sql<ChannelRow[]>`
      select ${channelColumns(sql)} from channels c where c.server_id = any(${ids}) and ${notThread(sql)}
      order by c.position, c.id`,
    memberships(sql, ids, userId),
    sql<ChannelRow[]>`
      select ${channelColumns(sql)} from threads active join channels c on c.id = active.channel_id
      where active.server_id = any(${ids}) and not active.archived order by active.channel_id`,
    sql<(ThreadMemberRow & { server_id: string })[]>`
      select ${threadMemberColumns(sql)}, active.server_id
      from threads active join thread_members tm on tm.thread_id = active.channel_id
      where active.server_id = any(${ids}) and not active.archived and tm.user_id = any(${[...present]})`,
  ]);
  const rolesOf = groupByGuild(roles);
  const channelsOf = groupByGuild(channels);
  const threadsOf = groupByGuild(threads.filter(isThreadRow));
  const threadMembersOf = groupByGuild(threadMembers);
  const meIn = new Map(members.map((member) => [member.server_id, member]));
  for (const row of guilds) {
    const me = meIn.get(row.id);
    if (me === undefined) continue;
    const own = rolesOf.get(row.id) ?? [];
    const shown = (channelsOf.get(row.id) ?? []).map(wireChannel);
    snapshots.set(row.id, {
      row,
      guild: wireGuild(row, own),
      roles: own,
      channels: shown,
      threads: (threadsOf.get(row.id) ?? []).map(wireThread),
      threadMembers: threadMembersOf.get(row.id) ?? [],
      me,
    });
  }
  return snapshots;
}

function groupByGuild<T extends { server_id: string }>(rows: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const group = groups.get(row.server_id);
    if (group === undefined) groups.set(row.server_id, [row]);
    else group.push(row);
  }
  return groups;
}

/** Threads of a guild, archived or not, with those of their members who were asked for. */
export async function threadsById(
  sql: Db,
  guildId: string,
  ids: readonly string[],
  present: readonly string[],
): Promise<{ thread: WireThread; members: ThreadMemberRow[] }[]> {
  const [threads, members] = await Promise.all([
    sql<ChannelRow[]>`
      select ${channelColumns(sql)} from channels c where c.id = any(${[...ids]}) and c.server_id = ${guildId}`,
    sql<ThreadMemberRow[]>`
      select ${threadMemberColumns(sql)} from thread_members tm
      where tm.thread_id = any(${[...ids]}) and tm.user_id = any(${[...present]})`,
  ]);
  return threads.filter(isThreadRow).map((row) => ({
    thread: wireThread(row),
    members: members.filter((member) => member.thread_id === row.id),
  }));
}

/** The first members of a guild by id, for GUILD_CREATE of small guilds. */
export async function firstMembers(sql: Db, guildId: string, limit: number): Promise<MemberRow[]> {
  return sql<MemberRow[]>`
    select ${memberColumns(sql)} from server_members m join users u on u.id = m.user_id
    where m.server_id = ${guildId} order by m.user_id limit ${limit}`;
}
