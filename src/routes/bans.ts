import { AuditLogEvent } from "discord-api-types/v10";
import { z } from "zod";
import { wireUser } from "../../core/wire/user.ts";
import { inGuild, lockedGuild } from "../access.ts";
import { auditAction } from "../audit/entry.ts";
import { auditReason } from "../audit-reason.ts";
import { ban, deleteWritings, mayBan } from "../bans.ts";
import { ApiError } from "../errors.ts";
import { limit, snowflake } from "../fields.ts";
import { route } from "../route.ts";
import { type BanRow, deleteBan, findBan, listBans } from "../store/bans.ts";
import { findUser, findUsers } from "../store/users.ts";

const DAY_SECONDS = 86_400;
/** https://discord.com/developers/docs/resources/guild#bulk-guild-ban */
const MAX_BANS = 200;

const deleteSeconds = z
  .number()
  .int()
  .min(0)
  .max(7 * DAY_SECONDS)
  .nullish();

const wireBan = (row: BanRow) => ({ user: wireUser(row.user), reason: row.reason });

export const banRoutes = [
  route({
    method: "GET",
    path: "/guilds/:guild_id/bans",
    operation: "list_guild_bans",
    access: inGuild("BAN_MEMBERS"),
    query: z.object({ before: snowflake.optional(), after: snowflake.optional(), limit: limit(1000, 1000) }),
    handle: async ({ app, query }, { guild }) => (await listBans(app.sql, guild.id, query)).map(wireBan),
  }),
  route({
    method: "GET",
    path: "/guilds/:guild_id/bans/:user_id",
    operation: "get_guild_ban",
    access: inGuild("BAN_MEMBERS"),
    handle: async ({ app, params }, { guild }) => {
      const row = await findBan(app.sql, guild.id, params.get("user_id"));
      if (row === undefined) throw new ApiError("UNKNOWN_BAN");
      return wireBan(row);
    },
  }),
  route({
    method: "PUT",
    path: "/guilds/:guild_id/bans/:user_id",
    operation: "ban_user_from_guild",
    access: inGuild("BAN_MEMBERS"),
    body: z.object({
      delete_message_seconds: deleteSeconds,
      delete_message_days: z.number().int().min(0).max(7).nullish(),
    }),
    handle: async ({ app, params, body, http }, found) => {
      const reason = auditReason(http);
      const seconds = body.delete_message_seconds ?? (body.delete_message_days ?? 0) * DAY_SECONDS;
      await app.change(async (tx, emit) => {
        const where = await lockedGuild(tx, found);
        const user = await findUser(tx, params.get("user_id"));
        if (user === undefined) throw new ApiError("UNKNOWN_USER");
        if (!(await mayBan(tx, where, user.id))) throw new ApiError("MISSING_PERMISSIONS");
        await ban(tx, emit, where, user, reason);
        await deleteWritings(tx, emit, where.guild.id, [user.id], seconds);
      });
    },
  }),
  route({
    method: "POST",
    path: "/guilds/:guild_id/bulk-ban",
    operation: "bulk_ban_users_from_guild",
    access: inGuild("MANAGE_GUILD", "BAN_MEMBERS"),
    body: z.object({ user_ids: z.array(snowflake).min(1).max(MAX_BANS), delete_message_seconds: deleteSeconds }),
    handle: ({ app, body, http }, found) => {
      const reason = auditReason(http);
      return app.change(async (tx, emit) => {
        const where = await lockedGuild(tx, found);
        const wanted = [...new Set(body.user_ids)];
        const banned: string[] = [];
        for (const user of await findUsers(tx, wanted)) {
          if (!(await mayBan(tx, where, user.id))) continue;
          if (await ban(tx, emit, where, user, reason)) banned.push(user.id);
        }
        if (banned.length === 0) throw new ApiError("FAILED_TO_BAN");
        await deleteWritings(tx, emit, where.guild.id, banned, body.delete_message_seconds ?? 0);
        const isBanned = new Set(banned);
        return {
          banned_users: wanted.filter((id) => isBanned.has(id)),
          failed_users: wanted.filter((id) => !isBanned.has(id)),
        };
      });
    },
  }),
  route({
    method: "DELETE",
    path: "/guilds/:guild_id/bans/:user_id",
    operation: "unban_user_from_guild",
    access: inGuild("BAN_MEMBERS"),
    handle: async ({ app, params }, found) => {
      await app.change(async (tx, emit) => {
        const { guild } = await lockedGuild(tx, found);
        const user = await findUser(tx, params.get("user_id"));
        if (user === undefined || !(await deleteBan(tx, guild.id, user.id))) throw new ApiError("UNKNOWN_BAN");
        emit({ t: "GUILD_BAN_REMOVE", guildId: guild.id, data: { guild_id: guild.id, user: wireUser(user) } });
        emit(auditAction(guild.id, AuditLogEvent.MemberBanRemove, user.id));
      });
    },
  }),
];
