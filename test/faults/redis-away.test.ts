import { Redis } from "ioredis";
import postgres from "postgres";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { Client } from "../harness/client.ts";
import { addApi, startPlatform } from "../harness/platform.ts";
import { redisFaults } from "../harness/redis-faults.ts";
import type { Socket } from "../harness/socket.ts";

const platform = await startPlatform({ apis: 1 });
const first = await apiConnections();
await addApi(platform);
const second = (await apiConnections()).filter((id) => !first.includes(id));
const redis = redisFaults(platform.stores);
const person = await platform.person();
const other = await platform.person();
const guild = await platform.guild(person);
const channels = [guild.channelId, (await person.post(`/guilds/${guild.id}/channels`, { name: "second" })).id];
const dm = await person.post("/users/@me/channels", { recipient_id: other.id });
const socket = await platform.socket(person);
const theirs = await platform.socket(other);
const sql = postgres(platform.stores.databaseUrl, { max: 1 });
afterAll(() => sql.end());

const clients = [0, 1].map((api) => {
  const client = new Client(platform, person.token, person.id);
  client.api = api;
  return client;
});

/** What was posted, and is expected: ids in order. */
interface Posted {
  guild: string[];
  dm: string[];
}

/** One client posts one after another, by turns to both APIs, into both channels and the conversation. */
async function post(count: number, into: Posted): Promise<void> {
  for (let i = 0; i < count; i++) {
    const client = clients[i % 2] ?? person;
    const { id } = await client.post(`/channels/${channels[i % 3 === 0 ? 0 : 1]}/messages`, {
      content: `message ${i}`,
    });
    into.guild.push(id);
    if (i % 4 === 0) into.dm.push((await client.post(`/channels/${dm.id}/messages`, { content: `dm ${i}` })).id);
  }
}

/** All of it has come, in its order, once each. */
async function expectArrived(posted: Posted, by: Socket = socket): Promise<void> {
  const wanted = by === socket ? [posted.guild, posted.dm] : [[], posted.dm];
  for (const id of wanted.flat()) await by.event("MESSAGE_CREATE", (d) => d.id === id);
  await by.settled();
  const arrived = by.dispatches.flatMap(({ t, d }) => (t === "MESSAGE_CREATE" ? [String(d.id)] : []));
  for (const ids of wanted) expect(arrived.filter((id) => ids.includes(id))).toEqual(ids);
  const numbers = by.dispatches.map(({ s }) => s ?? 0);
  expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
}

const outboxRows = async () => (await sql`select id from event_outbox`).length;
const ready = async (url: string) => (await fetch(`${url.replace("ws:", "http:")}/readyz`)).status;

async function apiConnections(): Promise<string[]> {
  return withRedis(async (commands) => {
    const lines = String(await commands.client("LIST")).split("\n");
    return lines.flatMap((line) => (/ name=api\b/.test(line) ? (/^id=(\d+)/.exec(line)?.slice(1) ?? []) : []));
  });
}

async function withRedis<T>(work: (commands: Redis) => Promise<T>): Promise<T> {
  const commands = new Redis(platform.stores.redisUrl);
  commands.on("error", () => {});
  try {
    return await work(commands);
  } finally {
    commands.disconnect();
  }
}

afterEach(async () => {
  await vi.waitFor(async () => expect(await outboxRows()).toBe(0), 10_000);
  expect(socket.closed).toBeNull();
});

describe("Redis killed", () => {
  test("writes go on; when it is back, what happened meanwhile arrives in order, once, and before what comes after", async () => {
    const posted: Posted = { guild: [], dm: [] };
    await post(10, posted);
    await redis.kill();
    await post(40, posted);
    const renamed = await person.patch(`/channels/${channels[1]}`, { name: "renamed-meanwhile" });
    expect(await outboxRows()).toBeGreaterThan(0);
    // The API does without Redis for a while; a gateway doesn't, but keeps its sockets.
    expect(await ready(platform.url(0))).toBe(200);
    expect(await ready(platform.url(1))).toBe(200);
    expect(await ready(platform.gatewayUrl())).toBe(503);
    await redis.start();
    await post(40, posted);
    await expectArrived(posted);
    await expectArrived(posted, theirs);
    await socket.event("CHANNEL_UPDATE", (d) => d.name === renamed.name);
    await vi.waitFor(async () => expect(await ready(platform.gatewayUrl())).toBe(200), 10_000);
  });

  test("again and again while a client posts", async () => {
    const posted: Posted = { guild: [], dm: [] };
    let over = false;
    const posting = (async () => {
      while (!over) await post(1, posted);
    })();
    for (let i = 0; i < 3; i++) {
      await redis.kill();
      await redis.start();
    }
    over = true;
    await posting;
    await post(5, posted);
    await expectArrived(posted);
    await expectArrived(posted, theirs);
  });

  test("what waits is told by another API process when the one that stored it is gone", async () => {
    const third = await addApi(platform);
    const client = new Client(platform, person.token, person.id);
    client.api = platform.apis.indexOf(third);
    await redis.kill();
    const ids: string[] = [];
    for (let i = 0; i < 6; i++)
      ids.push((await client.post(`/channels/${guild.channelId}/messages`, { content: "x" })).id);
    await third.stop();
    platform.apis.pop();
    await redis.start();
    await expectArrived({ guild: ids, dm: [] });
  });
});

test("Redis mute for a while: connections live and nothing answers; the same holds", async () => {
  const posted: Posted = { guild: [], dm: [] };
  await post(4, posted);
  redis.pause();
  try {
    await post(12, posted);
    expect(await ready(platform.url(0))).toBe(200);
  } finally {
    redis.goOn();
  }
  await post(12, posted);
  await expectArrived(posted);
  await expectArrived(posted, theirs);
});

test("one API process that loses its connections, over and over, while another has them: order holds", async () => {
  const posted: Posted = { guild: [], dm: [] };
  let over = false;
  let kills = 0;
  const cutting = withRedis(async (commands) => {
    while (!over) {
      for (const id of await apiConnections()) {
        if (!second.includes(id)) kills += Number(await commands.client("KILL", "ID", id));
      }
    }
  });
  for (let i = 0; i < 1000 && kills < 30; i++) await post(1, posted);
  expect(kills).toBeGreaterThan(0);
  await post(20, posted);
  over = true;
  await cutting;
  await post(5, posted);
  await expectArrived(posted);
  await expectArrived(posted, theirs);
});
