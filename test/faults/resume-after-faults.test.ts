import { Redis } from "ioredis";
import { expect, test } from "vitest";
import { Follower } from "../harness/follower.ts";
import { startGatewayProcess } from "../harness/gateway-process.ts";
import { startPlatform } from "../harness/platform.ts";
import { redisFaults } from "../harness/redis-faults.ts";
import { startTcpProxy } from "../harness/tcp-proxy.ts";

const platform = await startPlatform({ gateways: 2, apis: 2 });
const redis = redisFaults(platform.stores);
const person = await platform.person();
const guild = await platform.guild(person);
const bot = await platform.bot(person, guild.id, "8");
const QUERIES = [
  "v=10&encoding=json",
  "v=10&encoding=etf",
  "v=10&encoding=json&compress=zlib-stream",
  "v=10&encoding=json&compress=zstd-stream",
];
/** So that a frame is longer than what the kernel passes at once. */
const PADDING = "x".repeat(1500);

/**
 * While somebody writes, a fault comes to followers of every kind on the gateway `url`; they come back to the others.
 * Each must have got every message once, in order, with numbers that never fall.
 */
async function follow(url: string, fault: () => Promise<unknown>, resumes = true): Promise<void> {
  const followers = QUERIES.map((query) => new Follower(bot, [url, platform.gatewayUrl(1)], query));
  for (const follower of followers) await follower.start();
  const ids: string[] = [];
  let over = false;
  const writing = (async () => {
    while (!over) {
      person.api = ids.length % 2;
      const message = await person.post(`/channels/${guild.channelId}/messages`, { content: `hello ${PADDING}` });
      ids.push(message.id);
    }
  })();
  await expect.poll(() => ids.length).toBeGreaterThan(20);
  await fault();
  const after = ids.length;
  await expect.poll(() => ids.length, { timeout: 30_000 }).toBeGreaterThan(after + 50);
  over = true;
  await writing;
  for (const follower of followers) {
    await expect.poll(() => follower.all().messages.at(-1), { timeout: 45_000 }).toBe(ids.at(-1));
    const { messages, sequence } = follower.all();
    expect(messages).toEqual(ids);
    expect(sequence).toEqual([...sequence].sort((a, b) => a - b));
    expect(new Set(follower.returns)).toEqual(new Set(resumes ? ["RESUMED"] : []));
    follower.stop();
  }
}

test("a node is killed -9", async () => {
  const gateway = await startGatewayProcess(platform.stores);
  await follow(gateway.url, async () => gateway.signal("SIGKILL"));
}, 120_000);

test("a node is shut down", async () => {
  const gateway = await startGatewayProcess(platform.stores);
  await follow(gateway.url, async () => gateway.signal("SIGTERM"));
}, 120_000);

test("the clients' network drops amid a frame, again and again, also amid the replay", async () => {
  const proxy = await startTcpProxy(Number(new URL(platform.gatewayUrl(0)).port));
  await follow(`ws://127.0.0.1:${proxy.port}`, async () => {
    for (let cuts = 0; cuts < 20; cuts++) {
      proxy.cut("mid-frame");
      await new Promise((resolve) => setTimeout(resolve, 10 * cuts));
    }
  });
}, 120_000);

test("Redis restarts", async () => {
  await follow(
    platform.gatewayUrl(0),
    async () => {
      await redis.kill();
      await redis.start();
    },
    false,
  );
}, 120_000);

test("every connection to Redis is cut, again and again, and a node dies amid it", async () => {
  const gateway = await startGatewayProcess(platform.stores);
  await follow(gateway.url, async () => {
    const admin = new Redis(platform.stores.redisUrl);
    for (let i = 0; i < 6; i++) {
      await admin.call("CLIENT", "KILL", "TYPE", "pubsub");
      await admin.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
      if (i === 3) gateway.signal("SIGKILL");
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    admin.disconnect();
  });
}, 120_000);
