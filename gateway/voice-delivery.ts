import { z } from "zod";
import { DispatchFrame } from "./frames.ts";
import { type ChannelState, classOf, type GuildState, mayView } from "./guild-state.ts";
import { eventData, type LogEvent } from "./log-event.ts";
import type { GatewayNode, GuildEntry } from "./node.ts";
import type { Session } from "./session.ts";
import { wants } from "./topics.ts";

/** Who sees the channel that a user came from, and who sees the one it is in now, need not be the same. */

const stateRef = z.looseObject({ channel_id: z.string().nullable() });

/** A channel, or one that was deleted lately: those who saw it are told that it empties. */
const known = (state: GuildState, id: string | undefined): ChannelState | undefined =>
  state.channels.get(id ?? "") ?? state.deleted.get(id ?? "");

/** Whether a node must read a guild anew before it can tell who may see a voice state. */
export function isUnknownVoiceChannel(state: GuildState, event: LogEvent): boolean {
  return known(state, event.header.c) === undefined && stateRef.parse(eventData(event)).channel_id !== null;
}

/** Sends a voice state to everyone who may see where the user is; who saw where it was is told that it left. */
export function publishVoiceState(node: GatewayNode, entry: GuildEntry, state: GuildState, event: LogEvent): void {
  const channel = known(state, event.header.c);
  const from = known(state, event.header.p);
  if (channel === undefined) return;
  const byTopic = state.channels.has(channel.id) || !channel.ownClass;
  if (byTopic) node.publish(classOf(state, channel), event);
  else sendEach(node, entry, event, event.body, (session) => sees(state, session, channel));
  if (from === undefined || classOf(state, from) === classOf(state, channel)) return;
  const leftOnly = (session: Session) => sees(state, session, from) && !sees(state, session, channel);
  sendEach(node, entry, event, leftBody(event), leftOnly);
}

function sendEach(
  node: GatewayNode,
  entry: GuildEntry,
  event: LogEvent,
  body: string,
  isDue: (session: Session) => boolean,
): void {
  const frame = new DispatchFrame(node.feed.highest, body);
  for (const session of entry.sessions) {
    if (!session.held && wants(session.profile, event.rule, true) && isDue(session)) session.send(frame);
  }
}

/** What a replay sends to one session; null when it may see neither channel. */
export function replayedVoiceState(state: GuildState, session: Session, event: LogEvent): string | null {
  const channel = known(state, event.header.c);
  if (channel !== undefined && sees(state, session, channel)) return event.body;
  const from = known(state, event.header.p);
  return from !== undefined && sees(state, session, from) ? leftBody(event) : null;
}

const leftBody = (event: LogEvent): string =>
  `"t":"VOICE_STATE_UPDATE","d":${JSON.stringify(asLeft(eventData(event)))}`;

/** A voice state as it looks to who doesn't see where the user went. */
export const asLeft = (data: unknown): object => ({ ...stateRef.parse(data), channel_id: null });

function sees(state: GuildState, session: Session, channel: ChannelState): boolean {
  const member = state.members.get(session.userId);
  return member !== undefined && mayView(state, member, channel);
}
