import { ChannelType, MessageType } from "discord-api-types/v10";
import type { Transaction } from "../../core/db.ts";
import type { Event } from "../../core/event-log.ts";
import { has, Permission } from "../../core/permissions.ts";
import type { ThreadChannelRow } from "../../core/wire/thread.ts";
import type { InThread } from "../access.ts";
import { ApiError } from "../errors.ts";
import { type Poster, postSystemMessage } from "../messages/system.ts";
import { membersAmong } from "../store/members.ts";
import { deleteThreadMember, insertThreadMember } from "../store/thread-members.ts";
import { emitJoined, emitLeft } from "./event.ts";

type Emit = (event: Event) => void;
/** The limit that error 30033 names. */
export const MAX_MEMBERS = 1000;

/** Makes a user a member of a thread, who may be one already. @returns whether it has become one */
export async function joinThread(
  tx: Transaction,
  emit: Emit,
  thread: ThreadChannelRow,
  userId: string,
): Promise<boolean> {
  const joined = await insertThreadMember(tx, thread.id, userId);
  if (joined === undefined) return false;
  if (joined.memberCount > MAX_MEMBERS) throw new ApiError("MAX_THREAD_MEMBERS");
  await emitJoined(tx, emit, thread, joined);
  return true;
}

/** Adds another member of the guild: in a private thread only moderators may, or all when it is `invitable`. */
export async function addToThread(
  tx: Transaction,
  emit: Emit,
  where: InThread,
  userId: string,
  app: Poster,
): Promise<void> {
  demandActive(where);
  if (!mayInvite(where)) throw new ApiError("MISSING_PERMISSIONS");
  const known = await membersAmong(tx, where.guild.id, [userId]);
  if (!known.has(userId)) throw new ApiError("UNKNOWN_MEMBER");
  if (!(await joinThread(tx, emit, where.channel, userId))) return;
  await tellOf(tx, emit, where, userId, app, MessageType.RecipientAdd);
}

/** Removes another: what moderators may, and in a private thread who started it. */
export async function removeFromThread(
  tx: Transaction,
  emit: Emit,
  where: InThread,
  userId: string,
  app: Poster,
): Promise<void> {
  demandActive(where);
  const { channel, me, permissions } = where;
  const ownPrivate = isPrivate(channel) && channel.thread.owner_id === me.userId;
  if (!ownPrivate && !has(permissions, Permission.MANAGE_THREADS)) throw new ApiError("MISSING_PERMISSIONS");
  if (!(await leaveThread(tx, emit, where, userId))) throw new ApiError("UNKNOWN_MEMBER");
  await tellOf(tx, emit, where, userId, app, MessageType.RecipientRemove);
}

/** @returns false when the user was no member */
export async function leaveThread(
  tx: Transaction,
  emit: Emit,
  { channel }: InThread,
  userId: string,
): Promise<boolean> {
  const left = await deleteThreadMember(tx, channel.id, userId);
  if (left !== undefined) emitLeft(emit, channel, left);
  return left !== undefined;
}

/** @throws 50083: an archived thread is as it is */
export function demandActive({ channel }: InThread): void {
  if (channel.thread.archived) throw new ApiError("THREAD_ARCHIVED");
}

/** Whether the caller may bring others into the thread. */
export function mayInvite({ channel, me, permissions }: InThread): boolean {
  if (!isPrivate(channel) || channel.thread.invitable) return true;
  return channel.thread.owner_id === me.userId || has(permissions, Permission.MANAGE_THREADS);
}

const isPrivate = (thread: ThreadChannelRow): boolean => thread.type === ChannelType.PrivateThread;

async function tellOf(
  tx: Transaction,
  emit: Emit,
  where: InThread,
  userId: string,
  app: Poster,
  type: MessageType.RecipientAdd | MessageType.RecipientRemove,
): Promise<void> {
  const message = { id: app.nextId(), channelId: where.channel.id, type, mentions: [userId], inThread: true };
  await postSystemMessage(app, tx, emit, where, message);
}
