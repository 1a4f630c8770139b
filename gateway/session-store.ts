import { z } from "zod";
import type { Redis } from "../core/redis.ts";
import { redisKeys } from "../core/redis-keys.ts";

const record = z.object({
  userId: z.string(),
  /** The sequence that its numbers belong to. */
  epoch: z.string(),
  intents: z.number(),
  shard: z.tuple([z.number(), z.number()]).readonly(),
  largeThreshold: z.number(),
  platform: z.enum(["desktop", "mobile", "web"]),
  /** The number of its last GUILD_CREATE at start: a client that has less never got its whole snapshot. */
  startedAt: z.number(),
});

/** What a session needs to go on, on any node. */
export type SessionRecord = z.infer<typeof record>;

export async function saveSession(redis: Redis, id: string, session: SessionRecord, seconds: number): Promise<void> {
  await redis.set(redisKeys.session(id), JSON.stringify(session), "EX", seconds);
}

export async function loadSession(redis: Redis, id: string): Promise<SessionRecord | null> {
  const text = await redis.get(redisKeys.session(id));
  if (text === null) return null;
  const parsed = record.safeParse(JSON.parse(text));
  return parsed.success ? parsed.data : null;
}

/** Keeps live sessions resumable: the window starts anew from now. */
export async function touchSessions(redis: Redis, ids: readonly string[], seconds: number): Promise<void> {
  const pipeline = redis.pipeline();
  for (const id of ids) pipeline.expire(redisKeys.session(id), seconds);
  await pipeline.exec();
}

export async function forgetSession(redis: Redis, id: string): Promise<void> {
  await redis.del(redisKeys.session(id));
}
