import { namesToBits, type RoleFacts } from "../permissions.ts";

export interface RoleRow {
  id: string;
  server_id: string;
  name: string;
  permissions: string[];
  color: number;
  hoist: boolean;
  mentionable: boolean;
  managed: boolean;
  bot_id: string | null;
  position: number;
  icon: string | null;
  unicode_emoji: string | null;
  version: string;
}

/** https://discord.com/developers/docs/topics/permissions#role-object */
export function wireRole(row: RoleRow) {
  return {
    id: row.id,
    name: row.name,
    permissions: namesToBits(row.permissions).toString(),
    position: row.position,
    color: row.color,
    colors: { primary_color: row.color, secondary_color: null, tertiary_color: null },
    hoist: row.hoist,
    managed: row.managed,
    mentionable: row.mentionable,
    icon: row.icon,
    unicode_emoji: row.unicode_emoji,
    ...(row.bot_id === null ? {} : { tags: { bot_id: row.bot_id } }),
    flags: 0,
  };
}

export function roleFacts(row: Pick<RoleRow, "id" | "permissions" | "position">): RoleFacts {
  return { id: row.id, permissions: namesToBits(row.permissions), position: row.position };
}
