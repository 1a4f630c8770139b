import type { Db } from "../../core/db.ts";
import { userJson } from "../../core/store/fragments.ts";
import type { UserRow } from "../../core/wire/user.ts";

export interface BanRow {
  user: UserRow;
  reason: string | null;
}

const banColumns = (sql: Db) => sql`${userJson(sql)} as "user", b.reason`;

export async function isBanned(sql: Db, guildId: string, userId: string): Promise<boolean> {
  const rows = await sql`select 1 from server_bans where server_id = ${guildId} and user_id = ${userId}`;
  return rows.length > 0;
}

export async function findBan(sql: Db, guildId: string, userId: string): Promise<BanRow | undefined> {
  const [row] = await sql<BanRow[]>`
    select ${banColumns(sql)} from server_bans b join users u on u.id = b.user_id
    where b.server_id = ${guildId} and b.user_id = ${userId}`;
  return row;
}

/** By user id, ascending whichever way the page was asked for; `before` wins over `after`. */
export async function listBans(
  sql: Db,
  guildId: string,
  page: { before?: string | undefined; after?: string | undefined; limit: number },
): Promise<BanRow[]> {
  const { before, after = "0", limit } = page;
  const rows = await sql<BanRow[]>`
    select ${banColumns(sql)} from (
      select * from server_bans
      where server_id = ${guildId} and ${before === undefined ? sql`user_id > ${after}` : sql`user_id < ${before}`}
      order by user_id ${before === undefined ? sql`asc` : sql`desc`} limit ${limit}
    ) b join users u on u.id = b.user_id
    order by b.user_id ${before === undefined ? sql`asc` : sql`desc`}`;
  return before === undefined ? rows : [...rows].reverse();
}

export interface NewBan {
  guildId: string;
  userId: string;
  moderatorId: string;
  reason: string | null;
}

/** @returns false when the user was banned already: the first reason stays */
export async function insertBan(sql: Db, ban: NewBan): Promise<boolean> {
  const rows = await sql`
    insert into server_bans (server_id, user_id, moderator_id, reason)
    values (${ban.guildId}, ${ban.userId}, ${ban.moderatorId}, ${ban.reason})
    on conflict do nothing returning user_id`;
  return rows.length > 0;
}

/** @returns false when the user was not banned */
export async function deleteBan(sql: Db, guildId: string, userId: string): Promise<boolean> {
  const rows = await sql`
    delete from server_bans where server_id = ${guildId} and user_id = ${userId} returning user_id`;
  return rows.length > 0;
}
