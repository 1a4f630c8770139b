import { readFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { serve } from "@hono/node-server";
import { createCdn } from "../core/cdn.ts";
import type { Config } from "../core/config.ts";
import { connectDatabase } from "../core/db.ts";
import { openEgress } from "../core/egress.ts";
import { parseNetworks } from "../core/egress-rules.ts";
import { createEventLog } from "../core/event-log.ts";
import { createLogger } from "../core/log.ts";
import { countOnline, countSessions } from "../core/presence-store.ts";
import { connectRedis, redisReady } from "../core/redis.ts";
import { loadSecret } from "../core/secret.ts";
import { startsTaken } from "../core/session-starts.ts";
import { leaseWorker } from "../core/worker-lease.ts";
import { startFanOut } from "./announcements/fan-out.ts";
import { type App, createHttpApp } from "./app.ts";
import { createAuthenticator } from "./auth/caller.ts";
import { warmUpPasswords } from "./auth/passwords.ts";
import { createChange, createSureChange } from "./change.ts";
import { diskStore } from "./files/disk.ts";
import { createIncoming } from "./files/incoming.ts";
import { s3Store } from "./files/s3.ts";
import { startHousekeeping } from "./housekeeping.ts";
import { createLimiter } from "./limits/limiter.ts";
import { registry } from "./metrics.ts";
import { createSlowmode } from "./slowmode.ts";

const KEEP_ALIVE_MS = 75_000;

/** Starts one API process. @returns the port it listens on, and how to stop: requests under way are finished */
export async function startApi(config: Config): Promise<{ port: number; stop(): Promise<void> }> {
  if (config.databaseUrl === undefined) throw new Error("DATABASE_URL is not set");
  if (config.redisUrl === undefined) throw new Error("REDIS_URL is not set");
  const log = createLogger(config.logLevel, "api");
  const sql = connectDatabase(config.databaseUrl, { name: "guildhall-api" });
  const redis = connectRedis(config.redisUrl, log, { name: "api" });
  const subscriber = connectRedis(config.redisUrl, log, { name: "api-subscriber" });
  await Promise.all([redisReady(redis), redisReady(subscriber), warmUpPasswords(), sql`select 1`]);
  const lease = await leaseWorker(redis, log);
  const { resumeMaxEvents: maxEvents, resumeWindowSeconds: windowSeconds } = config;
  const eventLog = createEventLog({ redis, sql, log, maxEvents, windowSeconds });
  const secret = await loadSecret(config);
  const fileDir = join(config.dataDir, "files");
  const changeBy = createChange(sql, eventLog, lease.nextId);
  const app: App = {
    config,
    log,
    sql,
    eventLog,
    auth: createAuthenticator(sql, redis, subscriber),
    change: changeBy({ userId: null, reason: () => null }),
    changeBy,
    nextId: lease.nextId,
    slowmode: createSlowmode(redis),
    limiter: createLimiter(config, redis, log),
    onlineIn: (guildIds) => countOnline(redis, guildIds).catch(() => guildIds.map(() => 0)),
    sessionsOf: (userIds) => countSessions(redis, userIds),
    startsTaken: (botId) => startsTaken(redis, botId),
    secret,
    files: config.s3 === undefined ? diskStore(fileDir) : s3Store(config.s3),
    incoming: createIncoming(join(fileDir, "incoming")),
    cdn: createCdn(config.cdnUrl, secret),
    egress: openEgress({ allow: parseNetworks(config.egressAllow) }),
  };
  const http = createHttpApp(app);
  let ready = true;
  http.get("/healthz", (c) => c.text("ok"));
  http.get("/readyz", async (c) => {
    const databaseAnswers = await sql`select 1`.then(
      () => true,
      () => false,
    );
    return ready && databaseAnswers ? c.text("ready") : c.text("not ready", 503);
  });
  http.get("/metrics", async (c) => c.body(await registry.metrics(), 200, { "content-type": registry.contentType }));
  const server = await listen(http.fetch, config);
  const stopHousekeeping = startHousekeeping(app);
  const stopFanOut = startFanOut({ ...app, surely: createSureChange(sql, eventLog) });
  const port = portOf(server.address());
  log.info({ port }, "api ready");
  return {
    port,
    stop: async () => {
      ready = false;
      stopHousekeeping();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        if ("closeIdleConnections" in server) server.closeIdleConnections();
        setTimeout(() => "closeAllConnections" in server && server.closeAllConnections(), 3000).unref();
      });
      await app.egress.close();
      await app.limiter.stop();
      await stopFanOut();
      await eventLog.stop();
      await lease.release();
      redis.disconnect();
      subscriber.disconnect();
      await sql.end({ timeout: 2 });
    },
  };
}

function listen(fetch: Parameters<typeof serve>[0]["fetch"], config: Config): Promise<ReturnType<typeof serve>> {
  return new Promise((resolve, reject) => {
    const tls =
      config.tlsCert && config.tlsKey
        ? {
            createServer: createHttpsServer,
            serverOptions: { cert: readFileSync(config.tlsCert), key: readFileSync(config.tlsKey) },
          }
        : { createServer: createHttpServer };
    const server = serve({ fetch, port: config.port, ...tls }, () => resolve(server));
    server.once("error", reject);
    // Longer than proxies and clients keep an idle connection: who closes first must not be us, just as a request
    // is on its way. Node's default is five seconds.
    if ("keepAliveTimeout" in server) server.keepAliveTimeout = KEEP_ALIVE_MS;
  });
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return address.port;
}
