import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { freePort } from "./free-port.ts";
import { readInstance, refuseSecondOwner, serviceFolder, writeInstance } from "./instance-file.ts";
import type { PrivateService, PrivateServiceOptions } from "./postgres.ts";
import {
  clearLeftover,
  lastLogLine,
  livingProcess,
  type PrivateProcess,
  startPrivateProcess,
} from "./private-process.ts";
import { findRedis } from "./redis-program.ts";
import { StartupError } from "./startup-error.ts";

const START_MS = 60_000;

/**
 * Runs the machine's redis-server for us alone: on 127.0.0.1, with a random password, its data in `dataDir`/redis.
 * Whatever a crash left is cleared away; a second start keeps the data.
 * @throws StartupError when there is no redis-server and none can be installed, or when it does not start.
 */
export async function startRedis(dataDir: string, options: PrivateServiceOptions = {}): Promise<PrivateService> {
  const command = findRedis();
  const folder = serviceFolder(resolve(dataDir), "redis");
  const instanceFile = join(folder, "instance.json");
  const logFile = join(folder, "redis.log");
  const pidFile = join(folder, "redis.pid");
  const configFile = join(folder, "redis.conf");
  const before = readInstance(instanceFile);
  if (before !== undefined) {
    // Redis shows its address in its command line.
    const marker = `127.0.0.1:${before.port}`;
    if (livingProcess(pidFile, marker) !== undefined) await refuseSecondOwner(before, resolve(dataDir));
    await clearLeftover(pidFile, marker, "SIGTERM");
  }

  const password = before?.password ?? randomBytes(24).toString("hex");
  for (let tries = 1; ; tries++) {
    const port = options.port ?? (await freePort(tries === 1 ? before?.port : 0));
    writeInstance(instanceFile, { port, password });
    // In a file, and not as arguments, for the password's sake: everybody can read those.
    writeFileSync(configFile, configuration({ port, password, folder, pidFile, fast: options.fast }), { mode: 0o600 });
    const server = startPrivateProcess({ command, args: [configFile], cwd: folder, logFile, stopSignal: "SIGTERM" });
    const url = redisUrl({ port, password });
    if (await becomesReady(url, server)) return { url, ended: server.ended, stop: server.stop };
    await server.stop();
    const reason = lastLogLine(logFile, /#|FATAL|Bad|error/i);
    if (options.port === undefined && tries < 5 && /Address already in use/i.test(reason)) continue;
    throw new StartupError(`The private Redis does not start: ${reason || "no reason given"} (see ${logFile}).`);
  }
}

/** Where a private Redis is found. */
export function redisUrl({ port, password }: Pick<Settings, "port" | "password">): string {
  return `redis://:${password}@127.0.0.1:${port}`;
}

interface Settings {
  port: number;
  password: string;
  folder: string;
  pidFile: string;
  fast: boolean | undefined;
}

function configuration({ port, password, folder, pidFile, fast }: Settings): string {
  const lines = [
    "bind 127.0.0.1",
    `port ${port}`,
    `requirepass ${password}`,
    `dir ${JSON.stringify(folder)}`,
    `pidfile ${JSON.stringify(pidFile)}`,
    "daemonize no",
    "loglevel warning",
    // Every event number counts: kept at once, on disk within a second (design: the log's `seq`).
    `appendonly ${fast ? "no" : "yes"}`,
    "appendfsync everysec",
    'save ""',
    // A log that silently loses entries would be worse than an error.
    "maxmemory-policy noeviction",
  ];
  return `${lines.join("\n")}\n`;
}

/** True once it answers with our password; false when it ended instead. */
async function becomesReady(url: string, server: PrivateProcess): Promise<boolean> {
  let ended = false;
  void server.ended.then(() => {
    ended = true;
  });
  const redis = new Redis(url, {
    lazyConnect: true,
    retryStrategy: null,
    maxRetriesPerRequest: 0,
    connectTimeout: 2000,
  });
  redis.on("error", () => {});
  try {
    for (const end = Date.now() + START_MS; Date.now() < end && !ended; await sleep(50)) {
      try {
        if (redis.status !== "ready") await redis.connect();
        // Says LOADING, as an error, until it has read its data.
        await redis.ping();
        return true;
      } catch (error) {
        if (error instanceof Error && /WRONGPASS|invalid password/i.test(error.message)) return false;
      }
    }
    return false;
  } finally {
    redis.disconnect();
  }
}
