import { readFileSync } from "node:fs";
import type { Result } from "ioredis";
import type { Redis } from "./redis.ts";
import { guildLog, redisKeys } from "./redis-keys.ts";

/** Where a session runs; others see the status of each. https://discord.com/developers/docs/events/gateway-events#client-status-object */
export type Platform = "desktop" | "mobile" | "web";

/** What one session says of itself. */
export interface SessionPresence {
  status: "online" | "idle" | "dnd" | "invisible" | "offline";
  /** Activity objects, each beginning with its `created_at`. */
  activities: readonly object[];
}

/** A session whose presence is kept, and the node that has it. */
export interface PresentSession {
  userId: string;
  sessionId: string;
  node: string;
  shard: readonly [number, number];
  platform: Platform;
}

/** What is done with a session's presence. */
export type PresenceChange =
  /** It has this presence now. */
  | { action: "set"; presence: SessionPresence; guildIds: readonly string[] }
  /** The node has it now. Its presence is what it was, or online when that is forgotten. */
  | { action: "take"; guildIds: readonly string[] }
  /** The same, unless a node of another than the former name has it. */
  | { action: "keep"; formerNode: string; guildIds: readonly string[] }
  /** It is over, if this node still has it; its presence is remembered for so long. */
  | { action: "end"; rememberSeconds: number }
  /** Its user has come into guilds. */
  | { action: "show"; guildIds: readonly string[] };

const presenceScript = readFileSync(new URL("./lua/presence.lua", import.meta.url), "utf8");

declare module "ioredis" {
  interface RedisCommander<Context> {
    guildhallPresence(...args: (string | number)[]): Result<string[], Context>;
  }
}

export const ONLINE: SessionPresence = { status: "online", activities: [] };

/** Teaches a connection the presence script. */
export function definePresenceScript(redis: Redis): void {
  redis.defineCommand("guildhallPresence", { numberOfKeys: 6, lua: presenceScript });
}

/**
 * Changes the presence of one session and tells every guild that sees its user differently now: core/lua/presence.lua.
 * @param epoch the one that the node knows
 * @param remembered how many users' changes a guild remembers for those who resume, and for how long
 * @param wantsTold whether to return what the guilds were told
 * @throws when Redis is away, or another epoch has begun: nothing was changed then
 */
export async function changePresence(
  redis: Redis,
  session: PresentSession,
  change: PresenceChange,
  epoch: string,
  remembered: { maxEvents: number; windowSeconds: number },
  wantsTold: boolean,
): Promise<{ guildId: string; data: string }[]> {
  const { status, activities } = change.action === "set" ? change.presence : ONLINE;
  const told = await redis.guildhallPresence(
    redisKeys.seq,
    redisKeys.epoch,
    redisKeys.sessionsOf(session.userId),
    redisKeys.shownIn(session.userId),
    redisKeys.nodeSessions(session.node),
    redisKeys.parked(session.sessionId),
    epoch,
    redisKeys.channel(epoch, guildLog("")),
    redisKeys.last(epoch, guildLog("")),
    redisKeys.online(""),
    session.userId,
    session.sessionId,
    session.node,
    change.action,
    `${session.shard.join(" ")} ${session.platform} ${status} ${JSON.stringify(activities)}`,
    change.action === "end" ? change.rememberSeconds : change.action === "keep" ? change.formerNode : "",
    redisKeys.presenceChanges(epoch, ""),
    remembered.maxEvents,
    remembered.windowSeconds,
    wantsTold ? 1 : 0,
    ...(change.action === "end" ? [] : change.guildIds),
  );
  return told.flatMap((guildId, i) => (i % 2 === 0 ? { guildId, data: told[i + 1] ?? "" } : []));
}

/** Of these sessions, those that the node still has. */
export async function stillOn<T extends { userId: string; sessionId: string }>(
  redis: Redis,
  node: string,
  sessions: readonly T[],
): Promise<T[]> {
  const entries = await Promise.all(
    sessions.map(({ userId, sessionId }) => redis.hget(redisKeys.sessionsOf(userId), sessionId)),
  );
  return sessions.filter((_session, i) => entries[i]?.startsWith(`${node} `));
}

/** Up to `count` sessions that a node has, or had when it died. */
export async function sessionsOn(
  redis: Redis,
  node: string,
  count: number,
): Promise<{ userId: string; sessionId: string }[]> {
  const members = await redis.srandmember(redisKeys.nodeSessions(node), count);
  return members.map((member) => {
    const [userId = "", sessionId = ""] = member.split(" ");
    return { userId, sessionId };
  });
}

/** The user is no longer in the guild. */
export async function hidePresence(redis: Redis, guildId: string, userId: string): Promise<void> {
  await Promise.all([redis.hdel(redisKeys.online(guildId), userId), redis.srem(redisKeys.shownIn(userId), guildId)]);
}

/** A guild is gone, and with it what was shown in it. */
export async function forgetGuild(redis: Redis, guildId: string): Promise<void> {
  await redis.del(redisKeys.online(guildId), redisKeys.voice(guildId), redisKeys.voiceStarts(guildId));
}

/** A presence as a guild sees it, without the guild. */
export interface WirePresence {
  user: { id: string };
  status: string;
  activities: unknown[];
  client_status: object;
}

/** The presences of those of the users who are not offline. */
export async function presencesOf(redis: Redis, guildId: string, userIds: readonly string[]): Promise<WirePresence[]> {
  if (userIds.length === 0) return [];
  const texts = await redis.hmget(redisKeys.online(guildId), ...userIds);
  return userIds.flatMap((id, i) => wirePresence(id, texts[i]) ?? []);
}

/** How many users of each guild are not offline. */
export function countOnline(redis: Redis, guildIds: readonly string[]): Promise<number[]> {
  return Promise.all(guildIds.map((id) => redis.hlen(redisKeys.online(id))));
}

/** How many sessions each user has, whatever their status. */
export function countSessions(redis: Redis, userIds: readonly string[]): Promise<number[]> {
  return Promise.all(userIds.map((id) => redis.hlen(redisKeys.sessionsOf(id))));
}

/** The presences of up to `limit` users who are not offline; which, is left to chance. */
export async function presencesIn(redis: Redis, guildId: string, limit: number): Promise<WirePresence[]> {
  const pairs = await redis.hrandfield(redisKeys.online(guildId), limit, "WITHVALUES");
  const flat = Array.isArray(pairs) ? pairs : [];
  const presences: WirePresence[] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const presence = wirePresence(String(flat[i]), String(flat[i + 1]));
    if (presence !== null) presences.push(presence);
  }
  return presences;
}

/** What a guild sees now of those whose presence has changed after a number, the offline among them. */
export async function presencesChangedSince(
  redis: Redis,
  epoch: string,
  guildId: string,
  number: number,
): Promise<WirePresence[]> {
  const ids = await redis.zrangebyscore(redisKeys.presenceChanges(epoch, guildId), `(${number}`, "+inf");
  if (ids.length === 0) return [];
  const texts = await redis.hmget(redisKeys.online(guildId), ...ids);
  return ids.map((id, i) => wirePresence(id, texts[i]) ?? { user: { id }, ...OFFLINE });
}

const OFFLINE = { status: "offline", activities: [], client_status: {} };

function wirePresence(userId: string, text: string | null | undefined): WirePresence | null {
  if (text === null || text === undefined) return null;
  // Our own writing: the text is what core/lua/presence.lua makes of what was checked when it came.
  const seen: Omit<WirePresence, "user"> = JSON.parse(`{${text}}`);
  return { user: { id: userId }, ...seen };
}
