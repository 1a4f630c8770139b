import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import type { Redis } from "./redis.ts";
import { redisKeys } from "./redis-keys.ts";
import { type NextId, snowflakeGenerator, WORKER_COUNT } from "./snowflake.ts";

const LEASE_SECONDS = 3600;
const RENEW_MS = 10_000;

export interface WorkerLease {
  nextId: NextId;
  /** Lets the number go, so that another process may have it at once. */
  release(): Promise<void>;
}

/**
 * Leases a worker number, so that no two processes make the same id. Numbers are handed out in rotation: a number
 * that lapsed while its process was cut off from Redis is the last to be given out again. The latest millisecond of
 * use is kept with the number; a new holder starts after it even when its clock is behind.
 * @throws when Redis is away or all 1024 numbers are taken.
 */
export async function leaseWorker(redis: Redis, log: Logger): Promise<WorkerLease> {
  const owner = randomUUID();
  const claimed = await claim(redis, owner);
  let worker = claimed.worker;
  const next = snowflakeGenerator(() => worker, Date.now, claimed.notBeforeMs);
  const timer = setInterval(() => {
    renew(redis, owner, worker).then(
      (kept) => {
        worker = kept;
      },
      () => log.debug("worker lease not renewed: Redis is away; the number stays ours for an hour"),
    );
  }, RENEW_MS);
  timer.unref();
  return {
    nextId: next,
    release: async () => {
      clearInterval(timer);
      const holder = await redis.get(redisKeys.worker(worker)).catch(() => null);
      if (holder === owner) await redis.del(redisKeys.worker(worker)).catch(() => {});
    },
  };
}

async function claim(redis: Redis, owner: string): Promise<{ worker: number; notBeforeMs: number }> {
  for (let tries = 0; tries < WORKER_COUNT; tries++) {
    const worker = (await redis.incr(redisKeys.workerNext)) % WORKER_COUNT;
    const won = await redis.set(redisKeys.worker(worker), owner, "EX", LEASE_SECONDS, "NX");
    if (won !== "OK") continue;
    const notBeforeMs = Number((await redis.get(redisKeys.workerClock(worker))) ?? 0);
    return { worker, notBeforeMs };
  }
  throw new Error("All 1024 snowflake worker numbers are taken: are more than 1024 processes running?");
}

/** Extends the lease; when Redis was emptied and the number went to somebody else, takes another one. */
async function renew(redis: Redis, owner: string, worker: number): Promise<number> {
  const key = redisKeys.worker(worker);
  const holder = await redis.get(key);
  if (holder === null) await redis.set(key, owner, "EX", LEASE_SECONDS, "NX");
  else if (holder === owner) await redis.expire(key, LEASE_SECONDS);
  else return (await claim(redis, owner)).worker;
  // A renewal ahead, so that ids made until the next one are covered should the process be killed before it.
  await redis.set(redisKeys.workerClock(worker), String(Date.now() + 2 * RENEW_MS));
  return worker;
}
