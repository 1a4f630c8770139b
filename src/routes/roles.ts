import { AuditLogEvent } from "discord-api-types/v10";
import { z } from "zod";
import type { Db } from "../../core/db.ts";
import { bitsToNames, canManageRole, has } from "../../core/permissions.ts";
import { type RoleRow, roleFacts, wireRole } from "../../core/wire/role.ts";
import { inGuild, type LockedInGuild, lockedGuild } from "../access.ts";
import { auditChange } from "../audit/entry.ts";
import { roleFields } from "../audit/fields.ts";
import { ApiError } from "../errors.ts";
import { imageData, permissionBits, snowflake, trimmed } from "../fields.ts";
import { storeImages } from "../files/images.ts";
import { parseEmoji } from "../reactions/emoji.ts";
import { manageableRole, removeRole, reorder, roleEvent } from "../roles.ts";
import { route } from "../route.ts";
import { sightsIn } from "../sights.ts";
import { findRole, insertRole, listRoles, moveRoles, type RolePatch, updateRole } from "../store/roles.ts";

const MAX_ROLES = 250;
const color = z.number().int().min(0).max(0xffffff);

const unicodeEmoji = z
  .string()
  .max(64)
  .refine((text) => parseEmoji(text)?.type === "unicode", "Not an emoji.");

const roleBody = z.object({
  name: trimmed(1, 100).nullish(),
  permissions: permissionBits.nullish(),
  color: color.nullish(),
  colors: z.object({ primary_color: color }).nullish(),
  hoist: z.boolean().nullish(),
  mentionable: z.boolean().nullish(),
  icon: imageData,
  unicode_emoji: unicodeEmoji.nullish(),
});

export const roleRoutes = [
  route({
    method: "GET",
    path: "/guilds/:guild_id/roles",
    operation: "list_guild_roles",
    access: inGuild(),
    handle: async ({ app }, { guild }) => (await listRoles(app.sql, guild.id)).map(wireRole),
  }),
  route({
    method: "GET",
    path: "/guilds/:guild_id/roles/:role_id",
    operation: "get_guild_role",
    access: inGuild(),
    handle: async ({ app, params }, { guild }) =>
      wireRole(await existingRole(app.sql, guild.id, params.get("role_id"))),
  }),
  route({
    method: "POST",
    path: "/guilds/:guild_id/roles",
    operation: "create_guild_role",
    access: inGuild("MANAGE_ROLES"),
    images: true,
    body: roleBody,
    handle: async ({ app, body }, found) => {
      const images = await storeImages(app, body, ["icon"]);
      return app.change(async (tx, emit) => {
        const { guild, permissions } = await lockedGuild(tx, found);
        if (guild.roles.size >= MAX_ROLES) throw new ApiError("MAX_ROLES");
        const granted = body.permissions ?? guild.roles.get(guild.id)?.permissions ?? 0n;
        if (!has(permissions, granted)) throw new ApiError("MISSING_PERMISSIONS");
        // Of roles at one position the newest is the lowest: this one is just above @everyone.
        const row = await insertRole(tx, {
          id: app.nextId(),
          guildId: guild.id,
          name: "new role",
          position: 1,
          permissions: bitsToNames(granted),
          ...looksOf(body),
          ...images,
        });
        emit(roleEvent("GUILD_ROLE_CREATE", row));
        emit(auditChange(guild.id, AuditLogEvent.RoleCreate, row.id, null, roleFields(row)));
        return wireRole(row);
      });
    },
  }),
  route({
    method: "PATCH",
    path: "/guilds/:guild_id/roles/:role_id",
    operation: "update_guild_role",
    access: inGuild("MANAGE_ROLES"),
    images: true,
    body: roleBody,
    handle: async ({ app, params, body }, found) => {
      const images = await storeImages(app, body, ["icon"]);
      return app.change(async (tx, emit) => {
        const where = await lockedGuild(tx, found);
        const role = manageableRole(where, params.get("role_id"));
        const granted = body.permissions ?? role.permissions;
        if (!has(where.permissions, granted & ~role.permissions)) throw new ApiError("MISSING_PERMISSIONS");
        // @everyone keeps its name and has no looks.
        const looks = role.id === where.guild.id ? {} : { ...looksOf(body), ...images };
        const before = await existingRole(tx, where.guild.id, role.id);
        const seen = granted === role.permissions ? undefined : await sightsIn(tx, where.guild.id);
        const row = await updateRole(tx, role.id, { ...looks, permissions: bitsToNames(granted) });
        emit(roleEvent("GUILD_ROLE_UPDATE", row, seen));
        emit(auditChange(row.server_id, AuditLogEvent.RoleUpdate, row.id, roleFields(before), roleFields(row)));
        return wireRole(row);
      });
    },
  }),
  route({
    method: "PATCH",
    path: "/guilds/:guild_id/roles",
    operation: "bulk_update_guild_roles",
    access: inGuild("MANAGE_ROLES"),
    body: z.array(z.object({ id: snowflake, position: z.number().int().min(0).nullish() })).max(MAX_ROLES),
    handle: ({ app, body }, found) =>
      app.change(async (tx, emit) => {
        const where = await lockedGuild(tx, found);
        const guildId = where.guild.id;
        const wanted = new Map<string, number>();
        for (const { id, position } of body) {
          if (!where.guild.roles.has(id)) throw new ApiError("UNKNOWN_ROLE");
          if (id === guildId && position) throw new ApiError("INVALID_ROLE");
          if (typeof position === "number") wanted.set(id, position);
        }
        const ladder = (await listRoles(tx, guildId)).filter((role) => role.id !== guildId);
        const order = reorder(ladder, wanted);
        if (!maySort(where, ladder, order)) throw new ApiError("MISSING_PERMISSIONS");
        const ids = order.map((role) => role.id);
        for (const row of await moveRoles(tx, guildId, ids)) {
          emit(roleEvent("GUILD_ROLE_UPDATE", row));
          const before = ladder.find(({ id }) => id === row.id);
          // The others only make room.
          if (before === undefined || !wanted.has(row.id)) continue;
          emit(auditChange(guildId, AuditLogEvent.RoleUpdate, row.id, roleFields(before), roleFields(row)));
        }
        return (await listRoles(tx, guildId)).map(wireRole);
      }),
  }),
  route({
    method: "DELETE",
    path: "/guilds/:guild_id/roles/:role_id",
    operation: "delete_guild_role",
    access: inGuild("MANAGE_ROLES"),
    handle: async ({ app, params }, found) => {
      await app.change(async (tx, emit) => {
        const where = await lockedGuild(tx, found);
        const { id } = manageableRole(where, params.get("role_id"));
        const row = await existingRole(tx, where.guild.id, id);
        if (id === where.guild.id || row.managed) throw new ApiError("INVALID_ROLE");
        await removeRole(tx, emit, where.guild.id, id);
        emit(auditChange(where.guild.id, AuditLogEvent.RoleDelete, id, roleFields(row), null));
      });
    },
  }),
];

async function existingRole(sql: Db, guildId: string, id: string): Promise<RoleRow> {
  const row = await findRole(sql, guildId, id);
  if (row === undefined) throw new ApiError("UNKNOWN_ROLE");
  return row;
}

/** What a body says of a role beside its permissions. */
function looksOf(body: z.infer<typeof roleBody>): RolePatch {
  const shade = body.colors?.primary_color ?? body.color;
  return {
    ...(body.name ? { name: body.name } : {}),
    ...(typeof shade === "number" ? { color: shade } : {}),
    ...(typeof body.hoist === "boolean" ? { hoist: body.hoist } : {}),
    ...(typeof body.mentionable === "boolean" ? { mentionable: body.mentionable } : {}),
    ...(body.unicode_emoji === undefined ? {} : { unicode_emoji: body.unicode_emoji }),
  };
}

/** Only roles below one's highest may be sorted: from that one upwards the ladder must stay as it was. */
function maySort({ guild, me }: LockedInGuild, before: readonly RoleRow[], after: readonly RoleRow[]): boolean {
  return before.every((role, i) => canManageRole(guild, me, roleFacts(role)) || after[i]?.id === role.id);
}
