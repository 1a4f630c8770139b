import { AuditLogEvent } from "discord-api-types/v10";
import { z } from "zod";
import type { Transaction } from "../../core/db.ts";
import type { Event } from "../../core/event-log.ts";
import { outranks } from "../../core/permissions.ts";
import { wireUser } from "../../core/wire/user.ts";
import { inGuild, lockedGuild } from "../access.ts";
import { auditAction } from "../audit/entry.ts";
import { auditReason } from "../audit-reason.ts";
import { ApiError } from "../errors.ts";
import { limit, snowflake } from "../fields.ts";
import { removeMember } from "../membership.ts";
import { route } from "../route.ts";
import { memberStanding } from "../store/access.ts";
import { type BanRow, deleteBan, findBan, insertBan, listBans } from "../store/bans.ts";
import { deleteMessagesOf } from "../store/messages.ts";
import { findUser } from "../store/users.ts";

const DAY_SECONDS = 86_400;
/** What one ban deletes at most: a request must end. */
const MAX_MESSAGES = 5000;
/** As many as one bulk delete. https://discord.com/developers/docs/resources/message#bulk-delete-messages */
const MESSAGES_PER_EVENT = 100;

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
      delete_message_seconds: z
        .number()
        .int()
        .min(0)
        .max(7 * DAY_SECONDS)
        .nullish(),
      delete_message_days: z.number().int().min(0).max(7).nullish(),
    }),
    handle: async ({ app, params, body, http }, found) => {
      const reason = auditReason(http);
      const seconds = body.delete_message_seconds ?? (body.delete_message_days ?? 0) * DAY_SECONDS;
      await app.change(async (tx, emit) => {
        const { guild, me } = await lockedGuild(tx, found);
        const user = await findUser(tx, params.get("user_id"));
        if (user === undefined) throw new ApiError("UNKNOWN_USER");
        // Who isn't in the guild has no rank.
        const member = await memberStanding(tx, guild.id, user.id);
        if (member !== undefined && !outranks(guild, me, member)) throw new ApiError("MISSING_PERMISSIONS");
        const isNew = await insertBan(tx, { guildId: guild.id, userId: user.id, moderatorId: me.userId, reason });
        await removeMember(tx, emit, guild.id, user.id);
        const data = { guild_id: guild.id, user: wireUser(user) };
        if (isNew) {
          emit({ t: "GUILD_BAN_ADD", guildId: guild.id, data });
          emit(auditAction(guild.id, AuditLogEvent.MemberBanAdd, user.id));
        }
        if (seconds > 0) await removeMessages(tx, emit, guild.id, user.id, seconds);
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

async function removeMessages(
  tx: Transaction,
  emit: (event: Event) => void,
  guildId: string,
  authorId: string,
  seconds: number,
): Promise<void> {
  for (const { channel_id: channelId, ids } of await deleteMessagesOf(tx, guildId, authorId, seconds, MAX_MESSAGES)) {
    for (let at = 0; at < ids.length; at += MESSAGES_PER_EVENT) {
      const data = { ids: ids.slice(at, at + MESSAGES_PER_EVENT), channel_id: channelId, guild_id: guildId };
      emit({ t: "MESSAGE_DELETE_BULK", guildId, channelId, data });
    }
  }
}
