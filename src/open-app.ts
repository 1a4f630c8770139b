import { join } from "node:path";
import { createCdn } from "../core/cdn.ts";
import type { Config } from "../core/config.ts";
import { connectDatabase } from "../core/db.ts";
import { turnPartitions } from "../core/deliveries.ts";
import { openEgress } from "../core/egress.ts";
import { parseNetworks } from "../core/egress-rules.ts";
import { createEventLog } from "../core/event-log.ts";
import type { Logger } from "../core/log.ts";
import { openPassingEvents } from "../core/passing-events.ts";
import { countOnline, countSessions } from "../core/presence-store.ts";
import { connectRedis, redisReady } from "../core/redis.ts";
import { loadSecret } from "../core/secret.ts";
import { startsTaken } from "../core/session-starts.ts";
import { leaseWorker } from "../core/worker-lease.ts";
import type { App } from "./app.ts";
import { createAuthenticator } from "./auth/caller.ts";
import { createChange } from "./change.ts";
import { diskStore } from "./files/disk.ts";
import { createIncoming } from "./files/incoming.ts";
import { s3Store } from "./files/s3.ts";
import { createLimiter } from "./limits/limiter.ts";
import { createSlowmode } from "./slowmode.ts";
import { createVoice } from "./voice.ts";
import { createAvatars } from "./webhooks/avatar.ts";

/** What tests have otherwise. */
export interface OpenOptions {
  now?: () => number;
  /** How long Redis may take to answer before it counts as away. */
  redisTimeoutMs?: number;
}

/**
 * Connects all that routes work with, without a server: for the API, and for commands that do what it does.
 * @param name what Postgres and Redis know the connections by
 */
export async function openApp(
  config: Config,
  log: Logger,
  name: string,
  { now = Date.now, redisTimeoutMs }: OpenOptions = {},
): Promise<{ app: App; close(): Promise<void> }> {
  if (config.databaseUrl === undefined) throw new Error("DATABASE_URL is not set");
  if (config.redisUrl === undefined) throw new Error("REDIS_URL is not set");
  const sql = connectDatabase(config.databaseUrl, { name: `guildhall-${name}` });
  const redis = connectRedis(config.redisUrl, log, { name, commandTimeoutMs: redisTimeoutMs });
  const subscriber = connectRedis(config.redisUrl, log, { name: `${name}-subscriber` });
  await Promise.all([redisReady(redis), redisReady(subscriber), sql`select 1`]);
  await turnPartitions(sql, config.webhookLogDays);
  const lease = await leaseWorker(redis, log);
  const { resumeMaxEvents: maxEvents, resumeWindowSeconds: windowSeconds } = config;
  const eventLog = createEventLog({ redis, sql, log, maxEvents, windowSeconds });
  const passing = await openPassingEvents(sql, log);
  const secret = await loadSecret(config);
  const fileDir = join(config.dataDir, "files");
  const changeBy = createChange(sql, eventLog, lease.nextId);
  const files = config.s3 === undefined ? diskStore(fileDir) : s3Store(config.s3);
  const incoming = createIncoming(join(fileDir, "incoming"));
  const egress = openEgress({ allow: parseNetworks(config.egressAllow) });
  const app: App = {
    config,
    log,
    sql,
    eventLog,
    passing,
    auth: createAuthenticator(sql, redis, subscriber),
    change: changeBy({ userId: null, reason: () => null }),
    changeBy,
    nextId: lease.nextId,
    slowmode: createSlowmode(redis),
    limiter: createLimiter(config, redis, log),
    onlineIn: (guildIds) => countOnline(redis, guildIds).catch(() => guildIds.map(() => 0)),
    sessionsOf: (userIds) => countSessions(redis, userIds),
    startsTaken: (botId) => startsTaken(redis, botId),
    now,
    secret,
    files,
    incoming,
    cdn: createCdn(config.cdnUrl, secret),
    egress,
    voice: createVoice(redis, { maxEvents, windowSeconds }),
    avatars: createAvatars({ sql, files, incoming, egress }),
  };
  return {
    app,
    close: async () => {
      await app.egress.close();
      await app.limiter.stop();
      await passing.stop();
      await eventLog.stop();
      await lease.release();
      redis.disconnect();
      subscriber.disconnect();
      await sql.end({ timeout: 2 });
    },
  };
}
