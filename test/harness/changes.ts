import postgres from "postgres";
import { afterAll } from "vitest";
import { createEventLog } from "../../core/event-log.ts";
import { createLogger } from "../../core/log.ts";
import { connectRedis } from "../../core/redis.ts";
import { createChange } from "../../src/change.ts";
import type { Platform } from "./platform.ts";

/** What the sweeps of an API process need, in the test's own process: to make changes in a platform and tell of them. */
export function openChanges(platform: Platform) {
  const log = createLogger("silent", "test");
  const redis = connectRedis(platform.stores.redisUrl, log, { name: "test" });
  const sql = postgres(platform.stores.databaseUrl, { max: 3, onnotice: () => {} });
  const eventLog = createEventLog({ redis, sql, log, maxEvents: 1000, windowSeconds: 60 });
  afterAll(async () => {
    await eventLog.stop();
    redis.disconnect();
    await sql.end();
  });
  return { sql, redis, eventLog, change: createChange(sql, eventLog, () => "1")({ userId: null, reason: () => null }) };
}
