import type { Db } from "../../core/db.ts";
import { fixed, setAndBump } from "../../core/store/fragments.ts";
import type { RoleRow } from "../../core/wire/role.ts";

const roleColumns = fixed(
  (sql) => sql`
  id, server_id, name, permissions, color, hoist, mentionable, managed, bot_id, position, icon, unicode_emoji,
  version`,
);

/** All roles of a guild as JSON, lowest first, from alias `s`. */
export const rolesJson = fixed(
  (sql) => sql`
  (select json_agg(json_build_object('id', r.id::text, 'server_id', r.server_id::text, 'name', r.name,
    'permissions', r.permissions, 'color', r.color, 'hoist', r.hoist, 'mentionable', r.mentionable,
    'managed', r.managed, 'bot_id', r.bot_id::text, 'position', r.position, 'icon', r.icon,
    'unicode_emoji', r.unicode_emoji, 'version', r.version::text) order by r.position, r.id desc)
  from roles r where r.server_id = s.id)`,
);

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
  icon?: string | null;
  unicode_emoji?: string | null;
  botId?: string;
  position: number;
}

export async function insertRole(sql: Db, role: NewRole): Promise<RoleRow> {
  const [row] = await sql<RoleRow[]>`
    insert into roles (id, server_id, name, permissions, is_default, color, hoist, mentionable, managed, bot_id,
      position, icon, unicode_emoji)
    values (${role.id}, ${role.guildId}, ${role.name}, ${sql.json([...role.permissions])},
      ${role.id === role.guildId}, ${role.color ?? 0}, ${role.hoist ?? false}, ${role.mentionable ?? false},
      ${role.botId !== undefined}, ${role.botId ?? null}, ${role.position},
      ${role.icon ?? null}, ${role.unicode_emoji ?? null})
    returning ${roleColumns(sql)}`;
  if (row === undefined) throw new Error("insert returned no row");
  return row;
}

/** Columns that PATCH may set. */
export interface RolePatch {
  name?: string;
  permissions?: readonly string[];
  color?: number;
  hoist?: boolean;
  mentionable?: boolean;
  icon?: string | null;
  unicode_emoji?: string | null;
}

export async function updateRole(sql: Db, id: string, patch: RolePatch): Promise<RoleRow> {
  const { permissions, ...looks } = patch;
  const columns = { ...looks, ...(permissions === undefined ? {} : { permissions: sql.json([...permissions]) }) };
  const [row] = await sql<RoleRow[]>`
    update roles set ${setAndBump(sql, columns)} where id = ${id} returning ${roleColumns(sql)}`;
  if (row === undefined) throw new Error("the role to update is not there");
  return row;
}

/** Gives roles the positions 1, 2, 3… in this order. @returns those that had another */
export async function moveRoles(sql: Db, guildId: string, order: readonly string[]): Promise<RoleRow[]> {
  return sql<RoleRow[]>`
    update roles set position = wanted.place, version = version + 1
    from unnest(${[...order]}::bigint[]) with ordinality as wanted (role_id, place)
    where id = wanted.role_id and server_id = ${guildId} and position <> wanted.place
    returning ${roleColumns(sql)}`;
}

/** @returns a version above all that the role had; undefined when the guild had no such role */
export async function deleteRole(sql: Db, guildId: string, id: string): Promise<string | undefined> {
  const [row] = await sql<{ version: string }[]>`
    delete from roles where id = ${id} and server_id = ${guildId} returning version + 1 as version`;
  return row?.version;
}

/** The roles that were made for a bot when it was added. */
export async function managedRoleIds(sql: Db, guildId: string, botId: string): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select id from roles where bot_id = ${botId} and server_id = ${guildId} and managed`;
  return rows.map((row) => row.id);
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
