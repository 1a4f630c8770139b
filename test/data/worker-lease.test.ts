import { pino } from "pino";
import { afterAll, expect, test } from "vitest";
import { connectRedis, type Redis, redisReady } from "../../core/redis.ts";
import { redisKeys } from "../../core/redis-keys.ts";
import { snowflakeTime, WORKER_COUNT } from "../../core/snowflake.ts";
import { leaseWorker } from "../../core/worker-lease.ts";
import { startStores } from "../harness/platform.ts";

const log = pino({ level: "silent" });
const { redisUrl } = await startStores();
const redis: Redis = connectRedis(redisUrl, log, { name: "test" });
await redisReady(redis);
afterAll(() => redis.disconnect());

const workerOf = (id: string) => Number((BigInt(id) >> 12n) & 1023n);

test("processes that start at once get numbers of their own, and never make the same id", async () => {
  const leases = await Promise.all(Array.from({ length: 50 }, () => leaseWorker(redis, log)));
  const ids = leases.flatMap(({ nextId }) => Array.from({ length: 200 }, nextId));
  expect(new Set(ids.map(workerOf)).size).toBe(50);
  expect(new Set(ids).size).toBe(ids.length);
  await Promise.all(leases.map((lease) => lease.release()));
});

test("a number that was given back is the last to be given out again", async () => {
  const lease = await leaseWorker(redis, log);
  const number = workerOf(lease.nextId());
  await lease.release();
  const next = await leaseWorker(redis, log);
  expect(workerOf(next.nextId())).toBe((number + 1) % WORKER_COUNT);
  await next.release();
});

test("when all but one are taken that one is found, and then there is none", async () => {
  const free = 700;
  for (let n = 0; n < WORKER_COUNT; n++) if (n !== free) await redis.set(redisKeys.worker(n), "somebody", "EX", 60);
  const lease = await leaseWorker(redis, log);
  expect(workerOf(lease.nextId())).toBe(free);
  await expect(leaseWorker(redis, log)).rejects.toThrow("All 1024 snowflake worker numbers are taken");
  await lease.release();
});

test("a new holder starts after the last one's latest millisecond, though its clock is behind", async () => {
  const later = Date.now() + 5000;
  for (let n = 0; n < WORKER_COUNT; n++) {
    await redis.del(redisKeys.worker(n));
    await redis.set(redisKeys.workerClock(n), String(later));
  }
  const lease = await leaseWorker(redis, log);
  expect(snowflakeTime(lease.nextId())).toBeGreaterThan(later);
  await lease.release();
});
