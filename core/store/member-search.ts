import type { Db } from "../db.ts";
import type { MemberRow } from "../wire/member.ts";
import { memberColumns } from "./fragments.ts";

/** The members among the ids. */
export async function membersByIds(sql: Db, guildId: string, userIds: readonly string[]): Promise<MemberRow[]> {
  return sql<MemberRow[]>`
    select ${memberColumns(sql)} from server_members m join users u on u.id = m.user_id
    where m.server_id = ${guildId} and m.user_id = any(${[...userIds]}) order by m.user_id`;
}

/** Above all that begins with the same text, byte by byte: the last character that there is. */
const LAST = String.fromCodePoint(0x10ffff);

/** Members whose username or nickname starts with `prefix`, whatever the case, by id. */
export async function membersByPrefix(sql: Db, guildId: string, prefix: string, limit: number): Promise<MemberRow[]> {
  if (prefix === "") return membersAfter(sql, guildId, "0", limit);
  const end = prefix + LAST;
  return sql<MemberRow[]>`
    with found as (
      select m.user_id from users u join server_members m on m.server_id = ${guildId} and m.user_id = u.id
      where lower(u.username) ~>=~ lower(${prefix}) and lower(u.username) ~<~ lower(${end})
      union
      select m.user_id from server_members m
      where m.server_id = ${guildId} and m.nickname is not null
        and lower(m.nickname) ~>=~ lower(${prefix}) and lower(m.nickname) ~<~ lower(${end})
      order by user_id limit ${limit}
    )
    select ${memberColumns(sql)}
    from found join server_members m on m.server_id = ${guildId} and m.user_id = found.user_id
      join users u on u.id = m.user_id
    order by m.user_id`;
}

/** A page of a guild's members, by id; the page is cut before users are looked up for it. */
export async function membersAfter(sql: Db, guildId: string, after: string, limit: number): Promise<MemberRow[]> {
  return sql<MemberRow[]>`
    select ${memberColumns(sql)} from (
      select * from server_members where server_id = ${guildId} and user_id > ${after} order by user_id limit ${limit}
    ) m join users u on u.id = m.user_id
    order by m.user_id`;
}

export async function memberCount(sql: Db, guildId: string): Promise<number> {
  const [row] = await sql<{ member_count: number }[]>`select member_count from servers where id = ${guildId}`;
  return row?.member_count ?? 0;
}
