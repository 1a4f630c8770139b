import type { Db } from "../db.ts";
import type { MemberRow } from "../wire/member.ts";
import { memberColumns } from "./fragments.ts";

/** The members among the ids. */
export async function membersByIds(sql: Db, guildId: string, userIds: readonly string[]): Promise<MemberRow[]> {
  return sql<MemberRow[]>`
    select ${memberColumns(sql)} from server_members m join users u on u.id = m.user_id
    where m.server_id = ${guildId} and m.user_id = any(${[...userIds]}) order by m.user_id`;
}

/** Members whose username or nickname starts with `prefix`, whatever the case. */
export async function membersByPrefix(sql: Db, guildId: string, prefix: string, limit: number): Promise<MemberRow[]> {
  return sql<MemberRow[]>`
    select ${memberColumns(sql)} from server_members m join users u on u.id = m.user_id
    where m.server_id = ${guildId}
      and (starts_with(lower(u.username), lower(${prefix})) or starts_with(lower(m.nickname), lower(${prefix})))
    order by m.user_id limit ${limit}`;
}

/** A page of a guild's members, by id. */
export async function membersAfter(sql: Db, guildId: string, after: string, limit: number): Promise<MemberRow[]> {
  return sql<MemberRow[]>`
    select ${memberColumns(sql)} from server_members m join users u on u.id = m.user_id
    where m.server_id = ${guildId} and m.user_id > ${after} order by m.user_id limit ${limit}`;
}

export async function memberCount(sql: Db, guildId: string): Promise<number> {
  const [row] = await sql<{ member_count: number }[]>`select member_count from servers where id = ${guildId}`;
  return row?.member_count ?? 0;
}
