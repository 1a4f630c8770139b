import { Client as DiscordClient, Events } from "discord.js";
import { Redis } from "ioredis";
import { afterAll, expect, test } from "vitest";
import { redisKeys } from "../../core/redis-keys.ts";
import {
  defineStartScript,
  recommendedShards,
  startsPerDay,
  startsTaken,
  takeStart,
} from "../../core/session-starts.ts";
import type { Client } from "../harness/client.ts";
import { addApi, startPlatform } from "../harness/platform.ts";
import { Socket } from "../harness/socket.ts";

/** Few enough that a test comes to the end of them. */
const PER_DAY = 4;
const limits = { IDENTIFY_LIMIT: String(PER_DAY), MAX_CONCURRENCY: "2", GUILDS_PER_SHARD: "2" };

const platform = await startPlatform({ apis: 0, gateways: 2, env: { RATE_LIMITS: "on", ...limits } });
await addApi(platform, limits);
const person = await platform.person();
const redis = new Redis(platform.stores.redisUrl);
defineStartScript(redis);
afterAll(() => redis.disconnect());

/** Sends IDENTIFY; resolves with READY, or INVALID_SESSION, or nothing when the socket closes. */
async function tryToStart(client: Client, options: { gateway?: number; shard?: [number, number] } = {}) {
  const socket = await Socket.open(platform.gatewayUrl(options.gateway ?? 0));
  const { shard } = options;
  socket.send(2, { token: client.token?.replace("Bot ", ""), intents: 1, properties: {}, ...(shard ? { shard } : {}) });
  const answer = await socket.next(({ t, op }) => t === "READY" || op === 9).catch(() => null);
  return { socket, answer };
}

/** As if the five seconds of this bucket were over. */
const windowOver = (bot: Client, bucket = 0) => redis.del(redisKeys.identify(bot.id, bucket));
const startLimit = async (bot: Client) => (await bot.get("/gateway/bot")).session_start_limit;

test("a second IDENTIFY of a bucket within five seconds gets INVALID_SESSION on any node, and may try again", async () => {
  const bot = await platform.bot(person);
  const startedAt = performance.now();
  const first = await tryToStart(bot, { gateway: 0 });
  expect(first.answer?.t).toBe("READY");
  const second = await tryToStart(bot, { gateway: 1 });
  expect(second.answer).toMatchObject({ op: 9, d: false });
  expect((await startLimit(bot)).remaining).toBe(PER_DAY - 1);
  // The same socket asks again and again; the real window passes.
  let refusals = 1;
  while (!second.socket.received.some(({ t }) => t === "READY")) {
    await new Promise((resolve) => setTimeout(resolve, 250));
    second.socket.send(2, { token: bot.token?.replace("Bot ", ""), intents: 1, properties: {} });
    await second.socket.next(({ t }) => t === "READY" || invalid(second.socket) > refusals);
    refusals = invalid(second.socket);
  }
  expect(performance.now() - startedAt).toBeGreaterThan(4700);
  expect(first.socket.closed).toBeNull();
  expect((await startLimit(bot)).remaining).toBe(PER_DAY - 2);
});

const invalid = (socket: Socket) => socket.received.filter(({ op }) => op === 9).length;

test("buckets are shard_id % max_concurrency, and each takes one of many at the same moment", async () => {
  const bot = await platform.bot(person);
  const shards = Array.from({ length: 16 }, (_, id) => id);
  const starts = await Promise.all(shards.map((id) => tryToStart(bot, { gateway: id % 2, shard: [id, 16] })));
  const started = shards.filter((id) => starts[id]?.answer?.t === "READY");
  expect(started).toHaveLength(2);
  expect(started.map((id) => id % 2).sort()).toEqual([0, 1]);
  expect(starts.filter(({ answer }) => answer?.op === 9)).toHaveLength(14);
  // One bucket's window doesn't open the other's.
  await windowOver(bot, 1);
  expect((await tryToStart(bot, { shard: [4, 16] })).answer?.op).toBe(9);
  expect((await tryToStart(bot, { shard: [5, 16] })).answer?.t).toBe("READY");
  expect(await startLimit(bot)).toMatchObject({ remaining: PER_DAY - 3, max_concurrency: 2 });
});

test("a bot that has used up its day is closed with 4004; its token, its sessions and RESUME go on", async () => {
  const bot = await platform.bot(person);
  expect(await startLimit(bot)).toEqual({ total: PER_DAY, remaining: PER_DAY, reset_after: 0, max_concurrency: 2 });
  let last: Socket | undefined;
  for (let i = 1; i <= PER_DAY; i++) {
    await windowOver(bot);
    const { socket, answer } = await tryToStart(bot);
    expect(answer?.t).toBe("READY");
    last = socket;
    socket.sessionId = answer?.d.session_id;
    expect((await startLimit(bot)).remaining).toBe(PER_DAY - i);
  }
  const { reset_after } = await startLimit(bot);
  expect(reset_after).toBeGreaterThan(86_400_000 - 600_000);
  expect(reset_after).toBeLessThanOrEqual(86_400_000);

  await windowOver(bot);
  const refused = await tryToStart(bot, { gateway: 1 });
  expect(await refused.socket.closing()).toBe(4004);
  expect(refused.socket.closed?.reason).toContain("GET /gateway/bot");
  expect(last?.closed).toBeNull();

  last?.cut();
  const again = await Socket.open(platform.gatewayUrl(1));
  expect((await again.resume(bot.token ?? "", last?.sessionId ?? "", last?.seq ?? 0)).t).toBe("RESUMED");
  expect((await startLimit(bot)).remaining).toBe(0);

  // The day ends.
  await redis.pexpire(redisKeys.starts(bot.id), 1);
  await expect.poll(async () => (await startLimit(bot)).remaining).toBe(PER_DAY);
  expect((await tryToStart(bot)).answer?.t).toBe("READY");
});

test("of 1001 starts in a day the last is refused, and the day begins with the first", async () => {
  const account = "1001";
  const perDay = startsPerDay(1000, 150_000);
  const starts = Array.from({ length: 1001 }, (_, i) => takeStart(redis, account, i, { atOnce: 1, perDay }));
  const verdicts = await Promise.all(starts);
  expect(verdicts.slice(0, 1000).every((verdict) => verdict === "granted")).toBe(true);
  expect(verdicts[1000]).toBe("used up");
  const day = await startsTaken(redis, account);
  expect(day.taken).toBe(1000);
  // Later starts don't put the end off.
  await redis.pexpire(redisKeys.starts(account), 5000);
  await takeStart(redis, account, 2000, { atOnce: 1, perDay: 1001 });
  expect((await startsTaken(redis, account)).resetAfterMs).toBeLessThanOrEqual(5000);
});

test("large bots have more starts, and every bot is advised of shards for its guilds", () => {
  expect([0, 150_000, 150_001, 1_000_000].map((guilds) => startsPerDay(1000, guilds))).toEqual([
    1000, 1000, 2000, 5000,
  ]);
  expect(startsPerDay(9000, 1_000_000)).toBe(9000);
  expect([0, 1, 1000, 1001, 25_000].map((guilds) => recommendedShards(guilds, 2500))).toEqual([1, 1, 1, 2, 25]);
});

test("4011: a bot whose session would have more guilds than a shard may; with shards it starts", async () => {
  const guilds: string[] = [];
  // One after the other, so that each has a millisecond of its own, which its shard is computed from.
  for (let i = 0; i < 3; i++) guilds.push((await platform.guild(person)).id);
  const bot = await platform.bot(person);
  for (const id of guilds) {
    await person.post(`/oauth2/authorize?client_id=${bot.id}&scope=bot&permissions=0`, {
      guild_id: id,
      authorize: true,
    });
  }
  expect((await bot.get("/gateway/bot")).shards).toBe(2);
  const { socket } = await tryToStart(bot);
  expect(await socket.closing()).toBe(4011);
  await windowOver(bot, 0);
  await windowOver(bot, 1);
  const shard = Number((BigInt(guilds[0] ?? 0) >> 22n) % 9973n);
  const { answer } = await tryToStart(bot, { shard: [shard, 9973] });
  expect(answer?.t).toBe("READY");
  expect(answer?.d.guilds).toEqual([{ id: guilds[0], unavailable: true }]);
});

test("people may open five sessions at a time, and any number a day", async () => {
  const starts = await Promise.all(Array.from({ length: 6 }, (_, i) => tryToStart(person, { gateway: i % 2 })));
  expect(starts.filter(({ answer }) => answer?.t === "READY")).toHaveLength(5);
  expect(starts.filter(({ answer }) => answer?.op === 9)).toHaveLength(1);
  await redis.set(redisKeys.starts(person.id), 5000);
  await windowOver(person);
  expect((await tryToStart(person)).answer?.t).toBe("READY");
});

test("discord.js comes up with more shards than may start at once, and beside a copy of itself", async () => {
  const bot = await platform.bot(person);
  const copies = [1, 2].map(
    () => new DiscordClient({ intents: [], shardCount: 2, rest: { api: `${platform.url()}/api` } }),
  );
  await Promise.all(
    copies.map(async (client) => {
      const ready = new Promise((resolve) => client.once(Events.ClientReady, resolve));
      await client.login(bot.token?.replace("Bot ", ""));
      await ready;
    }),
  );
  expect((await startLimit(bot)).remaining).toBe(PER_DAY - 4);
  await Promise.all(copies.map((client) => client.destroy()));
});
