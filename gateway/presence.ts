import { EVENTS } from "../core/events.ts";
import {
  changePresence,
  hidePresence,
  type PresenceChange,
  type PresentSession,
  presencesChangedSince,
  type SessionPresence,
  stillOn,
} from "../core/presence-store.ts";
import type { GatewayNode } from "./node.ts";
import { type PresencePayload, presenceOf } from "./presence-payload.ts";
import type { Session } from "./session.ts";
import { leaveVoiceChannels } from "./voice-state.ts";

/** https://discord.com/developers/docs/events/gateway-events#update-presence says nothing; libraries keep to 5 in 20 s. */
const MAX_UPDATES = 5;
const UPDATES_WINDOW_MS = 20_000;
/** Sessions ended at a time. */
const BATCH = 200;

/** A session whose socket is gone: it may still be resumed, until its user is shown offline. */
export interface Leaving {
  session: Session;
  /** When its presence ends, in milliseconds since 1970. */
  endsAt: number;
  /** How long a RESUME finds the presence that it had; 0 when there can be none. */
  rememberSeconds: number;
}

/** A new session appears in its guilds. */
export async function startPresence(
  node: GatewayNode,
  session: Session,
  guildIds: readonly string[],
  payload: PresencePayload | null | undefined,
): Promise<void> {
  const presence = presenceOf(payload, session.isBot, Date.now());
  session.present = true;
  await change(node, session, { action: "set", presence, guildIds });
}

/** A resumed session is as it was: with its old entry if that is still there, so that nobody sees it flicker. */
export async function resumePresence(node: GatewayNode, session: Session): Promise<void> {
  session.present = true;
  // Before the command is sent: from here on nobody ends the session for its old socket.
  node.leaving.delete(session.id);
  await change(node, session, { action: "take", guildIds: [...session.guilds.keys()] });
}

/** What a session that resumes after a number has missed of its guilds' presences: as they are now, in dispatches. */
export async function missedPresences(node: GatewayNode, session: Session, seq: number): Promise<{ body: string }[]> {
  if ((session.profile.intents & EVENTS.PRESENCE_UPDATE.intent) === 0) return [];
  const { epoch } = node.feed;
  const guildIds = [...session.guilds.keys()];
  const missed = await Promise.all(guildIds.map((id) => presencesChangedSince(node.redis, epoch, id, seq)));
  return guildIds.flatMap((guild_id, i) =>
    (missed[i] ?? []).map((presence) => ({
      body: `"t":"PRESENCE_UPDATE","d":${JSON.stringify({ ...presence, guild_id })}`,
    })),
  );
}

/** Opcode 3. More updates than allowed are passed over. */
export function updatePresence(node: GatewayNode, session: Session, payload: PresencePayload): void {
  if (node.config.rateLimits && tooManyUpdates(session)) return;
  savePresence(node, session, presenceOf(payload, session.isBot, Date.now()));
}

function tooManyUpdates({ connection }: Session): boolean {
  const now = Date.now();
  if (now - connection.presencesSince >= UPDATES_WINDOW_MS) {
    connection.presencesSince = now;
    connection.presences = 0;
  }
  connection.presences += 1;
  return connection.presences > MAX_UPDATES;
}

function savePresence(node: GatewayNode, session: Session, presence: SessionPresence): void {
  node.unsaved.delete(session);
  const guildIds = [...session.guilds.keys()];
  change(node, session, { action: "set", presence, guildIds }).catch(() => {
    // Redis is away: the wheel tries again, unless the session has said something newer by then.
    if (session.present && !node.unsaved.has(session)) node.unsaved.set(session, presence);
  });
}

/** The user of a session has come into a guild, or left it. */
export async function showPresenceIn(node: GatewayNode, session: Session, guildId: string): Promise<void> {
  await change(node, session, { action: "show", guildIds: [guildId] });
}

export async function hidePresenceIn(node: GatewayNode, session: Session, guildId: string): Promise<void> {
  await hidePresence(node.redis, guildId, session.userId);
  await leaveVoiceChannels(node, session.userId, null, [guildId]);
}

/**
 * A session has lost its socket.
 * @param over whether its client said goodbye, or may not resume it: its presence ends at once
 */
export function sessionEnded(node: GatewayNode, session: Session, over: boolean): void {
  node.unsaved.delete(session);
  if (!session.present) return;
  session.present = false;
  const { presenceGraceSeconds, resumeWindowSeconds } = node.config;
  node.leaving.set(session.id, {
    session,
    endsAt: Date.now() + (over ? 0 : presenceGraceSeconds * 1000),
    rememberSeconds: over ? 0 : resumeWindowSeconds,
  });
  if (over) setImmediate(() => void endDue(node));
}

/** Ends what is due; what can't be ended now is tried again with the next turn of the wheel. */
export async function endDue(node: GatewayNode): Promise<void> {
  if (node.ending || node.draining) return;
  node.ending = true;
  try {
    for (let due = dueNow(node); due.length > 0; due = dueNow(node)) await endBatch(node, due);
  } catch (error) {
    node.log.debug({ err: String(error) }, "presences could not be ended");
  } finally {
    node.ending = false;
  }
}

function dueNow(node: GatewayNode): Leaving[] {
  const now = Date.now();
  const due: Leaving[] = [];
  for (const leaving of node.leaving.values()) {
    if (leaving.endsAt <= now) due.push(leaving);
    if (due.length === BATCH) break;
  }
  return due;
}

async function endBatch(node: GatewayNode, due: readonly Leaving[]): Promise<void> {
  const holder = node.registration;
  const present = due.map(({ session }) => presentSession(session, holder));
  await leaveVoiceOf(node, await stillOn(node.redis, holder, present));
  // A session that was resumed here meanwhile is no longer leaving. No pause between this look and the command.
  const gone = due.filter((leaving) => node.leaving.get(leaving.session.id) === leaving);
  await Promise.all(
    gone.map(({ session, rememberSeconds }) => change(node, session, { action: "end", rememberSeconds })),
  );
  for (const leaving of due) {
    if (node.leaving.get(leaving.session.id) === leaving) node.leaving.delete(leaving.session.id);
  }
}

/** Tries again what Redis could not take. */
export function saveUnsaved(node: GatewayNode): void {
  for (const [session, presence] of [...node.unsaved]) savePresence(node, session, presence);
}

/** Ends sessions of a node that is dead: those that nobody has resumed. */
export async function endSessionsOf(
  node: GatewayNode,
  deadNode: string,
  sessions: readonly { userId: string; sessionId: string }[],
): Promise<void> {
  await leaveVoiceOf(node, await stillOn(node.redis, deadNode, sessions));
  const rememberSeconds = node.config.resumeWindowSeconds;
  await Promise.all(
    sessions.map(({ userId, sessionId }) => {
      const dead: PresentSession = { userId, sessionId, node: deadNode, shard: [0, 1], platform: "web" };
      return changeAndTell(node, dead, { action: "end", rememberSeconds });
    }),
  );
}

/** Others took this node for dead and ended its sessions, while it was stopped or cut off: here they are again. */
export async function reappear(node: GatewayNode, formerNode: string): Promise<void> {
  for (const session of [...node.sessions.values()]) {
    if (!session.present) continue;
    await change(node, session, { action: "keep", formerNode, guildIds: [...session.guilds.keys()] });
  }
}

async function leaveVoiceOf(
  node: GatewayNode,
  sessions: readonly { userId: string; sessionId: string }[],
): Promise<void> {
  await Promise.all(sessions.map(({ userId, sessionId }) => leaveVoiceChannels(node, userId, sessionId)));
}

async function change(node: GatewayNode, session: Session, what: PresenceChange): Promise<void> {
  await changeAndTell(node, presentSession(session, node.registration), what);
}

/** Sockets are told with the change itself; URLs after it, where some asked. */
async function changeAndTell(node: GatewayNode, session: PresentSession, what: PresenceChange): Promise<void> {
  const type = "PRESENCE_UPDATE";
  const asked = node.passing.isAskedFor(type);
  const told = await changePresence(node.redis, session, what, node.feed.epoch, node.limits, asked);
  node.passing.tell(told.map((each) => ({ ...each, type, channelId: null })));
}

function presentSession({ userId, id, shard, platform }: Session, node: string): PresentSession {
  return { userId, sessionId: id, node, shard, platform };
}
