import { has, isThread, Permission } from "../../core/permissions.ts";
import { isThreadRow, type ThreadChannelRow } from "../../core/wire/thread.ts";
import { demandThread, type InChannel, type InGuildChannel, lockedChannel } from "../access.ts";
import type { App } from "../app.ts";
import { ApiError } from "../errors.ts";
import { updateThread } from "../store/threads.ts";
import { emitUpdate } from "./event.ts";
import { joinThread } from "./members.ts";
import { demandRoom } from "./room.ts";

/**
 * Readies a thread for a message of the caller: an archived one is active again, and the author becomes its member. In
 * other channels there is nothing to do, nor for members of an active thread, which most messages are from.
 * @throws 160005 when it is locked and the caller doesn't manage threads
 */
export async function openForMessage(app: App, found: InGuildChannel): Promise<void> {
  if (!isThreadRow(found.channel)) return;
  demandUnlocked(found, found.channel);
  if (!found.channel.thread.archived && found.threadMember !== null) return;
  await app.change(async (tx, emit) => {
    const where = demandThread(await lockedChannel(tx, found));
    demandUnlocked(where, where.channel);
    if (where.channel.thread.archived) {
      await demandRoom(tx, where.guild.id);
      await updateThread(tx, where.channel, {}, { archived: false });
      await emitUpdate(tx, emit, where.channel);
    }
    if (where.threadMember === null) await joinThread(tx, emit, where.channel, where.me.userId);
  });
}

export const isInThread = (where: InChannel): boolean => where.type === "guild" && isThread(where.channel.type);

/**
 * What is in an archived thread stays as it is, and in a locked one it is for moderators.
 * @throws 50083 or 160005
 */
export function demandOpen(where: InChannel): void {
  if (where.type === "dm" || !isThreadRow(where.channel)) return;
  if (where.channel.thread.archived) throw new ApiError("THREAD_ARCHIVED");
  demandUnlocked(where, where.channel);
}

/** Nobody reacts to what is in an archived thread. @throws 50083 */
export function demandReactable(where: InChannel): void {
  if (where.type === "guild" && where.channel.thread?.archived === true) throw new ApiError("THREAD_ARCHIVED");
}

/** Messages can be deleted in archived threads and in locked ones, but not where it is both. @throws 160005 */
export function demandDeletable(where: InChannel): void {
  if (where.type === "dm" || !isThreadRow(where.channel)) return;
  if (where.channel.thread.archived) demandUnlocked(where, where.channel);
}

function demandUnlocked({ permissions }: InGuildChannel, { thread }: ThreadChannelRow): void {
  if (thread.locked && !has(permissions, Permission.MANAGE_THREADS)) throw new ApiError("THREAD_LOCKED");
}
