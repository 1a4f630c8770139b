import type { Transaction } from "../../core/db.ts";
import { has, isThread, Permission } from "../../core/permissions.ts";
import { isThreadRow, type ThreadChannelRow } from "../../core/wire/thread.ts";
import {
  demandThread,
  type InChannel,
  type InGuildChannel,
  type InThread,
  lockedChannel,
  ownFacts,
  permissionsIn,
} from "../access.ts";
import type { App } from "../app.ts";
import type { Emit } from "../change.ts";
import { ApiError } from "../errors.ts";
import { guildStanding } from "../store/access.ts";
import { countThreadMembers, notJoined } from "../store/thread-members.ts";
import { updateThread } from "../store/threads.ts";
import { emitUpdate } from "./event.ts";
import { joinThread, MAX_MEMBERS, mayInvite } from "./members.ts";
import { demandRoom } from "./room.ts";

/**
 * Readies a thread for a message of the caller: an archived one is active again, and its author and those whom it
 * mentions become members. In other channels there is nothing to do, nor for most messages of an active thread.
 * @throws 160005 or 50083 when it is locked and the caller doesn't manage threads
 */
export async function openForMessage(app: App, found: InGuildChannel, mentioned: readonly string[]): Promise<void> {
  if (!isThreadRow(found.channel)) return;
  demandUnlocked(found.permissions, found.channel);
  const called = mentioned.length === 0 ? [] : await notJoined(app.sql, found.channel.id, mentioned);
  if (!found.channel.thread.archived && found.threadMember !== null && called.length === 0) return;
  await app.change(async (tx, emit) => {
    const where = demandThread(await lockedChannel(tx, found));
    demandUnlocked(where.permissions, where.channel);
    if (where.channel.thread.archived) {
      await demandRoom(tx, where.guild.id);
      await updateThread(tx, where.channel, {}, { archived: false });
      await emitUpdate(tx, emit, where.channel);
    }
    if (where.threadMember === null) await joinThread(tx, emit, where.channel, where.me.userId);
    if (mayInvite(where)) for (const userId of called) await callIn(tx, emit, where, userId);
  });
}

/** Adds who is mentioned, if it is a member who sees the channel, and there is room. */
async function callIn(tx: Transaction, emit: Emit, where: InThread, userId: string): Promise<void> {
  const standing = await guildStanding(tx, { guildId: where.guild.id, userId });
  if (standing === undefined || standing.membership === null) return;
  const facts = { guild: standing.guild, me: ownFacts(standing.membership) };
  if (!has(permissionsIn(facts, where.channel, true), Permission.VIEW_CHANNEL)) return;
  if ((await countThreadMembers(tx, where.channel.id)) < MAX_MEMBERS) await joinThread(tx, emit, where.channel, userId);
}

export const isInThread = (where: InChannel): boolean => where.type === "guild" && isThread(where.channel.type);

/**
 * What is in an archived thread stays as it is, and in a locked one it is for moderators.
 * @throws 50083 or 160005
 */
export function demandOpen(where: InChannel): void {
  if (where.type === "guild" && isThreadRow(where.channel)) demandOpenThread(where.permissions, where.channel);
}

export function demandOpenThread(permissions: bigint, found: ThreadChannelRow): void {
  if (found.thread.archived) throw new ApiError("THREAD_ARCHIVED");
  demandUnlocked(permissions, found);
}

/** Nobody reacts to what is in an archived thread. @throws 50083 */
export function demandReactable(where: InChannel): void {
  if (where.type === "guild" && where.channel.thread?.archived === true) throw new ApiError("THREAD_ARCHIVED");
}

/** Messages can be deleted in archived threads and in locked ones, but not where it is both. @throws 50083 */
export function demandDeletable(where: InChannel): void {
  if (where.type === "guild" && isThreadRow(where.channel)) demandDeletableThread(where.permissions, where.channel);
}

export function demandDeletableThread(permissions: bigint, found: ThreadChannelRow): void {
  if (found.thread.archived) demandUnlocked(permissions, found);
}

/** Of one that is archived as well, Discord says only that. */
export function demandUnlocked(permissions: bigint, { thread }: ThreadChannelRow): void {
  if (!thread.locked || has(permissions, Permission.MANAGE_THREADS)) return;
  throw new ApiError(thread.archived ? "THREAD_ARCHIVED" : "THREAD_LOCKED");
}
