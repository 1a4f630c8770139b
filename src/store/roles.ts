import type { Db } from "../../core/db.ts";
import type { RoleRow } from "../../core/wire/role.ts";

export const roleColumns = (sql: Db) => sql`
  id, server_id, name, permissions, color, hoist, mentionable, managed, bot_id, position, icon, unicode_emoji,
  version`;

/** All roles of a guild, 250 at most, lowest first. */
export async function listRoles(sql: Db, guildId: string): Promise<RoleRow[]> {
  return sql<RoleRow[]>`
    select ${roleColumns(sql)} from roles where server_id = ${guildId} order by position, id desc`;
}

export async function findRole(sql: Db, guildId: string, id: string): Promise<RoleRow | undefined> {
  const [row] = await sql<RoleRow[]>`
    select ${roleColumns(sql)} from roles where server_id = ${guildId} and id = ${id}`;
  return row;
}

export interface NewRole {
  id: string;
  guildId: string;
  name: string;
  permissions: readonly string[];
  color?: number;
  hoist?: boolean;
  mentionable?: boolean;
  botId?: string;
  position: number;
}

export async function insertRole(sql: Db, role: NewRole): Promise<RoleRow> {
  const [row] = await sql<RoleRow[]>`
    insert into roles (id, server_id, name, permissions, is_default, color, hoist, mentionable, managed, bot_id,
      position)
    values (${role.id}, ${role.guildId}, ${role.name}, ${sql.json([...role.permissions])},
      ${role.id === role.guildId}, ${role.color ?? 0}, ${role.hoist ?? false}, ${role.mentionable ?? false},
      ${role.botId !== undefined}, ${role.botId ?? null}, ${role.position})
    returning ${roleColumns(sql)}`;
  if (row === undefined) throw new Error("insert returned no row");
  return row;
}

/** Of the ids, the guild's roles that may be mentioned: those open to it, or any for who may mention everyone. */
export async function mentionableRoles(
  sql: Db,
  guildId: string,
  ids: readonly string[],
  any: boolean,
): Promise<string[]> {
  if (ids.length === 0) return [];
  const rows = await sql<{ id: string }[]>`
    select id from roles where server_id = ${guildId} and id = any(${[...ids]}) and (mentionable or ${any})`;
  return rows.map((row) => row.id);
}
