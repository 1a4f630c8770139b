import { Redis } from "ioredis";
import { afterAll, expect, test } from "vitest";
import { addApi, startPlatform } from "../harness/platform.ts";
import { countStatements } from "../harness/statement-counter.ts";

// What a message costs in round trips: two statements and one script. A third statement would go unseen by every other
// test, and be a quarter of the API's time.

const platform = await startPlatform({ gateways: 1, apis: 1 });
const counter = await countStatements(platform.stores.databaseUrl);
await addApi(platform, { DATABASE_URL: counter.url });
const redis = new Redis(platform.stores.redisUrl);
afterAll(() => redis.disconnect());

const RUNS = 21;

test("a message takes two statements and one script, a list of messages two statements", async () => {
  const owner = await platform.person();
  const guild = await platform.guild(owner);
  const url = `${platform.url(1)}/api/v10/channels/${guild.channelId}/messages`;
  const headers = { authorization: owner.token ?? "", "content-type": "application/json" };
  const post = async () => {
    const body = JSON.stringify({ content: "A message without mentions." });
    expect((await fetch(url, { method: "POST", headers, body })).status).toBe(200);
  };
  const list = async () => {
    expect((await fetch(url, { headers })).status).toBe(200);
  };
  // Connects, and learns the account.
  await post();

  expect(await costOf(post)).toEqual({ statements: 2, scripts: 1 });
  expect(await costOf(list)).toMatchObject({ statements: 2 });
});

/**
 * Statements and scripts that a run of `work` takes: the median, as the account is looked up anew every three seconds and
 * housekeeping has its own, more of them the slower the machine is.
 */
async function costOf(work: () => Promise<void>): Promise<{ statements: number; scripts: number }> {
  const statements: number[] = [];
  const scripts: number[] = [];
  for (let i = 0; i < RUNS; i++) {
    const before = [counter.statements(), await scriptsRun()] as const;
    await work();
    statements.push(counter.statements() - before[0]);
    scripts.push((await scriptsRun()) - before[1]);
  }
  return { statements: median(statements), scripts: median(scripts) };
}

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

async function scriptsRun(): Promise<number> {
  const stats = await redis.info("commandstats");
  return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0);
}
