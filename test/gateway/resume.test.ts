import { describe, expect, test } from "vitest";
import { guildLog, redisKeys } from "../../core/redis-keys.ts";
import type { Client } from "../harness/client.ts";
import { addGateway, startPlatform } from "../harness/platform.ts";
import { Socket } from "../harness/socket.ts";

const platform = await startPlatform({ gateways: 2 });
const person = await platform.person();
const guild = await platform.guild(person);
const bot = await platform.bot(person, guild.id, "8");

async function post(count: number, label: string, client: Client = person): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    ids.push((await client.post(`/channels/${guild.channelId}/messages`, { content: `${label} ${i}` })).id);
  }
  return ids;
}

const messageIds = (socket: Socket, label: string): string[] =>
  socket.dispatches.filter(({ t, d }) => t === "MESSAGE_CREATE" && d.content.startsWith(label)).map(({ d }) => d.id);

const formats = ["json", "etf"].flatMap((encoding) =>
  ["", "&compress=zlib-stream", "&compress=zstd-stream"].map((compress) => `v=10&encoding=${encoding}${compress}`),
);

describe.each(formats)("a session over %s", (query) => {
  test("resumes on another node: nothing lost, nothing repeated, in order, then live", async () => {
    const label = `resume ${query}`;
    const first = await platform.socket(bot, { gateway: 0, query });
    const before = await post(5, label);
    await first.event("MESSAGE_CREATE", (d) => d.id === before.at(-1));
    first.cut();
    const missed = await post(20, label);

    const second = await Socket.open(platform.gatewayUrl(1), query);
    const during = post(20, label);
    expect((await second.resume(bot.token ?? "", first.sessionId, first.seq)).t).toBe("RESUMED");
    const after = [...(await during), ...(await post(5, label))];
    await second.event("MESSAGE_CREATE", (d) => d.id === after.at(-1));
    expect(messageIds(first, label)).toEqual(before);
    expect(messageIds(second, label)).toEqual([...missed, ...after]);
    const sequence = second.dispatches.map(({ s }) => s ?? 0);
    expect(sequence).toEqual([...sequence].sort((a, b) => a - b));
    second.close();
  });
});

test("a node that shuts down asks to reconnect, and its sessions go on elsewhere", async () => {
  const node = await addGateway(platform);
  const index = platform.gateways.indexOf(node);
  const socket = await platform.socket(bot, { gateway: index });
  await node.stop();
  platform.gateways.splice(index, 1);
  expect(socket.received.some(({ op }) => op === 7)).toBe(true);
  await socket.closing();
  const missed = await post(3, "shutdown");
  const again = await Socket.open(platform.gatewayUrl(0));
  await again.resume(bot.token ?? "", socket.sessionId, socket.seq);
  expect(messageIds(again, "shutdown")).toEqual(missed);
  again.close();
});

test("a session that is resumed elsewhere takes the place of its old socket", async () => {
  const old = await platform.socket(bot, { gateway: 0 });
  const fresh = await Socket.open(platform.gatewayUrl(1));
  await fresh.resume(bot.token ?? "", old.sessionId, old.seq);
  expect(await old.closing()).toBe(4009);
  fresh.close();
});

test("a guild joined while away comes with RESUME, and messages in it since", async () => {
  const newcomer = await platform.bot(person);
  const socket = await platform.socket(newcomer, { gateway: 0 });
  socket.cut();
  const joined = await platform.guild(person, "Joined meanwhile");
  await person.post(`/channels/${joined.channelId}/messages`, { content: "before the join" });
  await person.post(`/oauth2/authorize?client_id=${newcomer.id}&scope=bot&permissions=8`, {
    guild_id: joined.id,
    authorize: true,
  });
  await person.post(`/channels/${joined.channelId}/messages`, { content: "after the join" });
  const again = await Socket.open(platform.gatewayUrl(1));
  await again.resume(newcomer.token ?? "", socket.sessionId, socket.seq);
  const names = again.dispatches.map(({ t, d }) => (t === "MESSAGE_CREATE" ? d.content || "welcome" : t));
  // Its own arrival there is told as well, sooner or later, and noted.
  const own = [
    "GUILD_MEMBER_ADD",
    "PRESENCE_UPDATE",
    "GUILD_AUDIT_LOG_ENTRY_CREATE",
    "INTEGRATION_CREATE",
    "GUILD_INTEGRATIONS_UPDATE",
  ];
  expect(names.filter((name) => !own.includes(name))).toEqual(["GUILD_CREATE", "welcome", "after the join", "RESUMED"]);
  await person.post(`/channels/${joined.channelId}/messages`, { content: "live" });
  await again.event("MESSAGE_CREATE", (d) => d.content === "live");
  again.close();
});

describe("INVALID_SESSION answers", () => {
  const invalid = { op: 9, d: false };

  test("a session that doesn't exist", async () => {
    const socket = await Socket.open(platform.gatewayUrl(0));
    expect(await socket.resume(bot.token ?? "", "0".repeat(32), 1)).toMatchObject(invalid);
    // The same socket may identify.
    await socket.identify(bot.token ?? "");
    socket.close();
  });

  test("somebody else's session, which stays alive", async () => {
    const socket = await platform.socket(bot);
    const thief = await platform.bot(person, guild.id);
    const other = await Socket.open(platform.gatewayUrl(1));
    expect(await other.resume(thief.token ?? "", socket.sessionId, socket.seq)).toMatchObject(invalid);
    await socket.settled();
    expect(socket.closed).toBeNull();
    const seq = socket.seq;
    socket.cut();
    const again = await Socket.open(platform.gatewayUrl(1));
    expect((await again.resume(bot.token ?? "", socket.sessionId, seq)).t).toBe("RESUMED");
    again.close();
    other.close();
  });

  test("a client that never got its whole start", async () => {
    const socket = await platform.socket(bot);
    const ready = socket.dispatches.find(({ t }) => t === "READY");
    socket.cut();
    const again = await Socket.open(platform.gatewayUrl(0));
    expect(await again.resume(bot.token ?? "", socket.sessionId, ready?.s ?? 0)).toMatchObject(invalid);
    again.close();
  });

  test("events that the log no longer has", async () => {
    const busy = await platform.guild(person, "Trimmed");
    const watcher = await platform.bot(person, busy.id, "8");
    const socket = await platform.socket(watcher);
    socket.cut();
    await person.post(`/channels/${busy.channelId}/messages`, { content: "lost" });
    const { Redis } = await import("ioredis");
    const redis = new Redis(platform.stores.redisUrl);
    const epoch = (await redis.get(redisKeys.epoch)) ?? "";
    await redis.del(redisKeys.log(epoch, guildLog(busy.id)));
    await redis.quit();
    const again = await Socket.open(platform.gatewayUrl(1));
    expect(await again.resume(watcher.token ?? "", socket.sessionId, socket.seq)).toMatchObject(invalid);
    again.close();
  });
});

test("a token that is wrong closes with 4004", async () => {
  const socket = await platform.socket(bot);
  const other = await Socket.open(platform.gatewayUrl(1));
  other.send(6, { token: "nonsense", session_id: socket.sessionId, seq: socket.seq });
  expect(await other.closing()).toBe(4004);
  socket.close();
});
