import { readFileSync } from "node:fs";
import type { Result } from "ioredis";
import { batched } from "../../core/batched.ts";
import type { Logger } from "../../core/log.ts";
import type { Redis } from "../../core/redis.ts";
import { redisKeys } from "../../core/redis-keys.ts";
import { LocalCounters } from "./local-counters.ts";

export interface Counter {
  key: string;
  /** Requests in a window. */
  limit: number;
  /** 0: it is looked at, and counted elsewhere. */
  windowMs: number;
}

export type Outcome =
  | { refusedBy: null; counts: readonly { count: number; resetMs: number }[] }
  /** The place of the counter that is full. */
  | { refusedBy: number; resetMs: number };

/** Counters that all API processes share. */
export interface Counters {
  /** Counts in all, or in none when one is full. Never throws: without Redis each process counts by itself. */
  take(counters: readonly Counter[]): Promise<Outcome>;
  /** Counts so many for each key. */
  addAll(
    counts: ReadonlyMap<string, number>,
    windowMs: number,
  ): Promise<ReadonlyMap<string, { count: number; resetMs: number }>>;
  /** Lets a counter start anew. */
  forget(key: string): Promise<void>;
}

/** After a command that got no answer Redis is left alone for so long: not each request shall wait for it. */
const REST_MS = 1000;

const script = readFileSync(new URL("../../core/lua/rate-limit.lua", import.meta.url), "utf8");

declare module "ioredis" {
  interface RedisCommander<Context> {
    guildhallRateLimit(keys: number, ...args: (string | number)[]): Result<number[], Context>;
  }
}

export function createCounters(redis: Redis, log: Logger): Counters {
  redis.defineCommand("guildhallRateLimit", { lua: script });
  const takeBatched = batched(BATCH, (requests: readonly (readonly Counter[])[]) => takeInRedis(redis, requests));
  const local = new LocalCounters(() => performance.now());
  let restUntil = 0;

  /** Asks Redis unless it is away or rests; the first to fail lets it rest for all. */
  async function ask<T>(work: () => Promise<T>, otherwise: () => T): Promise<T> {
    if (redis.status !== "ready" || performance.now() < restUntil) return otherwise();
    try {
      return await work();
    } catch (error) {
      if (performance.now() >= restUntil) log.warn({ err: String(error) }, "rate limits are counted by this process");
      restUntil = performance.now() + REST_MS;
      return otherwise();
    }
  }

  return {
    take: (counters) =>
      ask(
        () => takeBatched(counters),
        () => local.take(counters),
      ),
    addAll: (counts, windowMs) =>
      ask(
        () => addInRedis(redis, counts, windowMs),
        () => new Map([...counts].map(([key, count]) => [key, local.add(key, count, windowMs)])),
      ),
    forget: (key) =>
      ask(
        async () => {
          await redis.del(redisKeys.rateLimit(key));
        },
        () => local.forget(key),
      ),
  };
}

/** Requests in one call of the script: Redis does nothing else meanwhile. */
const BATCH = 64;

/** One call of the script for several requests. */
async function takeInRedis(redis: Redis, requests: readonly (readonly Counter[])[]): Promise<Outcome[]> {
  const keys = requests.flat().map(({ key }) => redisKeys.rateLimit(key));
  const limits = requests.flatMap((counters) => [
    counters.length,
    ...counters.flatMap(({ limit, windowMs }) => [limit, windowMs]),
  ]);
  const numbers = (await redis.guildhallRateLimit(keys.length, ...keys, ...limits)).values();
  return requests.map((counters) => readOutcome(numbers, counters.length));
}

function readOutcome(numbers: Iterator<number>, counters: number): Outcome {
  const next = () => Number(numbers.next().value);
  const full = next();
  if (full > 0) return { refusedBy: full - 1, resetMs: next() };
  return { refusedBy: null, counts: Array.from({ length: counters }, () => ({ count: next(), resetMs: next() })) };
}

async function addInRedis(redis: Redis, counts: ReadonlyMap<string, number>, windowMs: number) {
  const pipeline = redis.pipeline();
  for (const [name, count] of counts) {
    const key = redisKeys.rateLimit(name);
    // The window begins with the first that is counted: NX.
    pipeline.incrby(key, count).pexpire(key, windowMs, "NX").pttl(key);
  }
  const replies = (await pipeline.exec()) ?? [];
  const failed = replies.find(([error]) => error !== null)?.[0];
  if (failed) throw failed;
  const number = (at: number) => Number(replies[at]?.[1] ?? 0);
  return new Map([...counts.keys()].map((key, i) => [key, { count: number(3 * i), resetMs: number(3 * i + 2) }]));
}
