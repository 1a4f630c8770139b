import { z } from "zod";
import { EVENTS } from "../core/events.ts";
import { deliverToUser, sequenceOf } from "./deliver.ts";
import { DispatchFrame } from "./frames.ts";
import { applyEvent, channelOfEvent, type GuildState, mayView } from "./guild-state.ts";
import { eventData, type LogEvent } from "./log-event.ts";
import { contentFor, type GatewayNode } from "./node.ts";
import type { Due, Session } from "./session.ts";
import { wants } from "./topics.ts";
import { replayedVoiceState } from "./voice-delivery.ts";

/** A client that has this much to read is given the rest when it has read it. */
const PAUSE_BYTES = 512 * 1024;

/**
 * Sends a held session what it is due, in order, as far as its socket takes it, and releases it when nothing is
 * left: in one synchronous turn, so that no event can come between the last of the queue and the first by topic.
 * Called when the snapshot is complete and whenever the socket has drained.
 */
export function pump(node: GatewayNode, session: Session): void {
  session.connection.corked(() => sendQueue(node, session));
}

function sendQueue(node: GatewayNode, session: Session): void {
  while (session.queue !== null && !session.joining) {
    if (session.connection.dead) return;
    if (session.connection.buffered > PAUSE_BYTES) return;
    const due = session.queue.shift();
    if (due === undefined) {
      node.release(session);
      return;
    }
    if ("text" in due) {
      session.sentUpTo = Math.max(session.sentUpTo, due.s);
      session.connection.sendText(due.text);
    } else if ("body" in due) session.send(new DispatchFrame(session.sentUpTo, due.body));
    else if (due.event.number > session.snapshotAt) {
      if (due.event.number > session.resyncedUpTo) tellSight(node, session, [due, ...session.queue]);
      replay(node, session, due.event);
    }
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
    send(session, event, event.body);
    if (node.leaveGuild(session, guildId)) node.feed.unsubscribe([event.log]);
    return;
  }
  if (event.rule.internal) return;
  // Of a deleted channel this node may know only from here, and what follows may still tell of it.
  if (event.header.t === "CHANNEL_DELETE") applyEvent(state, event);
  if (!wants(session.profile, event.rule, true)) return;
  if (event.rule.sees === "guild") send(session, event, event.body);
  else if (event.header.t.startsWith("CHANNEL_")) replayChannel(session, state, event);
  else if (event.header.t === "VOICE_STATE_UPDATE") {
    const body = replayedVoiceState(state, session, event);
    if (body !== null) send(session, event, body);
  } else {
    const channel = state.channels.get(event.header.c ?? "");
    if (channel !== undefined && mayView(state, member, channel)) send(session, event, event.body);
  }
}

function replayChannel(session: Session, state: GuildState, event: LogEvent): void {
  const member = state.members.get(session.userId);
  if (member === undefined) return;
  // A deleted channel is judged by the overwrites it had, others by those they have.
  const channel = state.channels.get(event.header.c ?? "") ?? channelOfEvent(event);
  const visible = mayView(state, member, channel);
  if (event.header.t === "CHANNEL_UPDATE" && event.header.v === true) {
    // It may have come into view, or gone: libraries take a second CHANNEL_CREATE for an update.
    send(session, event, `"t":"${visible ? "CHANNEL_CREATE" : "CHANNEL_DELETE"}","d":${channel.json}`);
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

const userOf = z.object({ user: z.object({ id: z.string() }) });

/** Whether an event may have changed which channels the session sees. */
function changesOwnView(session: Session, event: LogEvent): boolean {
  if (event.header.v !== true || event.header.t.startsWith("CHANNEL_")) return false;
  if (event.header.t !== "GUILD_MEMBER_UPDATE") return true;
  return userOf.parse(eventData(event)).user.id === session.userId;
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
