import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { type PrivateService, startPostgres } from "../../bin/services/postgres.ts";
import { startRedis } from "../../bin/services/redis.ts";
import { migrate } from "../../core/migrate.ts";
import { addApi, addGateway, Platform } from "./platform.ts";

/** What can happen to the Postgres of a test file that has one of its own. */
export interface PostgresFaults {
  /** kill -9 of the server; resolves when it is gone. */
  kill(): Promise<void>;
  /** Ends it in good order, open transactions rolled back. */
  stop(): Promise<void>;
  /** Starts it on the same port, with what was committed. */
  start(): Promise<void>;
}

/** A platform whose Postgres no other file uses, with the durability that `npm start` gives it. */
export async function startPlatformWithPostgres(): Promise<{ platform: Platform; database: PostgresFaults }> {
  const dir = await mkdtemp(join(tmpdir(), "guildhall-faults-"));
  let postgres: PrivateService = await startPostgres(dir);
  const redis = await startRedis(dir);
  await migrate(postgres.url);
  const env = {
    ...process.env,
    DATABASE_URL: postgres.url,
    REDIS_URL: redis.url,
    GUILDHALL_DATA: dir,
    LOG_LEVEL: process.env.LOG_LEVEL ?? "silent",
    RATE_LIMITS: "off",
  };
  const platform = new Platform({ databaseUrl: postgres.url, redisUrl: redis.url, dir, env });
  await addGateway(platform);
  await addApi(platform);
  afterAll(async () => {
    await Promise.all([...platform.apis, ...platform.gateways].map((each) => each.stop()));
    await Promise.all([postgres.stop(), redis.stop()]);
    await rm(dir, { recursive: true, force: true });
  });
  return {
    platform,
    database: {
      kill: async () => {
        process.kill(Number.parseInt(readFileSync(join(dir, "postgres/data/postmaster.pid"), "utf8"), 10), "SIGKILL");
        await postgres.ended;
      },
      stop: () => postgres.stop(),
      start: async () => {
        postgres = await startPostgres(dir);
      },
    },
  };
}
