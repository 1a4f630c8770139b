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

const MESSAGES = 20;

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

  const [postStatements, scripts] = await costOf(post);
  // The account is looked up anew every three seconds, and housekeeping has its own.
  expect(postStatements).toBeGreaterThanOrEqual(2 * MESSAGES);
  expect(postStatements).toBeLessThan(2.5 * MESSAGES);
  expect(scripts).toBeGreaterThanOrEqual(MESSAGES);
  expect(scripts).toBeLessThan(1.5 * MESSAGES);
  const [listStatements] = await costOf(list);
  expect(listStatements).toBeLessThan(2.5 * MESSAGES);
});

/** Statements and scripts that so many runs of `work` take. */
async function costOf(work: () => Promise<void>): Promise<[number, number]> {
  const before = [counter.statements(), await scriptsRun()] as const;
  for (let i = 0; i < MESSAGES; i++) await work();
  return [counter.statements() - before[0], (await scriptsRun()) - before[1]];
}

async function scriptsRun(): Promise<number> {
  const stats = await redis.info("commandstats");
  return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0);
}
