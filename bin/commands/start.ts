import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Config, loadConfig } from "../../core/config.ts";
import { migrate } from "../../core/migrate.ts";
import { loadSecret } from "../../core/secret.ts";
import { ensureDemoData } from "../demo-data.ts";
import { checkDatabase, checkRedis, preflight } from "../preflight.ts";
import { restClient } from "../rest-client.ts";
import { freePort } from "../services/free-port.ts";
import { type PrivateService, startPostgres } from "../services/postgres.ts";
import { startRedis } from "../services/redis.ts";
import { findRedis } from "../services/redis-program.ts";
import { StartupError } from "../services/startup-error.ts";
import { supervise } from "../supervise.ts";
import { addresses, demoLines } from "../welcome.ts";
import { stopRequested } from "./serve.ts";

/** What runs now and how to end it; ended in the opposite order. */
type Running = { stop(): Promise<void> }[];

/** `guildhall start`: everything that is needed, in its order, until a signal; then ends all of it in good order. */
export async function start(given: Config): Promise<void> {
  const running: Running = [];
  let stopping = false;
  const stop = stopRequested().then(() => {
    stopping = true;
  });
  const unlessStopping = () => {
    if (stopping) throw new Stopped();
  };
  try {
    const config = await withPorts(given);
    await preflight(config, "api", "gateway");
    const stores = await startStores(config, running);
    unlessStopping();
    await migrate(stores.databaseUrl);
    await loadSecret(config);
    unlessStopping();
    await startProcesses(config, stores, running);
    unlessStopping();
    console.log(await welcome(config));
    const lost = await Promise.race([stop, stores.lost]);
    if (lost) {
      throw new StartupError(
        `The private ${lost} ended unexpectedly; its log in ${config.dataDir} says why. Start again.`,
      );
    }
    console.log("Stopping …");
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
  } finally {
    for (const each of running.reverse()) await each.stop();
  }
  process.exit(0);
}

/** A signal came before everything ran. */
class Stopped extends Error {}

/** Port 0 means any free one; which one it is must be known before clients are told of it. */
async function withPorts(config: Config): Promise<Config> {
  if (config.port !== 0 && config.gatewayPort !== 0) return config;
  const port = config.port || (await freePort());
  const gatewayPort = config.gatewayPort || (await freePort());
  return loadConfig({ ...process.env, PORT: String(port), GATEWAY_PORT: String(gatewayPort) });
}

interface Stores {
  databaseUrl: string;
  redisUrl: string;
  /** Resolves with the name of a private one when that ends. */
  lost: Promise<string>;
}

/** Those that are given must answer; those that aren't are run privately. */
async function startStores(config: Config, running: Running): Promise<Stores> {
  const { databaseUrl, redisUrl, dataDir } = config;
  if (databaseUrl !== undefined) await checkDatabase(config);
  if (redisUrl !== undefined) await checkRedis(config);
  // Looked for, and perhaps installed, before anything runs.
  else findRedis();
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const start = async (name: string, service: Promise<PrivateService>): Promise<Started> => {
    const { url, ended, stop } = await service;
    running.push({ stop });
    return { url, lost: ended.then(() => name) };
  };
  const given = async (url: string): Promise<Started> => ({ url, lost: new Promise(() => {}) });
  const postgres = databaseUrl === undefined ? start("Postgres", startPostgres(dataDir)) : given(databaseUrl);
  const redis = redisUrl === undefined ? start("Redis", startRedis(dataDir)) : given(redisUrl);
  const lost = (await allOrNone([postgres, redis])).map((each) => each.lost);
  return { databaseUrl: (await postgres).url, redisUrl: (await redis).url, lost: Promise.race(lost) };
}

interface Started {
  url: string;
  lost: Promise<string>;
}

/** One API and one gateway, each a process: what `guildhall api` and `guildhall gateway` run anywhere. */
async function startProcesses(config: Config, stores: Stores, running: Running): Promise<void> {
  const env = {
    ...process.env,
    PORT: String(config.port),
    GATEWAY_PORT: String(config.gatewayPort),
    DATABASE_URL: stores.databaseUrl,
    REDIS_URL: stores.redisUrl,
    GUILDHALL_DATA: resolve(config.dataDir),
  };
  const servers = [
    { command: "api", port: config.port },
    { command: "gateway", port: config.gatewayPort },
  ] as const;
  await allOrNone(
    servers.map(async ({ command, port }) => {
      const logFile = config.production ? undefined : join(config.dataDir, `${command}.log`);
      const rest = restClient(localUrl(config, port), config.tlsCert);
      const isReady = () =>
        rest.fetch("GET", "/readyz").then(
          ({ status }) => status === 200,
          () => false,
        );
      running.push(await supervise({ command, env, logFile, isReady }));
    }),
  );
}

/** All results; or the first error, when all have come to an end, so that nothing is still being started by then. */
async function allOrNone<T>(work: Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

const localUrl = (config: Config, port: number) => `http${config.tlsCert === undefined ? "" : "s"}://127.0.0.1:${port}`;

/** What the terminal shows when all runs. */
async function welcome(config: Config): Promise<string> {
  const lines = ["Guildhall runs.", "", addresses(config), ""];
  if (config.production) return lines.join("\n");
  lines.push(`  Data and logs are in ${config.dataDir}`, "");
  lines.push(await demoOf(config));
  return [...lines, "", "Ctrl-C stops it."].join("\n");
}

/** A demo that can't be made is no reason to stop. */
async function demoOf(config: Config): Promise<string> {
  try {
    const rest = restClient(localUrl(config, config.port), config.tlsCert);
    return demoLines(config, await ensureDemoData(rest, config.dataDir));
  } catch (error) {
    if (config.registration === "closed") return "  REGISTRATION is closed, so there is no demo data.";
    return `  The demo data can't be made: ${error instanceof Error ? error.message : error}`;
  }
}
