import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { HIGHEST_NUMBER } from "../../core/event-log.ts";
import { redisKeys } from "../../core/redis-keys.ts";
import type { Client } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import { redisFaults } from "../harness/redis-faults.ts";
import { Socket } from "../harness/socket.ts";

const SOCKETS = 60;
const platform = await startPlatform({ gateways: 3, apis: 2 });
const faults = redisFaults(platform.stores);
const redis = new Redis(platform.stores.redisUrl);
redis.on("error", () => {});
afterAll(() => redis.disconnect());
const files = join(platform.stores.dir, "redis", "appendonlydir");
const people: Client[] = [];
const owner = await platform.person();
const guild = await platform.guild(owner);

beforeAll(async () => {
  for (let i = 0; i < 3; i++) {
    const person = await platform.person();
    await platform.join(owner, guild, person);
    people.push(person);
  }
});

interface Member {
  person: Client;
  socket: Socket;
}

async function connectAll(): Promise<Member[]> {
  const members: Member[] = [];
  for (let i = 0; i < SOCKETS; i++) {
    const person = people[i % people.length];
    if (person !== undefined) members.push({ person, socket: await platform.socket(person, { gateway: i % 3 }) });
  }
  return members;
}

let said = 0;
async function say(count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    said += 1;
    owner.api = said % 2;
    ids.push((await owner.post(`/channels/${guild.channelId}/messages`, { content: `message ${said}` })).id);
  }
  return ids;
}

/** All are told to start afresh, nothing more comes under the old session, a new one works. */
async function allStartAfresh(members: readonly Member[]): Promise<void> {
  for (const { socket } of members) {
    const told = await socket.next(({ op }) => op === 9);
    expect(told.d).toBe(false);
    expect(socket.received.slice(socket.received.indexOf(told) + 1).filter(({ op }) => op === 0)).toEqual([]);
    const before = socket.dispatches.map(({ s }) => s ?? 0);
    expect(before).toEqual([...before].sort((a, b) => a - b));
  }
  const [first] = members;
  if (first === undefined) throw new Error("nobody is there");
  // The old session is gone for RESUME too.
  const again = await Socket.open(platform.gatewayUrl(2));
  expect(await again.resume(first.person.token ?? "", first.socket.sessionId, first.socket.seq)).toMatchObject({
    op: 9,
  });
  again.close();
  const fresh = await connectAll();
  const [id] = await say(1);
  await Promise.all(fresh.map(({ socket }) => socket.event("MESSAGE_CREATE", (d) => d.id === id)));
  for (const { socket } of [...fresh, ...members]) socket.close();
}

describe("all sessions are told to start afresh", () => {
  test("when Redis is emptied, with every connection alive and nobody writing", async () => {
    const members = await connectAll();
    await redis.flushall();
    await allStartAfresh(members);
  });

  test("when Redis is emptied while people write", async () => {
    const members = await connectAll();
    const writing = say(60);
    await redis.flushall();
    await writing;
    await allStartAfresh(members);
  });

  test("when Redis restarts without its file", async () => {
    const members = await connectAll();
    await say(3);
    await faults.kill();
    await rm(files, { recursive: true });
    await faults.start();
    await allStartAfresh(members);
  });

  test("when Redis restarts from an older file, whoever comes first", async () => {
    const members = await connectAll();
    await say(5);
    await cp(files, `${files}-older`, { recursive: true });
    const [id] = (await say(20)).slice(-1);
    await Promise.all(members.map(({ socket }) => socket.event("MESSAGE_CREATE", (d) => d.id === id)));
    await faults.kill();
    await rm(files, { recursive: true });
    await cp(`${files}-older`, files, { recursive: true });
    await faults.start();
    await say(5);
    await allStartAfresh(members);
  });

  test("when the numbers near what clients can hold; none is ever above", async () => {
    const members = await connectAll();
    await redis.set(redisKeys.seq, HIGHEST_NUMBER - 3);
    await say(10);
    for (const { socket } of members) {
      await socket.next(({ op }) => op === 9);
      expect(socket.seq).toBeGreaterThan(HIGHEST_NUMBER - 3);
      expect(socket.seq).toBeLessThanOrEqual(HIGHEST_NUMBER);
    }
    await allStartAfresh(members);
    expect(Number(await redis.get(redisKeys.seq))).toBeLessThan(1_000_000);
  });
});

test("when Redis restarts with its file, all sessions go on and miss nothing", async () => {
  const members = await connectAll();
  const ids = await say(5);
  await faults.kill();
  ids.push(...(await say(5)));
  await faults.start();
  ids.push(...(await say(5)));
  for (const { socket } of members) {
    await socket.event("MESSAGE_CREATE", (d) => d.id === ids.at(-1));
    const heard = socket.dispatches.filter(({ t }) => t === "MESSAGE_CREATE").map(({ d }) => d.id);
    expect(heard).toEqual(ids);
    expect(socket.received.filter(({ op }) => op === 9)).toEqual([]);
    socket.close();
  }
});
