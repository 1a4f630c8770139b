import { readFileSync } from "node:fs";
import type { Result } from "ioredis";
import { z } from "zod";
import type { Redis } from "./redis.ts";
import { redisKeys } from "./redis-keys.ts";

/**
 * The limits of IDENTIFY: so many at a time for each bucket of shards, so many a day; RESUME is not counted.
 * https://discord.com/developers/docs/events/gateway#session-start-limit-object
 */
export interface StartLimits {
  /** Starts in one bucket's window. */
  atOnce: number;
  /** Starts in 24 hours, over all buckets; null for any number. */
  perDay: number | null;
}

const DAY_MS = 24 * 60 * 60 * 1000;
/**
 * The documented window is 5 s. A client that keeps it exactly must not be refused because its second IDENTIFY
 * travelled faster than its first.
 */
const WINDOW_MS = 5000 - 250;
/** https://discord.com/developers/docs/events/gateway#sharding-for-large-bots */
const LARGE_BOT_GUILDS = 150_000;
/** Room to grow before a shard has as many guilds as it may. */
const RECOMMENDED_GUILDS_PER_SHARD = 1000;

const script = readFileSync(new URL("./lua/start-session.lua", import.meta.url), "utf8");
const verdict = z.enum(["granted", "too soon", "used up"]);

declare module "ioredis" {
  interface RedisCommander<Context> {
    guildhallStartSession(...args: (string | number)[]): Result<string, Context>;
  }
}

/** Teaches a connection the script that counts. */
export function defineStartScript(redis: Redis): void {
  redis.defineCommand("guildhallStartSession", { numberOfKeys: 2, lua: script });
}

/** Takes one start if there is one: core/lua/start-session.lua. */
export async function takeStart(
  redis: Redis,
  userId: string,
  bucket: number,
  limits: StartLimits,
): Promise<z.infer<typeof verdict>> {
  const keys = [redisKeys.starts(userId), redisKeys.identify(userId, bucket)];
  return verdict.parse(
    await redis.guildhallStartSession(...keys, limits.atOnce, WINDOW_MS, limits.perDay ?? "", DAY_MS),
  );
}

/** How many starts an account has taken, and in how many milliseconds they are forgotten; 0 when there are none. */
export async function startsTaken(redis: Redis, userId: string): Promise<{ taken: number; resetAfterMs: number }> {
  const key = redisKeys.starts(userId);
  const [taken, expiresInMs] = await Promise.all([redis.get(key), redis.pttl(key)]);
  return { taken: Number(taken ?? 0), resetAfterMs: Math.max(0, expiresInMs) };
}

/** Starts that a bot has in a day: large bots have more. */
export function startsPerDay(limit: number, guilds: number): number {
  return guilds > LARGE_BOT_GUILDS ? Math.max(limit, 2000, Math.floor((guilds / 1000) * 5)) : limit;
}

/** The number of shards that a bot in so many guilds is advised to run. */
export function recommendedShards(guilds: number, guildsPerShard: number): number {
  return Math.max(1, Math.ceil(guilds / Math.min(RECOMMENDED_GUILDS_PER_SHARD, guildsPerShard)));
}
