import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { freePort } from "../../bin/services/free-port.ts";
import { startPostgres } from "../../bin/services/postgres.ts";
import { startRedis } from "../../bin/services/redis.ts";
import { connectDatabase, type Sql } from "../../core/db.ts";
import { migrate } from "../../core/migrate.ts";
import { type Child, profileOf, startChild } from "./child.ts";
import { openPublisher, type Publisher } from "./publisher.ts";

export interface Options {
  /** Small numbers, to see that everything works; the figures are rough. */
  quick: boolean;
  /** Prints where the product's processes spend their time, from one more run of each load. */
  profile: boolean;
}

/** A process that listens. */
export interface Server extends Child {
  port: number;
}

/**
 * What the benches work with: Postgres and Redis with the durability that `npm start` gives them, in a folder that goes
 * away at the end, and processes on 127.0.0.1.
 */
export interface Lab extends Options {
  sql: Sql;
  /** Where the processes keep their secret. */
  dir: string;
  publisher: Publisher;
  gateway(): Promise<Server>;
  /** @param env beside the lab's, or instead of it */
  api(gateway: Server, env?: Record<string, string>): Promise<Server>;
  bareSockets(): Promise<Server>;
  bareApi(): Promise<Server>;
  bareWebhooks(): Promise<Server>;
  webhookReceiver(): Promise<Server>;
  /** A process of WebSocket clients. */
  swarm(): Child;
  /** A process of HTTP clients. */
  httpLoad(): Child;
  /** Prints a profile of `child` under a load, if profiles were asked for. */
  explain(title: string, child: Child, load: () => Promise<unknown>): Promise<void>;
  /** Ends all processes, so that the next bench finds none. */
  clear(): Promise<void>;
  stop(): Promise<void>;
}

export async function openLab(options: Options): Promise<Lab> {
  const dir = await mkdtemp(join(tmpdir(), "guildhall-bench-"));
  const [postgres, redis] = await Promise.all([startPostgres(dir), startRedis(dir)]);
  await migrate(postgres.url);
  const sql = connectDatabase(postgres.url, { name: "bench" });
  const publisher = await openPublisher(redis.url);
  let children: Child[] = [];

  const env = {
    DATABASE_URL: postgres.url,
    REDIS_URL: redis.url,
    GUILDHALL_DATA: dir,
    LOG_LEVEL: "warn",
    RATE_LIMITS: "off",
    EGRESS_ALLOW: "127.0.0.0/8",
    // The clients of the bench send no heartbeats.
    HEARTBEAT_INTERVAL_MS: "600000",
  };
  const start = (
    program: string,
    role: "server" | "clients",
    args: string[] = [],
    own: Record<string, string> = {},
  ) => {
    const child = startChild(program, args, { role, env: { ...env, ...own } });
    children.push(child);
    return child;
  };
  const product = async (command: "api" | "gateway", own: (port: number) => Record<string, string>) => {
    const port = await freePort();
    const child = start("bin/guildhall.ts", "server", [command], own(port));
    await becomesReady(`http://127.0.0.1:${port}/readyz`);
    return { ...child, port };
  };
  const bare = async (program: string, role: "server" | "clients" = "server") => {
    const port = await freePort();
    const child = start(program, role, [], { PORT: String(port) });
    await child.ask("ready", null, z.null());
    return { ...child, port };
  };
  const clear = async () => {
    await Promise.all(children.map((child) => child.stop()));
    children = [];
  };

  return {
    ...options,
    sql,
    dir,
    publisher,
    gateway: () =>
      product("gateway", (port) => ({ GATEWAY_PORT: String(port), GATEWAY_URL: `ws://127.0.0.1:${port}` })),
    api: (gateway, own = {}) =>
      product("api", (port) => ({
        ...own,
        PORT: String(port),
        PUBLIC_URL: `http://127.0.0.1:${port}`,
        GATEWAY_URL: `ws://127.0.0.1:${gateway.port}`,
      })),
    bareSockets: () => bare("loadtest/bare-sockets.ts"),
    bareApi: () => bare("loadtest/bare-api.ts"),
    bareWebhooks: () => bare("loadtest/bare-webhooks.ts"),
    webhookReceiver: () => bare("loadtest/webhook-receiver.ts", "clients"),
    swarm: () => start("loadtest/swarm.ts", "clients"),
    httpLoad: () => start("loadtest/http-load.ts", "clients"),
    explain: async (title, child, load) => {
      if (!options.profile) return;
      console.log(`\nWhere the time goes: ${title}`);
      for (const { name, share } of await profileOf(child, load)) {
        console.log(`  ${(share * 100).toFixed(1).padStart(5)} %  ${name}`);
      }
    },
    clear,
    stop: async () => {
      await clear();
      publisher.stop();
      await sql.end({ timeout: 2 });
      await Promise.all([redis.stop(), postgres.stop()]);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

const READY_MS = 30_000;

async function becomesReady(url: string): Promise<void> {
  for (const end = Date.now() + READY_MS; Date.now() < end; await sleep(50)) {
    const ready = await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    );
    if (ready) return;
  }
  throw new Error(`${url} does not answer`);
}
