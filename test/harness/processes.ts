import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../../bin/services/free-port.ts";
import { type PrivateService, startPostgres } from "../../bin/services/postgres.ts";
import { startRedis } from "../../bin/services/redis.ts";
import { migrate } from "../../core/migrate.ts";

/** A platform of real processes that can be killed one by one and come back. */
export interface ProcessPlatform {
  /** `http://127.0.0.1:PORT` of each API. */
  apis: readonly string[];
  /** `ws://127.0.0.1:PORT` of each gateway. */
  gateways: readonly string[];
  /** What can be killed, by name: `api 0`, `gateway 1`, `redis`, `postgres`. */
  names: readonly string[];
  databaseUrl: string;
  redisUrl: string;
  /** kill -9, then starts it again; resolves when it is ready. */
  killAndRestart(name: string): Promise<void>;
  /** Lets it end in good order, then starts it again; resolves when it is ready. */
  restart(name: string): Promise<void>;
  /** Such as SIGSTOP. */
  signal(name: string, signal: NodeJS.Signals): void;
  stop(): Promise<void>;
}

interface Part {
  name: string;
  pid(): number;
  start(): Promise<void>;
  stop(): Promise<void>;
  ended(): Promise<void>;
}

/**
 * Starts Postgres and Redis with the durability that `npm start` gives them, and processes by the product's command.
 * @param env for all of them; with a GATEWAY_URL clients are told that one, else each gateway's own
 */
export async function startProcesses(
  dir: string,
  counts: { apis: number; gateways: number },
  env: NodeJS.ProcessEnv = {},
): Promise<ProcessPlatform> {
  const postgres = await servicePart("postgres", () => startPostgres(dir), join(dir, "postgres/data/postmaster.pid"));
  const redis = await servicePart("redis", () => startRedis(dir), join(dir, "redis/redis.pid"));
  await migrate(postgres.url);
  const common = {
    DATABASE_URL: postgres.url,
    REDIS_URL: redis.url,
    GUILDHALL_DATA: dir,
    LOG_LEVEL: process.env.LOG_LEVEL ?? "fatal",
    RATE_LIMITS: "off",
    ...env,
  };
  const gateways: Endpoint[] = [];
  for (let i = 0; i < counts.gateways; i++) gateways.push(await endpoint("gateway", i, common));
  const first = gateways[0];
  const apiEnv = { GATEWAY_URL: `ws://127.0.0.1:${first?.port ?? 1}`, ...common };
  const apis: Endpoint[] = [];
  for (let i = 0; i < counts.apis; i++) apis.push(await endpoint("api", i, apiEnv));
  const parts: Part[] = [...apis, ...gateways, redis.part, postgres.part];
  const find = (name: string): Part => {
    const part = parts.find((each) => each.name === name);
    if (part === undefined) throw new RangeError(`nothing is called ${name}`);
    return part;
  };
  return {
    databaseUrl: postgres.url,
    redisUrl: redis.url,
    apis: apis.map(({ port }) => `http://127.0.0.1:${port}`),
    gateways: gateways.map(({ port }) => `ws://127.0.0.1:${port}`),
    names: parts.map(({ name }) => name),
    killAndRestart: async (name) => {
      const part = find(name);
      const ended = part.ended();
      process.kill(part.pid(), "SIGKILL");
      await ended;
      await part.start();
    },
    restart: async (name) => {
      const part = find(name);
      await part.stop();
      await part.start();
    },
    signal: (name, signal) => process.kill(find(name).pid(), signal),
    stop: async () => {
      for (const part of parts) await part.stop();
    },
  };
}

async function servicePart(name: string, start: () => Promise<PrivateService>, pidFile: string) {
  let service = await start();
  const part: Part = {
    name,
    pid: () => Number(readFileSync(pidFile, "utf8").split("\n")[0]),
    start: async () => {
      service = await start();
    },
    stop: () => service.stop(),
    ended: () => service.ended,
  };
  return { part, url: service.url };
}

type Endpoint = Part & { port: number };

/**
 * Starts one process by the product's command; resolves when it is ready.
 * @param print gets what it writes to stdout and stderr, which is the test's own otherwise
 */
export async function endpoint(
  kind: "api" | "gateway",
  index: number,
  common: NodeJS.ProcessEnv,
  print?: (text: string) => void,
): Promise<Endpoint> {
  const output = print === undefined ? "inherit" : "pipe";
  const port = await freePort();
  const gatewayUrl = common.GATEWAY_URL ?? `ws://127.0.0.1:${port}`;
  const own = kind === "api" ? { PORT: String(port) } : { GATEWAY_PORT: String(port), GATEWAY_URL: gatewayUrl };
  let child: ChildProcess | undefined;
  const exited = () =>
    child === undefined || child.exitCode !== null || child.signalCode !== null
      ? Promise.resolve()
      : new Promise<void>((resolve) => child?.once("exit", () => resolve()));
  const part: Endpoint = {
    name: `${kind} ${index}`,
    port,
    pid: () => child?.pid ?? 0,
    start: async () => {
      // The other part may be away just now: then it exits with a line, and is started again, as a supervisor would.
      for (let tries = 0; tries < 30; tries++) {
        child = spawn(process.execPath, ["bin/guildhall.js", kind], {
          env: { ...process.env, ...common, ...own },
          stdio: ["ignore", output, output],
        });
        for (const stream of [child.stdout, child.stderr]) stream?.on("data", (data: Buffer) => print?.(String(data)));
        if (await becomesReady(`http://127.0.0.1:${port}/readyz`, exited())) return;
      }
      throw new Error(`${kind} ${index} does not start`);
    },
    stop: async () => {
      const gone = exited();
      child?.kill("SIGTERM");
      await gone;
    },
    ended: exited,
  };
  await part.start();
  return part;
}

/** @returns false when the process exits first */
async function becomesReady(url: string, exited: Promise<void>): Promise<boolean> {
  let over = false;
  exited.then(() => {
    over = true;
  });
  while (!over) {
    const ready = await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    );
    if (ready) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}
