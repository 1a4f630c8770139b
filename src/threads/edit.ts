import { AuditLogEvent, ChannelFlags, MessageType } from "discord-api-types/v10";
import type { Transaction } from "../../core/db.ts";
import type { Event } from "../../core/event-log.ts";
import { has, Permission } from "../../core/permissions.ts";
import { type ThreadChannelRow, wireThread, wireThreadMember } from "../../core/wire/thread.ts";
import { demand, type InThread } from "../access.ts";
import { auditChange } from "../audit/entry.ts";
import { threadFields } from "../audit/fields.ts";
import { isForum } from "../channels/body.ts";
import { applicableTags } from "../channels/tags.ts";
import { ApiError } from "../errors.ts";
import { type Poster, postSystemMessage } from "../messages/system.ts";
import { findChannel } from "../store/channels.ts";
import { countPinnedPosts, type ThreadPatch, updateThread } from "../store/threads.ts";
import type { ChannelOrThreadPatch } from "./body.ts";
import { emitUpdate } from "./event.ts";
import { demandRoom } from "./room.ts";

type Emit = (event: Event) => void;
/** Posts of a forum that are pinned at once. */
const MAX_PINNED = 1;

/** https://discord.com/developers/docs/topics/threads#editing--deleting-threads */
export async function patchThread(
  tx: Transaction,
  emit: Emit,
  where: InThread,
  app: Poster,
  body: ChannelOrThreadPatch,
) {
  const { channel: before } = where;
  demandEditing(where, body);
  const name = body.name === undefined || body.name === before.name ? undefined : body.name;
  const patch = await patchOf(tx, where, body);
  const flags = await flagsAfter(tx, before, body);
  const rateLimit = body.rate_limit_per_user === null ? 0 : body.rate_limit_per_user;
  if (patch.archived === false) await demandRoom(tx, before.server_id);
  await updateThread(tx, before, { name, rate_limit_per_user: rateLimit, flags }, patch);
  const after = await emitUpdate(tx, emit, before);
  emit(auditChange(after.server_id, AuditLogEvent.ThreadUpdate, after.id, threadFields(before), threadFields(after)));
  if (name !== undefined) {
    const renamed = { id: app.nextId(), channelId: before.id, type: MessageType.ChannelNameChange, content: name };
    await postSystemMessage(app, tx, emit, where, { ...renamed, inThread: true });
  }
  return { ...wireThread(after), ...(where.threadMember ? { member: wireThreadMember(where.threadMember) } : {}) };
}

/** Who manages threads may do everything, who started one may do much while it isn't locked, others may reopen it. */
function demandEditing({ channel, permissions, me }: InThread, body: ChannelOrThreadPatch): void {
  const { archived, locked, owner_id: ownerId } = channel.thread;
  if (archived && typeof body.archived !== "boolean") throw new ApiError("THREAD_ARCHIVED");
  if (has(permissions, Permission.MANAGE_THREADS)) return;
  if (locked) throw new ApiError("MISSING_PERMISSIONS");
  const asked = new Set(Object.entries(body).flatMap(([field, value]) => (value === undefined ? [] : [field])));
  for (const field of ["rate_limit_per_user", "locked", "flags"]) {
    if (asked.has(field)) throw new ApiError("MISSING_PERMISSIONS");
  }
  const reopensOnly = body.archived === false && asked.size === 1;
  if (reopensOnly) demand(permissions, ["SEND_MESSAGES"]);
  else if (ownerId !== me.userId) throw new ApiError("MISSING_PERMISSIONS");
}

async function patchOf(tx: Transaction, where: InThread, body: ChannelOrThreadPatch): Promise<ThreadPatch> {
  const { channel } = where;
  const { thread } = channel;
  const patch: ThreadPatch = {};
  if (typeof body.archived === "boolean" && body.archived !== thread.archived) patch.archived = body.archived;
  if (typeof body.locked === "boolean") patch.locked = body.locked;
  if (typeof body.invitable === "boolean") patch.invitable = body.invitable;
  const minutes = body.auto_archive_duration;
  if (minutes && minutes !== thread.auto_archive_duration) patch.auto_archive_duration = minutes;
  if (body.applied_tags) {
    const forum = await findChannel(tx, channel.parent_id);
    if (forum !== undefined && isForum(forum.type)) {
      patch.applied_tags = applicableTags(forum, thread.applied_tags, body.applied_tags, where.permissions);
    }
  }
  return patch;
}

/** Posts can be pinned, as many as the forum takes; who is archived is so no longer. */
async function flagsAfter(
  tx: Transaction,
  before: ThreadChannelRow,
  body: ChannelOrThreadPatch,
): Promise<number | undefined> {
  if (body.archived === true) return before.flags & ~ChannelFlags.Pinned;
  if (typeof body.flags !== "number") return undefined;
  const pin = (body.flags & ChannelFlags.Pinned) !== 0;
  if (!pin || (before.flags & ChannelFlags.Pinned) !== 0) return before.flags & (pin ? ~0 : ~ChannelFlags.Pinned);
  const forum = await findChannel(tx, before.parent_id);
  if (forum === undefined || !isForum(forum.type)) throw new ApiError("WRONG_CHANNEL_TYPE");
  const pinned = await countPinnedPosts(tx, forum.id, ChannelFlags.Pinned);
  if (pinned >= MAX_PINNED) throw new ApiError("MAX_PINNED_THREADS");
  return before.flags | ChannelFlags.Pinned;
}
