import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import postgres from "postgres";
import { afterAll, describe, expect, it } from "vitest";
import { type PrivateService, startPostgres } from "../../bin/services/postgres.ts";
import { startRedis } from "../../bin/services/redis.ts";
import { processesOf } from "./guildhall-process.ts";

const root = mkdtempSync(join(tmpdir(), "guildhall-services-"));
// Where root runs this, Postgres runs as another user, who must be able to go through.
chmodSync(root, 0o711);
const running: PrivateService[] = [];
afterAll(async () => {
  await Promise.all(running.map((service) => service.stop()));
  rmSync(root, { recursive: true, force: true });
});

interface Kind {
  name: string;
  start: typeof startPostgres;
  pidFile: string;
  /** Adds one to a stored number and reads it. */
  count(url: string): Promise<number>;
}

async function countInPostgres(url: string): Promise<number> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    await sql`create table if not exists counted (id int)`;
    await sql`insert into counted values (1)`;
    return (await sql`select * from counted`).length;
  } finally {
    await sql.end();
  }
}

async function countInRedis(url: string): Promise<number> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: null });
  redis.on("error", () => {});
  try {
    return await redis.incr("counted");
  } finally {
    redis.disconnect();
  }
}

const kinds: Kind[] = [
  { name: "Postgres", start: startPostgres, pidFile: "postgres/data/postmaster.pid", count: countInPostgres },
  { name: "Redis", start: startRedis, pidFile: "redis/redis.pid", count: countInRedis },
];

describe.each(kinds)("the private $name", ({ name, start, pidFile, count }) => {
  const folder = join(root, name);
  const pidIn = () => Number.parseInt(readFileSync(join(folder, pidFile), "utf8"), 10);
  const launch = async () => {
    const service = await start(folder);
    running.push(service);
    return service;
  };

  it("keeps its data, its port and its password from one start to the next", async () => {
    const first = await launch();
    expect(await count(first.url)).toBe(1);
    await first.stop();
    expect(processesOf(folder)).toEqual([]);
    const second = await launch();
    expect(second.url).toBe(first.url);
    expect(await count(second.url)).toBe(2);
    await second.stop();
  });

  it("lets nobody in without the password", async () => {
    const service = await launch();
    const url = new URL(service.url);
    url.password = "guess";
    await expect(count(url.href)).rejects.toThrow();
    url.password = "";
    await expect(count(url.href)).rejects.toThrow();
    await service.stop();
  });

  it("starts again after it was killed outright", async () => {
    const service = await launch();
    process.kill(pidIn(), "SIGKILL");
    await service.ended;
    const again = await launch();
    expect(await count(again.url)).toBe(3);
    await again.stop();
  });

  it("is not taken in by a pid file whose number is another process's now", async () => {
    const stranger = spawn("sleep", ["60"]);
    writeFileSync(join(folder, pidFile), `${stranger.pid}\n${join(folder, "postgres/data")}\n1\n5432\n\n*\n`);
    const service = await launch();
    expect(await count(service.url)).toBe(4);
    await service.stop();
    expect(stranger.exitCode).toBeNull();
    stranger.kill();
  });

  it("can be stopped twice, and when it has ended by itself", async () => {
    const service = await launch();
    process.kill(pidIn(), "SIGTERM");
    await service.ended;
    await service.stop();
    await service.stop();
    expect(processesOf(folder)).toEqual([]);
  });
});

describe("a private Postgres", () => {
  it("begins anew where an earlier start was cut off while it made the data folder", async () => {
    const folder = join(root, "half");
    mkdirSync(join(folder, "postgres", "draft", "base"), { recursive: true });
    writeFileSync(join(folder, "postgres", "draft", "PG_VERSION"), "1\n");
    const service = await startPostgres(folder, { fast: true });
    running.push(service);
    expect(await countInPostgres(service.url)).toBe(1);
    await service.stop();
  });

  it("says what is wrong with a data folder that no Postgres here can read", async () => {
    const folder = join(root, "ancient");
    mkdirSync(join(folder, "postgres", "data"), { recursive: true });
    writeFileSync(join(folder, "postgres", "data", "PG_VERSION"), "8\n");
    await expect(startPostgres(folder)).rejects.toThrow(/^Postgres 8, which made the data folder, can't be found/);
  });
});
