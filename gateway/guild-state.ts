import { ChannelType } from "discord-api-types/v10";
import { z } from "zod";
import type { EventRule } from "../core/events.ts";
import {
  channelPermissions,
  type GuildFacts,
  guildPermissions,
  has,
  type MemberFacts,
  type OverwriteFacts,
  Permission,
  type RoleFacts,
  threadPermissions,
  touchesView,
} from "../core/permissions.ts";
import type { GuildSnapshot } from "../core/store/guild-snapshot.ts";
import { overwriteFacts, type WireChannel } from "../core/wire/channel.ts";
import { roleFacts } from "../core/wire/role.ts";
import { eventData, type LogEvent } from "./log-event.ts";
import { applyThreadEvent, noteMember, type ThreadState, type Threads, threadState } from "./thread-state.ts";
import type { ClassSet, VisibilityClass } from "./topics.ts";

/** What a node knows of a channel: enough to decide who sees it, and its payload for those who come to see it. */
export interface ChannelState {
  id: string;
  type: number;
  overwrites: readonly OverwriteFacts[];
  /** True when an overwrite hides or shows it: it is then a visibility class of its own. */
  ownClass: boolean;
  /** The channel object as JSON text. */
  json: string;
}

/**
 * A node's snapshot of one guild: who may see what. Made from Postgres when the first session of the guild arrives,
 * kept current by the guild's own ordered stream of events, dropped when the last session leaves.
 */
export interface GuildState {
  id: string;
  ownerId: string;
  roles: Map<string, RoleFacts>;
  channels: Map<string, ChannelState>;
  /** The latest deleted channels, oldest first: some events still tell of them. */
  deleted: Map<string, ChannelState>;
  threads: Threads;
  /** Only members who have sessions on this node. */
  members: Map<string, MemberFacts>;
  /** The sets that classesOf has given out, by content. */
  classSets: Map<string, ClassSet>;
}

export function channelState(channel: WireChannel): ChannelState {
  const overwrites = overwriteFacts(channel.permission_overwrites);
  return {
    id: channel.id,
    type: channel.type,
    overwrites,
    ownClass: touchesView(overwrites),
    json: JSON.stringify(channel),
  };
}

/** What a snapshot tells, without those who have sessions. */
export function stateOf(snapshot: GuildSnapshot): GuildState {
  const threads = new Map(snapshot.threads.map((thread) => [thread.id, threadState(thread, [])]));
  for (const row of snapshot.threadMembers) noteMember(threads, row);
  return {
    id: snapshot.row.id,
    ownerId: snapshot.row.owner_id,
    roles: new Map(snapshot.roles.map((role) => [role.id, roleFacts(role)])),
    channels: new Map(snapshot.channels.map((channel) => [channel.id, channelState(channel)])),
    deleted: new Map(),
    threads,
    members: new Map(),
    classSets: new Map(),
  };
}

const facts = (state: GuildState): GuildFacts => state;

/** Whether a member may view channels that no overwrite touches. */
function viewsByDefault(state: GuildState, member: MemberFacts): boolean {
  return has(guildPermissions(facts(state), member, Date.now()), Permission.VIEW_CHANNEL);
}

export function mayView(state: GuildState, member: MemberFacts, channel: ChannelState): boolean {
  if (!channel.ownClass) return viewsByDefault(state, member);
  const bits = channelPermissions(facts(state), member, channel.overwrites, Date.now(), channel.type);
  return has(bits, Permission.VIEW_CHANNEL);
}

/** Whether a member has the permission in the guild that an event is for. */
export function holds(state: GuildState, member: MemberFacts, { needs }: EventRule): boolean {
  return needs !== null && has(guildPermissions(facts(state), member, Date.now()), Permission[needs]);
}

/** A public thread is seen with its parent, a private one by its members and moderators of those. */
export function mayViewThread(state: GuildState, member: MemberFacts, thread: ThreadState): boolean {
  const parent = state.channels.get(thread.parentId);
  if (parent === undefined) return false;
  if (!thread.private) return mayView(state, member, parent);
  const joined = thread.members.has(member.userId);
  const { PrivateThread } = ChannelType;
  const bits = threadPermissions(facts(state), member, parent.overwrites, Date.now(), PrivateThread, joined);
  return has(bits, Permission.VIEW_CHANNEL);
}

/** The same of a channel or thread by id; null for one that isn't known. */
export function mayViewPlace(state: GuildState, member: MemberFacts, id: string | undefined): boolean | null {
  const channel = state.channels.get(id ?? "");
  if (channel !== undefined) return mayView(state, member, channel);
  const thread = state.threads.get(id ?? "");
  return thread === undefined ? null : mayViewThread(state, member, thread);
}

/** The class that sees the events of a channel or thread; undefined for one that isn't known. */
export function classOfPlace(state: GuildState, id: string | undefined): VisibilityClass | undefined {
  const thread = state.threads.get(id ?? "");
  if (thread?.private === true) return `c:${thread.id}`;
  const channel = state.channels.get(thread?.parentId ?? id ?? "");
  return channel === undefined ? undefined : classOf(state, channel);
}

/** The active threads that a member may view, of these channels or of all. */
export function visibleThreads(state: GuildState, member: MemberFacts, parents?: ReadonlySet<string>): ThreadState[] {
  return [...state.threads.values()].filter(
    (thread) =>
      !thread.archived &&
      (parents === undefined || parents.has(thread.parentId)) &&
      mayViewThread(state, member, thread),
  );
}

/** The class whose members see a channel's events. */
export function classOf(state: GuildState, channel: ChannelState): VisibilityClass {
  return channel.ownClass ? `c:${channel.id}` : `v:${state.id}`;
}

/** Past this, sets are made anew: who sees what has changed so often that most of them are nobody's. */
const MAX_CLASS_SETS = 1000;

/** Every class that a member is in: the same set for all members who see the same, as there are many of them. */
export function classesOf(state: GuildState, member: MemberFacts): ClassSet {
  const classes: VisibilityClass[] = [viewsByDefault(state, member) ? `v:${state.id}` : `h:${state.id}`];
  for (const channel of state.channels.values()) {
    if (channel.ownClass && mayView(state, member, channel)) classes.push(`c:${channel.id}`);
  }
  for (const thread of state.threads.values()) {
    if (thread.private && mayViewThread(state, member, thread)) classes.push(`c:${thread.id}`);
  }
  const key = classes.join();
  const known = state.classSets.get(key);
  if (known !== undefined) return known;
  if (state.classSets.size >= MAX_CLASS_SETS) state.classSets.clear();
  const set = new Set(classes);
  state.classSets.set(key, set);
  return set;
}

/** The channels that a member may view. */
export function visibleChannels(state: GuildState, member: MemberFacts): ChannelState[] {
  return [...state.channels.values()].filter((channel) => mayView(state, member, channel));
}

const overwriteSchema = z.object({
  id: z.string(),
  type: z.literal([0, 1]),
  allow: z.string(),
  deny: z.string(),
});
const channelSchema = z.object({ id: z.string(), type: z.number(), permission_overwrites: z.array(overwriteSchema) });
const roleSchema = z.object({ role: z.object({ id: z.string(), permissions: z.string(), position: z.number() }) });
const memberSchema = z.object({
  user: z.object({ id: z.string() }),
  roles: z.array(z.string()),
  communication_disabled_until: z.string().nullable().optional(),
});

/** The channel that a CHANNEL_ event is about. */
export function channelOfEvent(event: LogEvent): ChannelState {
  const data = eventData(event);
  const channel = channelSchema.parse(data);
  const overwrites = overwriteFacts(channel.permission_overwrites);
  const json = JSON.stringify(data);
  return { id: channel.id, type: channel.type, overwrites, ownClass: touchesView(overwrites), json };
}

const MAX_DELETED = 20;

function rememberDeleted(state: GuildState, channel: ChannelState): void {
  state.channels.delete(channel.id);
  state.deleted.set(channel.id, channel);
  const [oldest] = state.deleted.keys();
  if (state.deleted.size > MAX_DELETED && oldest !== undefined) state.deleted.delete(oldest);
}

/** Brings the snapshot up to an event. Applying one that it reflects already changes nothing. */
export function applyEvent(state: GuildState, event: LogEvent): void {
  switch (event.header.t) {
    case "GUILD_UPDATE":
      state.ownerId = z.object({ owner_id: z.string() }).parse(eventData(event)).owner_id;
      return;
    case "GUILD_ROLE_CREATE":
    case "GUILD_ROLE_UPDATE": {
      const { role } = roleSchema.parse(eventData(event));
      state.roles.set(role.id, { id: role.id, permissions: BigInt(role.permissions), position: role.position });
      return;
    }
    case "GUILD_ROLE_DELETE":
      state.roles.delete(z.object({ role_id: z.string() }).parse(eventData(event)).role_id);
      return;
    case "CHANNEL_CREATE":
    case "CHANNEL_UPDATE": {
      const channel = channelOfEvent(event);
      state.channels.set(channel.id, channel);
      return;
    }
    case "CHANNEL_DELETE":
      rememberDeleted(state, channelOfEvent(event));
      for (const { id, parentId } of state.threads.values()) if (parentId === event.header.c) state.threads.delete(id);
      return;
    case "THREAD_CREATE":
    case "THREAD_UPDATE":
    case "THREAD_DELETE":
    case "THREAD_MEMBERS_UPDATE":
      applyThreadEvent(state.threads, (userId) => state.members.has(userId), event);
      return;
    case "GUILD_MEMBER_ADD":
    case "GUILD_MEMBER_UPDATE": {
      const member = memberSchema.parse(eventData(event));
      if (!state.members.has(member.user.id)) return;
      state.members.set(member.user.id, {
        userId: member.user.id,
        roleIds: member.roles,
        timedOutUntil: member.communication_disabled_until ? Date.parse(member.communication_disabled_until) : null,
      });
    }
  }
}
