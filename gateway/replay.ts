import { z } from "zod";
import { EVENTS } from "../core/events.ts";
import type { MemberFacts } from "../core/permissions.ts";
import { guildLog } from "../core/redis-keys.ts";
import { deliverToUser, memberOf, placeToKnow, sequenceOf } from "./deliver.ts";
import { memberUpdate, syncAll, syncFor } from "./deliver-threads.ts";
import { DispatchFrame } from "./frames.ts";
import { learnThreads } from "./guild-entry.ts";
import { applyEvent, channelOfEvent, type GuildState, holds, mayView, mayViewPlace } from "./guild-state.ts";
import { eventData, type LogEvent } from "./log-event.ts";
import { contentFor, type GatewayNode } from "./node.ts";
import type { Due, Session } from "./session.ts";
import { membersChanged, threadFor } from "./thread-state.ts";
import { wants } from "./topics.ts";
import { replayedVoiceState } from "./voice-delivery.ts";

/** A client that has this much to read, or half of what it may have, is given the rest when it has read it. */
const PAUSE_BYTES = 512 * 1024;

/**
 * Sends a held session what it is due, in order, as far as its socket takes it, and releases it when nothing is
 * left: in one synchronous turn, so that no event can come between the last of the queue and the first by topic.
 * Called when the snapshot is complete and whenever the socket has drained.
 */
export function pump(node: GatewayNode, session: Session): void {
  session.connection.corked(() => sendQueue(node, session));
}

/** @returns whether more can be sent when what was sent has left the cork */
function sendQueue(node: GatewayNode, session: Session): boolean {
  const { connection } = session;
  const pauseBytes = Math.min(PAUSE_BYTES, node.config.maxBackpressureBytes / 2);
  while (session.queue !== null && !session.joining) {
    if (connection.dead || connection.buffered > pauseBytes) return false;
    const [next] = session.queue;
    if (next !== undefined && !connection.fits(sizeOf(next))) return true;
    const due = session.queue.shift();
    if (due === undefined) {
      session.unknown = null;
      node.release(session);
      return false;
    }
    if ("text" in due) {
      session.sentUpTo = Math.max(session.sentUpTo, due.s);
      connection.sendText(due.text);
    } else if ("body" in due) session.send(new DispatchFrame(session.sentUpTo, due.body));
    else if (due.event.number > session.snapshotAt || isOverlooked(node, session, due.event)) {
      if (isUnknown(node, session, due.event)) {
        session.queue.unshift(due);
        void learn(node, session, due.event.log.slice(2));
        return false;
      }
      if (due.event.number > session.resyncedUpTo) tellSight(node, session, [due, ...session.queue]);
      replay(node, session, due.event);
    }
  }
  return false;
}

/** A guild joined after the memberships were read and before the snapshot got its number, which would pass it over. */
function isOverlooked(node: GatewayNode, session: Session, event: LogEvent): boolean {
  if (event.header.t !== "$GUILD_JOIN") return false;
  const { guild_id: guildId } = guildRef.parse(eventData(event));
  return node.handles(session, guildId) && !session.guilds.has(guildId);
}

/** What a dispatch has around its body: opcode and sequence. */
const ENVELOPE_BYTES = 32;

/** Bytes that something due takes at most, before compression. */
const sizeOf = (due: Due): number =>
  ENVELOPE_BYTES + Buffer.byteLength("text" in due ? due.text : "body" in due ? due.body : due.event.body);

/** Whether an event can't be judged before its thread is read: one that is archived is known only when it is asked for. */
function isUnknown(node: GatewayNode, session: Session, event: LogEvent): boolean {
  const place = event.log.startsWith("g:") ? placeToKnow(event) : null;
  const state = node.guilds.get(event.log.slice(2))?.state;
  if (place === null || !state || session.unknown?.has(place) === true) return false;
  return !state.channels.has(place) && !state.threads.has(place);
}

/** Reads all threads of a guild that the session's queue names and the node doesn't know, and goes on. */
async function learn(node: GatewayNode, session: Session, guildId: string): Promise<void> {
  session.joining = true;
  const log = guildLog(guildId);
  try {
    const events = (session.queue ?? []).flatMap((due) => ("event" in due && due.event.log === log ? [due.event] : []));
    const unknown = new Set(
      events.filter((event) => isUnknown(node, session, event)).flatMap((event) => placeToKnow(event) ?? []),
    );
    const entry = node.guilds.get(guildId);
    if (entry !== undefined) await learnThreads(node, entry, [...unknown]);
    // What is not found is gone; nothing of it is sent.
    session.unknown = new Set([...(session.unknown ?? []), ...unknown]);
    session.joining = false;
    if (!session.ended) pump(node, session);
  } catch (error) {
    node.log.warn({ err: String(error), guildId }, "could not read the threads that a session has missed");
    // The client resumes, and is told then.
    session.connection.close("UNKNOWN_ERROR");
  }
}

/** One event of the queue, judged by what the session may see now. */
function replay(node: GatewayNode, session: Session, event: LogEvent): void {
  if (event.log.startsWith("u:")) {
    deliverToUser(node, session, event);
    return;
  }
  const guildId = event.log.slice(2);
  const state = node.guilds.get(guildId)?.state;
  const member = state?.members.get(session.userId);
  if (!state || member === undefined || !session.guilds.has(guildId)) return;
  if (event.header.t === "GUILD_DELETE") {
    if (wants(session.profile, event.rule, true)) send(session, event, event.body);
    if (node.leaveGuild(session, guildId)) node.feed.unsubscribe([event.log]);
    return;
  }
  if (event.header.t === "$THREAD_UNARCHIVED") {
    const body = memberUpdate(state, session, event);
    if (body !== null) send(session, event, body);
    return;
  }
  if (event.rule.internal) return;
  // Of a deleted channel this node may know only from here, and what follows may still tell of it.
  if (event.header.t === "CHANNEL_DELETE") applyEvent(state, event);
  if (event.header.t === "THREAD_MEMBERS_UPDATE") return replayMembers(session, state, member, event);
  if (!wants(session.profile, event.rule, true) && memberOf(event) !== session.userId) return;
  if (event.rule.sees === "guild") send(session, event, event.body);
  else if (event.rule.sees === "holders") {
    if (holds(state, member, event.rule)) send(session, event, event.body);
  } else if (event.rule.changesAccess && event.header.t.startsWith("CHANNEL_")) replayChannel(session, state, event);
  else if (event.header.t === "VOICE_STATE_UPDATE") {
    const body = replayedVoiceState(state, session, event);
    if (body !== null) send(session, event, body);
  } else if (event.header.t === "THREAD_DELETE") {
    // Who was in a private thread is no longer known: all who see its channel are told that there is none of this id.
    const parent = state.channels.get(parentRef.parse(eventData(event)).parent_id);
    if (parent !== undefined && mayView(state, member, parent)) send(session, event, event.body);
  } else if (mayViewPlace(state, member, event.header.c) === true) send(session, event, event.body);
}

const parentRef = z.object({ parent_id: z.string() });

/** A thread's members changed: for who sees it and asked for that, and whatever it asked for, for who is concerned. */
function replayMembers(session: Session, state: GuildState, member: MemberFacts, event: LogEvent): void {
  const { added, removed } = membersChanged(event);
  const visible = mayViewPlace(state, member, event.header.c) === true;
  const wantsGuilds = wants(session.profile, EVENTS.THREAD_CREATE, true);
  const thread = state.threads.get(event.header.c ?? "");
  const mine = wantsGuilds && (removed.includes(session.userId) || (visible && added.includes(session.userId)));
  if (visible && thread !== undefined && mine && thread.members.has(session.userId)) {
    const create = `"t":"THREAD_CREATE","d":${threadFor(thread, session.userId)}`;
    session.send(new DispatchFrame(session.sentUpTo, create));
  }
  if (mine || (visible && wants(session.profile, event.rule, true))) send(session, event, event.body);
}

function replayChannel(session: Session, state: GuildState, event: LogEvent): void {
  const member = state.members.get(session.userId);
  if (member === undefined) return;
  // A deleted channel is judged by the overwrites it had, others by those they have.
  const channel = state.channels.get(event.header.c ?? "") ?? channelOfEvent(event);
  const visible = mayView(state, member, channel);
  if (event.header.t === "CHANNEL_UPDATE" && event.header.v === true) {
    // It may have come into view, or gone: libraries take a second CHANNEL_CREATE for an update.
    if (!visible) {
      const data = JSON.stringify(bare(channel.id, state.id, channel.type));
      return send(session, event, `"t":"CHANNEL_DELETE","d":${data}`);
    }
    const create = `"t":"CHANNEL_CREATE","d":${channel.json}`;
    const sync = syncFor(state, session, [channel.id], new Set());
    if (sync === null) return send(session, event, create);
    session.send(new DispatchFrame(session.sentUpTo, create));
    send(session, event, sync);
  } else if (visible) send(session, event, event.body);
}

/** Frames of events as they are: sessions that resume together share what was read of a log, and so its frames. */
const frames = new WeakMap<LogEvent, DispatchFrame>();

function frameOf(event: LogEvent, number: number, body: string): DispatchFrame {
  if (number !== event.number || body !== event.body) return new DispatchFrame(number, body);
  let frame = frames.get(event);
  if (frame === undefined) {
    frame = new DispatchFrame(number, body);
    frames.set(event, frame);
  }
  return frame;
}

function send(session: Session, event: LogEvent, body: string): void {
  const frame = frameOf(event, sequenceOf(session, event), body);
  session.send(event.rule.content ? contentFor(session, event, frame) : frame);
}

/** Whether an event may have changed which channels the session sees. */
function changesOwnView(session: Session, event: LogEvent): boolean {
  if (event.header.v !== true || event.header.t.startsWith("CHANNEL_")) return false;
  return (memberOf(event) ?? session.userId) === session.userId;
}

/**
 * Before a replay across role changes. It isn't known which channels the client has had: it is told of all that it sees
 * and of all that it doesn't. Libraries take a second CHANNEL_CREATE for an update, and ignore a CHANNEL_DELETE of a
 * channel they don't have. First of all, under the number that the client has: one that drops in between resumes from
 * there and is told again.
 */
function tellSight(node: GatewayNode, session: Session, queue: readonly Due[]): void {
  if (!wants(session.profile, EVENTS.CHANNEL_CREATE, true)) return;
  for (const guildId of guildsToTell(session, queue)) {
    const state = node.guilds.get(guildId)?.state;
    const member = state?.members.get(session.userId);
    if (!state || member === undefined) continue;
    for (const channel of state.channels.values()) {
      const name = mayView(state, member, channel) ? "CHANNEL_CREATE" : "CHANNEL_DELETE";
      const data = name === "CHANNEL_CREATE" ? channel.json : JSON.stringify(bare(channel.id, guildId, channel.type));
      session.send(new DispatchFrame(session.sentUpTo, `"t":"${name}","d":${data}`));
    }
    const sync = syncAll(state, session);
    if (sync !== null) session.send(new DispatchFrame(session.sentUpTo, sync));
  }
}

/** Guilds of which the queue holds events that may have changed what the session sees. One that it joins is told whole. */
function guildsToTell(session: Session, queue: readonly Due[]): Set<string> {
  const changed = new Set<string>();
  const joined = new Set<string>();
  for (const due of queue) {
    if (!("event" in due)) continue;
    session.resyncedUpTo = due.event.number;
    if (due.event.header.t === "$GUILD_JOIN") joined.add(guildRef.parse(eventData(due.event)).guild_id);
    else if (changesOwnView(session, due.event)) changed.add(due.event.log.slice(2));
  }
  for (const guildId of joined) changed.delete(guildId);
  return changed;
}

const guildRef = z.object({ guild_id: z.string() });

/** A channel that may not be seen: nothing but its id. */
function bare(id: string, guildId: string, type: number) {
  return { id, guild_id: guildId, type, name: "", position: 0, permission_overwrites: [], flags: 0 };
}
