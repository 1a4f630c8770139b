import { z } from "zod";
import {
  channelPermissions,
  type GuildFacts,
  guildPermissions,
  has,
  type MemberFacts,
  type OverwriteFacts,
  Permission,
  type RoleFacts,
  touchesView,
} from "../core/permissions.ts";
import { overwriteFacts, type WireChannel } from "../core/wire/channel.ts";
import { eventData, type LogEvent } from "./log-event.ts";
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
