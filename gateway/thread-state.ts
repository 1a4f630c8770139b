import { ChannelType } from "discord-api-types/v10";
import { z } from "zod";
import { type ThreadMemberRow, type WireThread, wireThreadMember } from "../core/wire/thread.ts";
import { eventData, type LogEvent } from "./log-event.ts";

/** What a node knows of a thread. Who sees it follows from its parent and, where it is private, from its members. */
export interface ThreadState {
  id: string;
  parentId: string;
  private: boolean;
  archived: boolean;
  /** The channel object as JSON text. */
  json: string;
  /** Those of its members who have sessions on this node, each with its thread member object as JSON text. */
  members: Map<string, string>;
  /** Who started it, until the event of their membership has come: they have the thread already. */
  starter: string | null;
}

/**
 * Threads of a guild that a node knows, by id: all active ones, and archived ones of which there was an event. An
 * event of one that isn't here makes the node read it.
 */
export type Threads = Map<string, ThreadState>;

const threadSchema = z.object({
  id: z.string(),
  type: z.number(),
  parent_id: z.string(),
  owner_id: z.string(),
  thread_metadata: z.object({ archived: z.boolean(), create_timestamp: z.string() }),
});
const memberSchema = z.object({ id: z.string(), user_id: z.string(), join_timestamp: z.string(), flags: z.number() });
const changeSchema = z.object({
  id: z.string(),
  added_members: z.array(memberSchema).default([]),
  removed_member_ids: z.array(z.string()).default([]),
});

export function threadState(thread: WireThread, members: readonly ThreadMemberRow[]): ThreadState {
  const state: ThreadState = { ...stateFields(thread, thread), members: new Map(), starter: null };
  for (const row of members) state.members.set(row.user_id, JSON.stringify(wireThreadMember(row)));
  return state;
}

export function noteMember(threads: Threads, row: ThreadMemberRow): void {
  threads.get(row.thread_id)?.members.set(row.user_id, JSON.stringify(wireThreadMember(row)));
}

function stateFields(
  thread: Pick<z.infer<typeof threadSchema>, "id" | "type" | "parent_id"> & { thread_metadata: { archived: boolean } },
  data: unknown,
) {
  return {
    id: thread.id,
    parentId: thread.parent_id,
    private: thread.type === ChannelType.PrivateThread,
    archived: thread.thread_metadata.archived,
    json: JSON.stringify(data),
  };
}

/** Who was added to a thread or removed from it, by a THREAD_MEMBERS_UPDATE. */
export const membersChanged = (event: LogEvent): { added: string[]; removed: string[] } => {
  const { added_members, removed_member_ids } = changeSchema.parse(eventData(event));
  return { added: added_members.map((member) => member.user_id), removed: removed_member_ids };
};

/**
 * Brings threads up to an event of theirs. One of a thread that isn't known changes nothing.
 * @param isHere whether a user has sessions on this node
 */
export function applyThreadEvent(threads: Threads, isHere: (userId: string) => boolean, event: LogEvent): void {
  const known = threads.get(event.header.c ?? "");
  switch (event.header.t) {
    case "THREAD_CREATE": {
      const data = eventData(event);
      const thread = threadSchema.parse(data);
      const { create_timestamp: join_timestamp } = thread.thread_metadata;
      // Its starter sees it from the first event on; that it is a member comes with the next.
      const first = { id: thread.id, user_id: thread.owner_id, join_timestamp, flags: 0 };
      const members =
        known?.members ?? new Map(isHere(thread.owner_id) ? [[thread.owner_id, JSON.stringify(first)]] : []);
      threads.set(thread.id, { ...stateFields(thread, withoutNews(data)), members, starter: thread.owner_id });
      return;
    }
    case "THREAD_UPDATE": {
      const data = eventData(event);
      if (known !== undefined) Object.assign(known, stateFields(threadSchema.parse(data), data));
      return;
    }
    case "THREAD_DELETE":
      threads.delete(event.header.c ?? "");
      return;
    case "THREAD_MEMBERS_UPDATE": {
      const change = changeSchema.parse(eventData(event));
      if (known !== undefined && change.added_members.some(({ user_id }) => user_id === known.starter))
        known.starter = null;
      for (const member of change.added_members) {
        if (isHere(member.user_id)) known?.members.set(member.user_id, JSON.stringify(memberSchema.parse(member)));
      }
      for (const userId of change.removed_member_ids) known?.members.delete(userId);
    }
  }
}

/** A thread is news once. */
function withoutNews(data: unknown): unknown {
  if (typeof data !== "object" || data === null) return data;
  return Object.fromEntries(Object.entries(data).filter(([key]) => key !== "newly_created"));
}

/** A thread with the membership of one user, as JSON text; without, when it is no member. */
export function threadFor(thread: ThreadState, userId: string): string {
  const member = thread.members.get(userId);
  return member === undefined ? thread.json : `${thread.json.slice(0, -1)},"member":${member}}`;
}

/**
 * THREAD_LIST_SYNC: active threads of channels that came into view.
 * @param channelIds the channels; null for all of the guild's
 */
export function listSync(
  guildId: string,
  userId: string,
  channelIds: readonly string[] | null,
  visible: readonly ThreadState[],
): string {
  const members = visible.flatMap((thread) => thread.members.get(userId) ?? []);
  const channels = channelIds === null ? "" : `"channel_ids":${JSON.stringify(channelIds)},`;
  const threads = visible.map((thread) => thread.json).join();
  return `"t":"THREAD_LIST_SYNC","d":{"guild_id":"${guildId}",${channels}"threads":[${threads}],"members":[${members.join()}]}`;
}
