import { AuditLogEvent } from "discord-api-types/v10";
import type { Transaction } from "../core/db.ts";
import type { Event } from "../core/event-log.ts";
import { outranks } from "../core/permissions.ts";
import { type UserRow, wireUser } from "../core/wire/user.ts";
import type { LockedInGuild } from "./access.ts";
import { auditAction } from "./audit/entry.ts";
import { removeMember } from "./membership.ts";
import { memberStanding } from "./store/access.ts";
import { insertBan } from "./store/bans.ts";
import { deleteMessagesOf } from "./store/messages.ts";

type Emit = (event: Event) => void;
/** What one request deletes at most: it must end. */
const MAX_MESSAGES = 5000;
/** As many as one bulk delete. https://discord.com/developers/docs/resources/message#bulk-delete-messages */
const MESSAGES_PER_EVENT = 100;

/** Who isn't in the guild has no rank. */
export async function mayBan(tx: Transaction, { guild, me }: LockedInGuild, userId: string): Promise<boolean> {
  const member = await memberStanding(tx, guild.id, userId);
  return member === undefined || outranks(guild, me, member);
}

/** Bans whom the caller may ban. @returns false when the user was banned already */
export async function ban(
  tx: Transaction,
  emit: Emit,
  { guild, me }: LockedInGuild,
  user: UserRow,
  reason: string | null,
): Promise<boolean> {
  const isNew = await insertBan(tx, { guildId: guild.id, userId: user.id, moderatorId: me.userId, reason });
  await removeMember(tx, emit, guild.id, user.id, me.userId);
  if (!isNew) return false;
  emit({ t: "GUILD_BAN_ADD", guildId: guild.id, data: { guild_id: guild.id, user: wireUser(user) } });
  emit(auditAction(guild.id, AuditLogEvent.MemberBanAdd, user.id));
  return true;
}

/** Deletes what these users wrote in a guild in the past seconds, and tells of it. */
export async function deleteWritings(
  tx: Transaction,
  emit: Emit,
  guildId: string,
  authorIds: readonly string[],
  seconds: number,
): Promise<void> {
  if (seconds === 0 || authorIds.length === 0) return;
  for (const { channel_id: channelId, ids } of await deleteMessagesOf(tx, guildId, authorIds, seconds, MAX_MESSAGES)) {
    for (let at = 0; at < ids.length; at += MESSAGES_PER_EVENT) {
      const data = { ids: ids.slice(at, at + MESSAGES_PER_EVENT), channel_id: channelId, guild_id: guildId };
      emit({ t: "MESSAGE_DELETE_BULK", guildId, channelId, data });
    }
  }
}
