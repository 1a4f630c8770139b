import type { Db } from "../../core/db.ts";

export async function isBanned(sql: Db, guildId: string, userId: string): Promise<boolean> {
  const rows = await sql`select 1 from server_bans where server_id = ${guildId} and user_id = ${userId}`;
  return rows.length > 0;
}
