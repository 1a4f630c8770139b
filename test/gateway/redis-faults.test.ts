import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { addGateway, startPlatform } from "../harness/platform.ts";
import { Socket } from "../harness/socket.ts";
import { startTcpProxy } from "../harness/tcp-proxy.ts";

const platform = await startPlatform();
const redis = new URL(platform.stores.redisUrl);
const proxy = await startTcpProxy(Number(redis.port));
redis.port = String(proxy.port);
// A second node, which reaches Redis only through the proxy; the first is the control.
await addGateway(platform, { REDIS_URL: redis.href });
const person = await platform.person();
const guild = await platform.guild(person);

async function say(count: number, label: string): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    ids.push((await person.post(`/channels/${guild.channelId}/messages`, { content: `${label} ${i}` })).id);
  }
  return ids;
}

const heard = (socket: Socket, label: string): string[] =>
  socket.dispatches.filter(({ t, d }) => t === "MESSAGE_CREATE" && d.content.startsWith(label)).map(({ d }) => d.id);

test("a node whose connection to Redis is cut reads what it missed, in order, once", async () => {
  const socket = await platform.socket(person, { gateway: 1 });
  const ids = await say(5, "cut");
  proxy.cut();
  ids.push(...(await say(20, "cut")));
  await socket.event("MESSAGE_CREATE", (d) => d.id === ids.at(-1));
  expect(heard(socket, "cut")).toEqual(ids);
  const sequence = socket.dispatches.map(({ s }) => s ?? 0);
  expect(sequence).toEqual([...sequence].sort((a, b) => a - b));
  socket.close();
});

test("a node that is connected and mute notices by its probe, and reads what it missed", async () => {
  const socket = await platform.socket(person, { gateway: 1 });
  const control = await platform.socket(person, { gateway: 0 });
  const ids = await say(3, "mute");
  await socket.event("MESSAGE_CREATE", (d) => d.id === ids.at(-1));
  proxy.mute();
  ids.push(...(await say(100, "mute")));
  await control.event("MESSAGE_CREATE", (d) => d.id === ids.at(-1));
  // The fault is real: without a word of error nothing comes.
  expect(heard(socket, "mute")).toEqual(ids.slice(0, 3));
  await socket.event("MESSAGE_CREATE", (d) => d.id === ids.at(-1));
  expect(heard(socket, "mute")).toEqual(ids);
  socket.close();
  control.close();
});

test("a guild that is joined while a session starts is told of, at whatever moment that is", async () => {
  const newcomer = await platform.person("newcomer");
  const invites: string[] = [];
  for (let i = 0; i < 20; i++) {
    const { channelId } = await platform.guild(person, `Joined ${i}`);
    invites.push((await person.post(`/channels/${channelId}/invites`, {})).code);
  }
  const socket = await Socket.open(platform.gatewayUrl(1));
  proxy.slow(60);
  const ready = socket.identify(newcomer.token ?? "");
  const joined: string[] = [];
  for (const code of invites) {
    joined.push((await newcomer.post(`/invites/${code}`, {})).guild.id);
    await sleep(25);
  }
  await ready;
  const told = () => socket.dispatches.flatMap(({ t, d }) => (t === "GUILD_CREATE" ? [d.id] : []));
  await expect.poll(() => told().length).toBeGreaterThanOrEqual(joined.length);
  expect(told().sort()).toEqual([...joined].sort());
  const sequence = socket.dispatches.map(({ s }) => s ?? 0);
  expect(sequence).toEqual([...sequence].sort((a, b) => a - b));
  proxy.slow(0);
  socket.close();
});
