import { z } from "zod";
import { EVENTS } from "../core/events.ts";
import { forgetGuild } from "../core/presence-store.ts";
import { changeThread, privateThreadsOf, sessionsOf, syncFor, tellMembers } from "./deliver-threads.ts";
import { DispatchFrame } from "./frames.ts";
import { joinGuild, learnPlace } from "./guild-entry.ts";
import {
  applyEvent,
  type ChannelState,
  channelOfEvent,
  classOf,
  classOfPlace,
  type GuildState,
  holds,
  mayView,
  visibleChannels,
} from "./guild-state.ts";
import { eventData, type LogEvent } from "./log-event.ts";
import { contentFor, type GatewayNode, type GuildEntry } from "./node.ts";
import { hidePresenceIn } from "./presence.ts";
import type { Session } from "./session.ts";
import { wants } from "./topics.ts";
import { isUnknownVoiceChannel, publishVoiceState } from "./voice-delivery.ts";
import { emptyVoiceChannel, isVoice } from "./voice-state.ts";

/**
 * What a node does with each event of the feed, in order.
 * @returns a promise when the feed must wait: the event names a channel that the node doesn't know yet
 */
export function onEvent(node: GatewayNode, event: LogEvent): Promise<void> | undefined {
  const wait = event.log.startsWith("u:") ? userEvent(node, event) : guildEvent(node, event);
  node.sentUpTo = node.feed.highest;
  return wait;
}

function userEvent(node: GatewayNode, event: LogEvent): undefined {
  for (const session of [...(node.byUser.get(event.log.slice(2)) ?? [])]) {
    // A revocation waits for nothing: it would be passed over with what a snapshot reflects.
    if (event.header.t === "$SESSIONS_REVOKED") closeIfRevoked(session, event);
    else if (session.queue !== null) enqueue(node, session, event);
    else {
      session.sentUpTo = node.feed.highest;
      deliverToUser(node, session, event);
    }
  }
}

function guildEvent(node: GatewayNode, event: LogEvent): Promise<void> | undefined {
  const entry = node.guilds.get(event.log.slice(2));
  if (entry === undefined) return;
  for (const session of node.held) if (session.guilds.has(entry.id)) enqueue(node, session, event);
  if (entry.state === null) {
    entry.backlog.push(event);
    return;
  }
  return routeGuildEvent(node, entry, entry.state, event);
}

/** A held session that never catches up is let go: it resumes later from the streams, not from this memory. */
function enqueue(node: GatewayNode, session: Session, event: LogEvent): void {
  session.queue?.push({ event });
  if ((session.queue?.length ?? 0) > session.allowance + node.config.resumeMaxEvents) session.connection.closeSoon();
}

function routeGuildEvent(
  node: GatewayNode,
  entry: GuildEntry,
  state: GuildState,
  event: LogEvent,
): Promise<void> | undefined {
  if (canBeJudged(state, event)) {
    deliver(node, entry, state, event);
    return;
  }
  // Its creation may be published a moment later than a use of it; unknown is never "visible".
  return learnPlace(node, entry, placeToKnow(event) ?? "").then(
    () => {
      if (entry.state !== null && canBeJudged(entry.state, event)) deliver(node, entry, entry.state, event);
    },
    (error) => {
      // Who may see it can't be known now; the sessions resume and are told then.
      node.log.warn({ err: String(error), guildId: entry.id }, "could not read a guild anew");
      for (const session of entry.sessions) session.connection.closeSoon();
    },
  );
}

const TELL_THEMSELVES: ReadonlySet<string> = new Set([
  "CHANNEL_CREATE",
  "CHANNEL_UPDATE",
  "CHANNEL_DELETE",
  "THREAD_DELETE",
]);

/** The channel or thread without which an event can't be judged; null when it needs none, or tells of it itself. */
export function placeToKnow(event: LogEvent): string | null {
  const { t, c } = event.header;
  if (event.rule.sees !== "channel" || TELL_THEMSELVES.has(t)) return null;
  return t === "THREAD_CREATE" ? parentRef.parse(eventData(event)).parent_id : (c ?? null);
}

const parentRef = z.object({ parent_id: z.string() });

/** Whether the snapshot has what it takes to tell who sees an event. */
function canBeJudged(state: GuildState, event: LogEvent): boolean {
  if (event.header.t === "VOICE_STATE_UPDATE") return !isUnknownVoiceChannel(state, event);
  const place = placeToKnow(event);
  return place === null || classOfPlace(state, place) !== undefined;
}

/** What happens with an event whose channel is known. */
function deliver(node: GatewayNode, entry: GuildEntry, state: GuildState, event: LogEvent): void {
  if (event.header.t.startsWith("THREAD_")) changeThread(node, entry, state, event);
  else if (event.header.t === "$THREAD_UNARCHIVED") tellMembers(node, entry, state, event);
  else if (event.rule.changesAccess) changeAccess(node, entry, state, event);
  else if (event.rule.internal) return;
  else if (event.rule.sees === "guild") node.publishToMembers(entry.id, event);
  else if (event.rule.sees === "holders") sendToHolders(node, entry, state, event);
  else if (event.header.t === "VOICE_STATE_UPDATE") publishVoiceState(node, entry, state, event);
  else {
    const visibility = classOfPlace(state, event.header.c);
    if (visibility !== undefined) node.publish(visibility, event);
  }
}

/**
 * To those who have a permission in the guild, now: a timeout that ends gives permissions back without an event. Such
 * events are few, and few sessions ask for them.
 */
function sendToHolders(node: GatewayNode, entry: GuildEntry, state: GuildState, event: LogEvent): void {
  const frame = new DispatchFrame(node.feed.highest, event.body);
  for (const session of entry.sessions) {
    if (session.held || !wants(session.profile, event.rule, true)) continue;
    const member = state.members.get(session.userId);
    if (member !== undefined && holds(state, member, event.rule)) session.send(frame);
  }
}

/** Applies an event that changes who sees what, tells those who gain or lose channels, then sends the event. */
function changeAccess(node: GatewayNode, entry: GuildEntry, state: GuildState, event: LogEvent): void {
  switch (event.header.t) {
    case "CHANNEL_CREATE":
      applyEvent(state, event);
      for (const session of entry.sessions) node.updateClasses(session, entry.id);
      publishInChannel(node, state, event);
      return;
    case "CHANNEL_UPDATE":
      return changeChannel(node, entry, state, event);
    case "CHANNEL_DELETE":
      publishInChannel(node, state, event);
      if (isVoice(channelOfEvent(event).type))
        inBackground(node, emptyVoiceChannel(node, entry.id, event.header.c ?? ""));
      applyEvent(state, event);
      for (const session of entry.sessions) node.updateClasses(session, entry.id);
      return;
    case "GUILD_DELETE":
      inBackground(node, forgetGuild(node.redis, entry.id));
      node.publishToMembers(entry.id, event);
      for (const session of [...entry.sessions]) {
        if (!session.held && node.leaveGuild(session, entry.id)) node.feed.unsubscribe([event.log]);
      }
      return;
    case "GUILD_MEMBER_ADD":
    case "GUILD_MEMBER_REMOVE":
    case "GUILD_ROLE_CREATE":
      applyEvent(state, event);
      node.publishToMembers(entry.id, event);
      return;
    default:
      changeForMembers(node, entry, state, event);
  }
}

function publishInChannel(node: GatewayNode, state: GuildState, event: LogEvent): void {
  const channel = state.channels.get(event.header.c ?? "");
  if (channel !== undefined) node.publish(classOf(state, channel), event);
}

/** A channel's overwrites may have changed: some sessions get the update, some a new channel, some lose one. */
function changeChannel(node: GatewayNode, entry: GuildEntry, state: GuildState, event: LogEvent): void {
  const before = state.channels.get(event.header.c ?? "");
  const sessions = [...entry.sessions].filter((session) => !session.held);
  const sawIt = new Set(sessions.filter((session) => before !== undefined && sees(state, session, before)));
  const viewed = event.header.v === true;
  const privateBefore = new Map(viewed ? sessions.map((session) => [session, privateThreadsOf(state, session)]) : []);
  applyEvent(state, event);
  const after = channelOfEvent(event);
  const create = `"t":"CHANNEL_CREATE","d":${after.json}`;
  const frames = {
    update: new DispatchFrame(node.feed.highest, event.body),
    create: new DispatchFrame(node.feed.highest, create),
    // As it was seen: what it is called since is no matter of who lost it.
    remove: new DispatchFrame(node.feed.highest, `"t":"CHANNEL_DELETE","d":${(before ?? after).json}`),
  };
  for (const session of sessions) {
    const had = sawIt.has(session);
    const has = sees(state, session, after);
    if (wants(session.profile, event.rule, true)) {
      const sync = has ? syncFor(state, session, had ? [] : [after.id], privateBefore.get(session) ?? NONE) : null;
      // What is sent before the last frame bears the number before: a client that drops in between is told again.
      const early = () => new DispatchFrame(Math.max(session.sentUpTo, node.sentUpTo), create);
      if (had && has) session.send(frames.update);
      else if (has) session.send(sync === null ? frames.create : early());
      else if (had) session.send(frames.remove);
      if (sync !== null) session.send(new DispatchFrame(node.feed.highest, sync));
    }
    node.updateClasses(session, entry.id);
  }
}

const NONE: ReadonlySet<string> = new Set();

const sees = (state: GuildState, session: Session, channel: ChannelState): boolean => {
  const member = state.members.get(session.userId);
  return member !== undefined && mayView(state, member, channel);
};

/**
 * A role, a member or the owner changed: whoever comes to see or loses channels is told, before the event itself
 * and under the number before it. A client that drops in between resumes from there and is told again.
 */
function changeForMembers(node: GatewayNode, entry: GuildEntry, state: GuildState, event: LogEvent): void {
  const own = memberOf(event);
  const affected = own === null ? [...entry.sessions].filter(({ held }) => !held) : sessionsOf(node, entry, own);
  const before = new Map(affected.map((session) => [session, visibleOf(state, session)]));
  const privateBefore = new Map(affected.map((session) => [session, privateThreadsOf(state, session)]));
  applyEvent(state, event);
  for (const session of affected) {
    const had = before.get(session) ?? new Map<string, ChannelState>();
    const has = visibleOf(state, session);
    if (wants(session.profile, CHANNEL_RULE, true)) {
      const number = Math.max(session.sentUpTo, node.sentUpTo);
      tellDifference(session, had, has, number);
      const gained = [...has.keys()].filter((id) => !had.has(id));
      const sync = syncFor(state, session, gained, privateBefore.get(session) ?? NONE);
      if (sync !== null) session.send(new DispatchFrame(number, sync));
    }
    node.updateClasses(session, entry.id);
  }
  node.publishToMembers(entry.id, event);
  // https://discord.com/developers/docs/events/gateway#caveats
  for (const session of own === null ? [] : affected) {
    if (!wants(session.profile, event.rule, true)) session.send(new DispatchFrame(node.feed.highest, event.body));
  }
}

const CHANNEL_RULE = EVENTS.CHANNEL_CREATE;

/** The user whose membership an event changes; null for other events. */
export function memberOf(event: LogEvent): string | null {
  return event.header.t === "GUILD_MEMBER_UPDATE" ? userOf.parse(eventData(event)).user.id : null;
}

const userOf = z.object({ user: z.object({ id: z.string() }) });

function visibleOf(state: GuildState, session: Session): Map<string, ChannelState> {
  const member = state.members.get(session.userId);
  if (member === undefined) return new Map();
  return new Map(visibleChannels(state, member).map((channel) => [channel.id, channel]));
}

function tellDifference(
  session: Session,
  had: ReadonlyMap<string, ChannelState>,
  has: ReadonlyMap<string, ChannelState>,
  number: number,
): void {
  for (const [id, channel] of has) {
    if (!had.has(id)) session.send(new DispatchFrame(number, `"t":"CHANNEL_CREATE","d":${channel.json}`));
  }
  for (const [id, channel] of had) {
    if (!has.has(id)) session.send(new DispatchFrame(number, `"t":"CHANNEL_DELETE","d":${channel.json}`));
  }
}

const guildRef = z.object({ guild_id: z.string() });
const claimRef = z.object({ session_id: z.string(), node: z.string() });
const familyRef = z.object({ family_id: z.string().nullable() });

/** An event of a user's own log, for one released session. */
export function deliverToUser(node: GatewayNode, session: Session, event: LogEvent): void {
  switch (event.header.t) {
    case "$GUILD_JOIN": {
      const guildId = guildRef.parse(eventData(event)).guild_id;
      if (node.handles(session, guildId)) void joinGuild(node, session, guildId, event.number);
      return;
    }
    case "$GUILD_LEAVE":
      leave(node, session, guildRef.parse(eventData(event)).guild_id, event);
      return;
    case "$SESSION_CLAIMED": {
      const claim = claimRef.parse(eventData(event));
      if (claim.session_id !== session.id || claim.node === node.id) return;
      session.connection.close("SESSION_TIMED_OUT");
      node.removeSession(session);
      return;
    }
    case "$SESSIONS_REVOKED":
      closeIfRevoked(session, event);
      return;
    case "$UNKNOWN":
      return;
    default: {
      if (!isDue(node, session, event)) return;
      const frame = new DispatchFrame(sequenceOf(session, event), event.body);
      session.send(event.rule.content ? contentFor(session, event, frame) : frame);
    }
  }
}

function closeIfRevoked(session: Session, event: LogEvent): void {
  if (event.number <= session.trustedAt) return;
  const family = familyRef.parse(eventData(event)).family_id;
  if (family === null || family === session.familyId) session.connection.close("AUTHENTICATION_FAILED");
}

/**
 * Whether a session gets an event of its user's log. What happened in a guild to this one user goes to the guild's
 * shard, what happened in a conversation to the first; what names no channel goes to all.
 */
function isDue(node: GatewayNode, session: Session, { header, rule }: LogEvent): boolean {
  if (header.g !== undefined) return node.handles(session, header.g) && wants(session.profile, rule, true);
  if (header.c === undefined) return true;
  return session.shard[0] === 0 && wants(session.profile, rule, false);
}

function leave(node: GatewayNode, session: Session, guildId: string, event: LogEvent): void {
  if (!node.handles(session, guildId)) return;
  if (node.leaveGuild(session, guildId)) node.feed.unsubscribe([`g:${guildId}`]);
  inBackground(node, hidePresenceIn(node, session, guildId));
  if (!wants(session.profile, EVENTS.GUILD_DELETE, true)) return;
  session.send(new DispatchFrame(sequenceOf(session, event), `"t":"GUILD_DELETE","d":{"id":"${guildId}"}`));
}

/** What follows from an event and is told by events of its own: the feed doesn't wait for it. */
function inBackground(node: GatewayNode, work: Promise<void>): void {
  work.catch((error) => node.log.warn({ err: String(error) }, "presences or voice states could not be changed"));
}

/** The number a frame made for one session bears: the event's own, unless something later was sent before it. */
export function sequenceOf(session: Session, event: LogEvent): number {
  session.sentUpTo = Math.max(session.sentUpTo, event.number);
  return session.sentUpTo;
}
