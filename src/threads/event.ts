import type { Transaction } from "../../core/db.ts";
import type { DeliverableEvent } from "../../core/deliveries.ts";
import type { Event } from "../../core/event-log.ts";
import {
  shownMemberCount,
  type ThreadChannelRow,
  type ThreadMemberRow,
  wireThread,
  wireThreadMember,
} from "../../core/wire/thread.ts";
import { ApiError } from "../errors.ts";
import { findMember } from "../store/members.ts";
import { botsInThread, type ThreadMembership } from "../store/thread-members.ts";
import { findThread } from "../store/threads.ts";

type Emit = (event: Event) => void;

const place = (row: ThreadChannelRow) => ({ guildId: row.server_id, channelId: row.id });
const versioned = (row: ThreadChannelRow, version = row.version) => ({ entity: `channel:${row.id}`, version });

export function threadCreate(row: ThreadChannelRow): Event {
  const data = { ...wireThread(row), newly_created: true };
  return { t: "THREAD_CREATE", ...place(row), data, ...versioned(row) };
}

export function threadUpdate(row: ThreadChannelRow): Event {
  return { t: "THREAD_UPDATE", ...place(row), data: wireThread(row), ...versioned(row) };
}

/** @param version above the last that it had */
export function threadDelete(row: ThreadChannelRow, version: string): Event {
  const { id, server_id: guild_id, parent_id, type } = row;
  return {
    t: "THREAD_DELETE",
    ...place(row),
    data: { id, guild_id, parent_id, type },
    ...versioned(row, version),
  };
}

/** Tells of a thread as it is now, and its members that it is back when it was archived before. */
export async function emitUpdate(tx: Transaction, emit: Emit, before: ThreadChannelRow): Promise<ThreadChannelRow> {
  const row = await findThread(tx, before.id);
  if (row === undefined) throw new ApiError("UNKNOWN_CHANNEL");
  emit(threadUpdate(row));
  if (before.thread.archived && !row.thread.archived) {
    const guild_id = row.server_id;
    const bots = await botsInThread(tx, guild_id, row.id);
    const byUrl = bots.map((bot) => toBot(row, bot, "THREAD_MEMBER_UPDATE", { ...wireThreadMember(bot), guild_id }));
    emit({ t: "$THREAD_UNARCHIVED", ...place(row), data: { id: row.id, guild_id }, byUrl });
  }
  return row;
}

const toBot = (row: ThreadChannelRow, { user_id }: ThreadMemberRow, type: string, data: object): DeliverableEvent => ({
  type,
  ...place(row),
  endpointId: user_id,
  data: JSON.stringify(data),
});

/**
 * https://discord.com/developers/docs/events/gateway-events#thread-members-update
 * @param starts whether the thread was made with this member, who was told of it then
 */
export async function emitJoined(
  tx: Transaction,
  emit: Emit,
  thread: ThreadChannelRow,
  joined: ThreadMembership,
  starts = false,
) {
  const member = await findMember(tx, thread.server_id, joined.row.user_id);
  if (member === undefined) throw new ApiError("UNKNOWN_MEMBER");
  const added = { ...wireThreadMember(joined.row, member), presence: null };
  // One that is private it has never seen.
  const known = { ...wireThread(thread), member: wireThreadMember(joined.row) };
  const byUrl = member.user.bot && !starts ? [toBot(thread, joined.row, "THREAD_CREATE", known)] : [];
  emit({ ...membersUpdate(thread, joined, { added_members: [added] }), byUrl });
}

export function emitLeft(emit: Emit, thread: ThreadChannelRow, left: ThreadMembership): void {
  emit({ ...membersUpdate(thread, left, { removed_member_ids: [left.row.user_id] }), takesAway: true });
}

function membersUpdate(
  thread: ThreadChannelRow,
  { row, memberCount, version }: ThreadMembership,
  change: object,
): Event {
  return {
    t: "THREAD_MEMBERS_UPDATE",
    ...place(thread),
    data: { id: thread.id, guild_id: thread.server_id, member_count: shownMemberCount(memberCount), ...change },
    entity: `thread-member:${thread.id}:${row.user_id}`,
    version,
  };
}
