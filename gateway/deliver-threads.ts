import { ChannelType } from "discord-api-types/v10";
import { z } from "zod";
import { EVENTS } from "../core/events.ts";
import { DispatchFrame } from "./frames.ts";
import { applyEvent, classOf, classOfPlace, type GuildState, mayViewThread, visibleThreads } from "./guild-state.ts";
import { eventData, type LogEvent } from "./log-event.ts";
import type { GatewayNode, GuildEntry } from "./node.ts";
import type { Session } from "./session.ts";
import { listSync, membersChanged, type ThreadState, threadFor } from "./thread-state.ts";
import { wants } from "./topics.ts";

const { GuildText, GuildAnnouncement, GuildForum, GuildMedia } = ChannelType;
const WITH_THREADS: readonly number[] = [GuildText, GuildAnnouncement, GuildForum, GuildMedia];

/** What a node does with an event of a thread: the snapshot follows it, and those who see the thread get it. */
export function changeThread(node: GatewayNode, entry: GuildEntry, state: GuildState, event: LogEvent): void {
  switch (event.header.t) {
    case "THREAD_DELETE":
      return deleteThread(node, entry, state, event);
    case "THREAD_MEMBERS_UPDATE":
      return changeMembers(node, entry, state, event);
    default: {
      applyEvent(state, event);
      const thread = state.threads.get(event.header.c ?? "");
      if (thread?.private === true) updateViewers(node, entry, state, thread);
      const visibility = classOfPlace(state, event.header.c);
      if (visibility !== undefined) node.publish(visibility, event);
    }
  }
}

/** Puts sessions that come to see a private thread, or no longer do, where they belong: a few of all in the guild. */
function updateViewers(node: GatewayNode, entry: GuildEntry, state: GuildState, thread: ThreadState): void {
  for (const session of entry.sessions) {
    const entered = session.guilds.get(entry.id)?.has(`c:${thread.id}`) === true;
    if (!session.held && entered !== sees(state, session, thread)) node.updateClasses(session, entry.id);
  }
}

const parentRef = z.object({ parent_id: z.string(), type: z.number() });

function deleteThread(node: GatewayNode, entry: GuildEntry, state: GuildState, event: LogEvent): void {
  const thread = state.threads.get(event.header.c ?? "");
  const parent = state.channels.get(parentRef.parse(eventData(event)).parent_id);
  // One that isn't known was archived, and in few clients' memory.
  const publicOnly = thread === undefined && parentRef.parse(eventData(event)).type !== ChannelType.PrivateThread;
  if (thread !== undefined) {
    const visibility = classOfPlace(state, thread.id);
    if (visibility !== undefined) node.publish(visibility, event);
  } else if (publicOnly && parent !== undefined) node.publish(classOf(state, parent), event);
  applyEvent(state, event);
  if (thread?.private !== true) return;
  for (const session of entry.sessions) {
    if (session.guilds.get(entry.id)?.has(`c:${thread.id}`) === true) node.updateClasses(session, entry.id);
  }
}

/**
 * Somebody joined a thread or left it. Who did gets it whatever its intents, and the thread itself before it: a
 * private one it has never seen. https://discord.com/developers/docs/topics/threads#thread-access
 */
function changeMembers(node: GatewayNode, entry: GuildEntry, state: GuildState, event: LogEvent): void {
  const thread = state.threads.get(event.header.c ?? "");
  const visibility = classOfPlace(state, event.header.c);
  if (thread === undefined || visibility === undefined) return;
  const { added, removed } = membersChanged(event);
  // A thread that was read just now may have members of whom the event comes only now.
  const fresh = added.filter((userId) => userId !== thread.starter);
  const frame = new DispatchFrame(node.feed.highest, event.body);
  if (removed.length === 0) applyEvent(state, event);
  for (const userId of fresh) {
    for (const session of sessionsOf(node, entry, userId)) {
      if (!sees(state, session, thread)) continue;
      // Under the number before: a client that drops in between is told again.
      const number = Math.max(session.sentUpTo, node.sentUpTo);
      if (wants(session.profile, EVENTS.THREAD_CREATE, true)) {
        session.send(new DispatchFrame(number, `"t":"THREAD_CREATE","d":${threadFor(thread, userId)}`));
      }
      if (thread.private) node.updateClasses(session, entry.id);
    }
  }
  for (const userId of [...added, ...removed]) {
    for (const session of sessionsOf(node, entry, userId)) {
      // Who was added and still can't see the thread is told nothing.
      if (!removed.includes(userId) && !sees(state, session, thread)) continue;
      const byTopic = wants(session.profile, event.rule, true);
      if (!byTopic && wants(session.profile, EVENTS.THREAD_CREATE, true)) session.send(frame);
    }
  }
  node.publish(visibility, event);
  if (removed.length === 0) return;
  applyEvent(state, event);
  for (const userId of removed) {
    for (const session of sessionsOf(node, entry, userId)) if (thread.private) node.updateClasses(session, entry.id);
  }
}

/** A thread is active again: each of its members is told that it is one. */
export function tellMembers(node: GatewayNode, entry: GuildEntry, state: GuildState, event: LogEvent): void {
  const thread = state.threads.get(event.header.c ?? "");
  if (thread === undefined) return;
  for (const userId of thread.members.keys()) {
    for (const session of sessionsOf(node, entry, userId)) {
      const body = memberUpdate(state, session, event);
      if (body !== null) session.send(new DispatchFrame(node.feed.highest, body));
    }
  }
}

/** THREAD_MEMBER_UPDATE for a session; null when it is no member, or sees nothing of the thread. */
export function memberUpdate(state: GuildState, session: Session, event: LogEvent): string | null {
  const thread = state.threads.get(event.header.c ?? "");
  const member = thread?.members.get(session.userId);
  if (thread === undefined || member === undefined || !sees(state, session, thread)) return null;
  if (!wants(session.profile, event.rule, true)) return null;
  return `"t":"THREAD_MEMBER_UPDATE","d":${member.slice(0, -1)},"guild_id":"${state.id}"}`;
}

/** Released sessions of a user in a guild. */
export function sessionsOf(node: GatewayNode, entry: GuildEntry, userId: string): Session[] {
  return [...(node.byUser.get(userId) ?? [])].filter((session) => !session.held && entry.sessions.has(session));
}

function sees(state: GuildState, session: Session, thread: ThreadState): boolean {
  const member = state.members.get(session.userId);
  return member !== undefined && mayViewThread(state, member, thread);
}

/** The private threads that a session sees, by id: what may come into view although its channel was there before. */
export function privateThreadsOf(state: GuildState, session: Session): Set<string> {
  const seen = new Set<string>();
  for (const thread of state.threads.values()) if (thread.private && sees(state, session, thread)) seen.add(thread.id);
  return seen;
}

/**
 * THREAD_LIST_SYNC for a session to which channels have come into view, or private threads in them.
 * @param channels ids of channels that it sees now and did not before
 * @param before the private threads that it saw before
 * @returns null when there is nothing to tell
 */
export function syncFor(
  state: GuildState,
  session: Session,
  channels: Iterable<string>,
  before: ReadonlySet<string>,
): string | null {
  const member = state.members.get(session.userId);
  if (member === undefined) return null;
  const parents = new Set<string>();
  for (const id of channels) if (WITH_THREADS.includes(state.channels.get(id)?.type ?? -1)) parents.add(id);
  for (const id of privateThreadsOf(state, session)) {
    const thread = state.threads.get(id);
    if (thread !== undefined && !thread.archived && !before.has(id)) parents.add(thread.parentId);
  }
  if (parents.size === 0) return null;
  return listSync(state.id, session.userId, [...parents], visibleThreads(state, member, parents));
}

/** THREAD_LIST_SYNC of all that a session sees in a guild. */
export function syncAll(state: GuildState, session: Session): string | null {
  const member = state.members.get(session.userId);
  return member === undefined ? null : listSync(state.id, session.userId, null, visibleThreads(state, member));
}
