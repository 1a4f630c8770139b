import { readFileSync } from "node:fs";
import type { Result } from "ioredis";
import { z } from "zod";
import type { Db } from "./db.ts";
import { enqueueDeliveries } from "./deliveries.ts";
import { LAST_SECONDS } from "./event-log.ts";
import type { Redis } from "./redis.ts";
import { guildLog, redisKeys } from "./redis-keys.ts";

/** How a user is in a voice channel, without the guild and the member. https://discord.com/developers/docs/resources/voice#voice-state-object */
const voiceState = z.object({
  channel_id: z.string().nullable(),
  user_id: z.string(),
  session_id: z.string(),
  deaf: z.boolean(),
  mute: z.boolean(),
  self_deaf: z.boolean(),
  self_mute: z.boolean(),
  self_video: z.boolean(),
  suppress: z.boolean(),
  request_to_speak_timestamp: z.string().nullable(),
});
export type VoiceState = z.infer<typeof voiceState>;

/** A change of one user's voice state in a guild. */
export interface VoiceChange {
  guildId: string;
  /** The state that it becomes; with no channel, the user leaves. */
  state: VoiceState;
  /** Users that fit into the channel; 0 for any number. */
  userLimit: number;
  /** Leave only when it is that session that is there. */
  onlyOwn: boolean;
  /** What is told of it, as JSON text. */
  data: string;
}

export const CHANNEL_FULL = -1;

const voiceScript = readFileSync(new URL("./lua/voice-state.lua", import.meta.url), "utf8");

declare module "ioredis" {
  interface RedisCommander<Context> {
    guildhallVoiceState(...args: (string | number)[]): Result<[number, string], Context>;
  }
}

/** Teaches a connection the voice state script. */
export function defineVoiceScript(redis: Redis): void {
  redis.defineCommand("guildhallVoiceState", { numberOfKeys: 7, lua: voiceScript });
}

/**
 * Makes the change and publishes its event (core/lua/voice-state.lua), then stores its deliveries: they can be lost with
 * this process, as what Redis holds is no change in the database.
 * @param epoch the one that the node knows
 * @returns the event's number; 0 when nothing has changed, CHANNEL_FULL when there is no room
 * @throws when Redis is away, or another epoch has begun: nothing was changed then
 */
export async function changeVoiceState(
  { redis, sql }: { redis: Redis; sql: Db },
  { guildId, state, userLimit, onlyOwn, data }: VoiceChange,
  epoch: string,
  limits: { maxEvents: number; windowSeconds: number },
): Promise<number> {
  const log = guildLog(guildId);
  const [number, from] = await redis.guildhallVoiceState(
    redisKeys.seq,
    redisKeys.epoch,
    redisKeys.last(epoch, log),
    redisKeys.log(epoch, log),
    redisKeys.voice(guildId),
    redisKeys.voiceStarts(guildId),
    redisKeys.voiceOf(state.user_id),
    epoch,
    redisKeys.channel(epoch, log),
    guildId,
    state.user_id,
    state.session_id,
    state.channel_id ?? "",
    state.channel_id === null ? "" : JSON.stringify(state),
    userLimit,
    onlyOwn ? "1" : "0",
    `"t":"VOICE_STATE_UPDATE","d":${data}`,
    limits.maxEvents,
    limits.windowSeconds,
    LAST_SECONDS,
  );
  if (number > 0) await enqueueDeliveries(sql, [{ type: "VOICE_STATE_UPDATE", guildId, ...places(state, from), data }]);
  return number;
}

/** The event belongs to the channel where the user is now; who sees only the one it has left is told that it left. */
function places({ channel_id: now }: VoiceState, from: string) {
  if (now === null) return { channelId: from };
  return { channelId: now, leftChannelId: from === "" || from === now ? null : from };
}

/** Everyone who is in a voice channel of the guild. */
export async function voiceStatesIn(redis: Redis, guildId: string): Promise<VoiceState[]> {
  return (await redis.hvals(redisKeys.voice(guildId))).map(parse);
}

/** How a user is in a guild's voice channels; null when it is in none. */
export async function voiceStateOf(redis: Redis, guildId: string, userId: string): Promise<VoiceState | null> {
  const entry = await redis.hget(redisKeys.voice(guildId), userId);
  return entry === null ? null : parse(entry);
}

/** The guilds in whose voice channels a user is. */
export function voiceGuildsOf(redis: Redis, userId: string): Promise<string[]> {
  return redis.smembers(redisKeys.voiceOf(userId));
}

/** The second in which each channel that has users got the first of them. */
export async function voiceStartsIn(redis: Redis, guildId: string): Promise<Map<string, number>> {
  const starts = await redis.hgetall(redisKeys.voiceStarts(guildId));
  return new Map(Object.entries(starts).map(([channelId, second]) => [channelId, Number(second)]));
}

/** An entry is "channel session state". */
function parse(entry: string): VoiceState {
  return voiceState.parse(JSON.parse(entry.slice(entry.indexOf("{"))));
}
