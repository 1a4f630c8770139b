import { accessSync, constants, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import postgres from "postgres";
import type { Config } from "../core/config.ts";
import { isPortFree } from "./services/free-port.ts";
import { StartupError } from "./services/startup-error.ts";

const PORT_WAIT_MS = 4000;

/** What can be looked at before anything is started. Each throws a StartupError: one line that says what to do. */
const checks = {
  api: [checkDriver, checkTlsFiles, checkApiPort],
  gateway: [checkDriver, checkTlsFiles, checkUws, checkGatewayPort],
  stores: [checkDatabase, checkRedis],
};

/** Checks these in order. @throws StartupError for the first that fails. */
export async function preflight(config: Config, ...groups: (keyof typeof checks)[]): Promise<void> {
  for (const check of new Set(groups.flatMap((group) => checks[group]))) await check(config);
}

export function checkNode(version = process.versions.node): void {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    throw new StartupError(`Guildhall needs Node.js 20.19 or newer; this is v${version}.`);
  }
}

/** Without its fix the driver ends the process when Postgres restarts: bin/patch-postgres.mjs. */
async function checkDriver(): Promise<void> {
  const source = readFileSync(new URL("./connection.js", import.meta.resolve("postgres")), "utf8");
  if (source.includes("/* mended: lost connections */")) return;
  throw new StartupError("The Postgres driver lacks a fix that npm ci applies; run: node bin/patch-postgres.mjs");
}

async function checkUws(): Promise<void> {
  try {
    await import("../gateway/uws.ts");
  } catch {
    throw new StartupError(whyNoSockets(thisSystem()));
  }
}

interface System {
  node: string;
  platform: string;
  arch: string;
  /** Undefined where there is none: macOS, or Linux with another C library. */
  glibc: string | undefined;
}

function thisSystem(): System {
  const report: unknown = process.report.getReport();
  const glibc = /"glibcVersionRuntime":\s*"([\d.]+)"/.exec(JSON.stringify(report))?.[1];
  return { node: process.versions.node, platform: process.platform, arch: process.arch, glibc };
}

/**
 * Why the binary of uWebSockets.js can't be loaded, which the loader's own message hardly tells. Builds exist for
 * glibc Linux and macOS on x64 and arm64; those for Node 22 and later need glibc 2.38.
 */
export function whyNoSockets({ node, platform, arch, glibc }: System): string {
  const here = `uWebSockets.js can't be loaded by Node ${node} on ${platform} ${arch}`;
  if (platform === "linux" && glibc === undefined) {
    return `${here}: it needs glibc, which this system doesn't have (Alpine?); take a Debian or Ubuntu system or image.`;
  }
  const [major = 0, minor = 0] = (glibc ?? "").split(".").map(Number);
  const isOld = glibc !== undefined && (major < 2 || (major === 2 && minor < 38));
  if (isOld && Number.parseInt(node, 10) >= 22) {
    return `${here}: that needs glibc 2.38, and this system has ${glibc}; take Node 20, or Debian 13 or Ubuntu 24.04.`;
  }
  return `${here}; take Node 20, 22 or 24 on Linux (x64 or arm64, glibc) or macOS, and run npm ci again.`;
}

function checkApiPort(config: Config): Promise<void> {
  return checkPort("PORT", config.port);
}

function checkGatewayPort(config: Config): Promise<void> {
  return checkPort("GATEWAY_PORT", config.gatewayPort);
}

async function checkPort(variable: string, port: number): Promise<void> {
  // What an earlier start left when it was killed ends by itself within moments.
  for (const end = Date.now() + PORT_WAIT_MS; Date.now() < end; await sleep(200)) {
    if (port === 0 || (await isPortFree(port))) return;
  }
  throw new StartupError(`Port ${port} is taken or not allowed; stop what uses it, or set ${variable} to another one.`);
}

function checkTlsFiles(config: Config): void {
  for (const [variable, file] of [
    ["TLS_CERT", config.tlsCert],
    ["TLS_KEY", config.tlsKey],
  ]) {
    if (file === undefined) continue;
    try {
      accessSync(file, constants.R_OK);
    } catch {
      throw new StartupError(`${variable} names ${file}, which can't be read.`);
    }
  }
}

/** @returns the URL of a database that answers. */
export async function checkDatabase({ databaseUrl }: Config): Promise<string> {
  if (databaseUrl === undefined) throw new StartupError("DATABASE_URL is not set; `guildhall start` needs none.");
  const sql = postgres(databaseUrl, { max: 1, connect_timeout: 5, onnotice: () => {} });
  try {
    await sql`select 1`;
    return databaseUrl;
  } catch (error) {
    throw new StartupError(unreachable("DATABASE_URL", "Postgres", databaseUrl, error));
  } finally {
    await sql.end({ timeout: 1 });
  }
}

export async function checkRedis({ redisUrl }: Config): Promise<void> {
  if (redisUrl === undefined) throw new StartupError("REDIS_URL is not set; `guildhall start` needs none.");
  const redis = new Redis(redisUrl, {
    lazyConnect: true,
    retryStrategy: null,
    connectTimeout: 5000,
    maxRetriesPerRequest: 0,
  });
  let reason: unknown;
  redis.on("error", (error) => {
    reason = error;
  });
  try {
    await redis.connect();
    await redis.ping();
  } catch (error) {
    throw new StartupError(unreachable("REDIS_URL", "Redis", redisUrl, reason ?? error));
  } finally {
    redis.disconnect();
  }
}

/** Names host, port and database, never the password. */
function unreachable(variable: string, what: string, url: string, error: unknown): string {
  const { host, pathname } = new URL(url);
  const reason = (error instanceof Error && (("code" in error && String(error.code)) || error.message)) || "no answer";
  const detail = error instanceof Error && error.message !== "" ? error.message.replace(/\s+/g, " ") : reason;
  return `${variable}: ${what} at ${host}${pathname} can't be used (${detail}); start it or correct ${variable}.`;
}
