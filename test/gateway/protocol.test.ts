import { deflateSync } from "node:zlib";
import postgres from "postgres";
import { afterAll, describe, expect, test } from "vitest";
import { startPlatform } from "../harness/platform.ts";
import { Socket } from "../harness/socket.ts";

const platform = await startPlatform();
const person = await platform.person();
const guild = await platform.guild(person);
const bot = await platform.bot(person, guild.id, "8");
const token = (bot.token ?? "").replace("Bot ", "");
const sql = postgres(platform.stores.databaseUrl, { max: 1 });
afterAll(() => sql.end());

const identify = (extra: object = {}) => ({ token, intents: 1, properties: {}, ...extra });
const open = (query?: string) => Socket.open(platform.gatewayUrl(), query);

test("HELLO comes first, a heartbeat is answered, before and after IDENTIFY", async () => {
  const socket = await open();
  expect(socket.received[0]).toMatchObject({ op: 10, s: null, d: { heartbeat_interval: expect.any(Number) } });
  await socket.settled();
  await socket.identify(token);
  await socket.settled();
  socket.close();
});

test("a payload of 4096 bytes is taken, and a heartbeat with whatever libraries send before the first event", async () => {
  const socket = await open();
  const heartbeats = ["null", "0", "-1", "251"].map((d) => `{"op":1,"d":${d}}`);
  for (const text of ['{"op":1,"d":null}'.padEnd(4096), '{"op":1}', ...heartbeats]) socket.ws.send(text);
  await socket.next(() => socket.received.filter(({ op }) => op === 11).length === 6);
  expect(socket.closed).toBeNull();
  socket.close();
});

test("READY has what libraries read", async () => {
  const socket = await open();
  const ready = await socket.identify(token);
  expect(ready.d).toMatchObject({
    v: 10,
    user: { id: bot.id, bot: true },
    guilds: [{ id: guild.id, unavailable: true }],
    session_id: expect.stringMatching(/^[0-9a-f]{32}$/),
    resume_gateway_url: platform.gatewayUrl(),
    application: { id: bot.id, flags: expect.any(Number) },
    shard: [0, 1],
  });
  const { d } = await socket.event("GUILD_CREATE");
  expect(d).toMatchObject({
    id: guild.id,
    member_count: 2,
    unavailable: false,
    large: false,
    presences: [{ user: { id: bot.id }, status: "online", activities: [], client_status: { web: "online" } }],
    threads: [],
  });
  expect(d.members.map(({ user }: { user: { id: string } }) => user.id)).toContain(bot.id);
  expect(d.channels.map(({ id }: { id: string }) => id)).toEqual([guild.channelId]);
  expect(d.roles).toHaveLength(2);
  socket.close();
});

describe("close codes", () => {
  test.each([0, 5, 7, 9, 10, 11, -1])("4001: opcode %i, which clients don't send", async (op) => {
    const socket = await open();
    socket.send(op, null);
    expect(await socket.closing()).toBe(4001);
  });

  test.each([3, 4, 8, 31])("4003: opcode %i before IDENTIFY", async (op) => {
    const socket = await open();
    socket.send(op, { guild_id: guild.id });
    expect(await socket.closing()).toBe(4003);
  });

  const cases: [number, string, (s: Socket) => void][] = [
    [4001, "an opcode that doesn't exist", (s) => s.send(77, null)],
    [4001, "a heartbeat with an object in it", (s) => s.send(1, { seq: 1 })],
    [4001, "RESUME of the wrong shape", (s) => s.send(6, { token, seq: 1 })],
    [4002, "text that isn't JSON", (s) => s.ws.send("{")],
    [4002, "JSON without an opcode", (s) => s.ws.send("[]")],
    [4002, "an opcode that is no number", (s) => s.ws.send('{"op":"1","d":null}')],
    [4002, "compressed JSON", (s) => s.ws.send(deflateSync('{"op":1,"d":null}'))],
    [4002, "bytes that aren't UTF-8", (s) => s.ws.send(Buffer.from([0xff, 0xfe]))],
    [4002, "more than 4096 bytes", (s) => s.ws.send('{"op":1,"d":null}'.padEnd(4097))],
    [4001, "IDENTIFY of the wrong shape", (s) => s.send(2, { token: 5 })],
    [4004, "a token that doesn't exist", (s) => s.send(2, identify({ token: "nonsense" }))],
    [4004, "RESUME with such a token", (s) => s.send(6, { token: "nonsense", session_id: "x", seq: 1 })],
    [4010, "a shard below none", (s) => s.send(2, identify({ shard: [-1, 2] }))],
    [4010, "a shard of none", (s) => s.send(2, identify({ shard: [0, 0] }))],
    [4010, "a shard outside the count", (s) => s.send(2, identify({ shard: [2, 2] }))],
    [4013, "an intent that doesn't exist", (s) => s.send(2, identify({ intents: 1 << 30 }))],
    [4013, "intents below none", (s) => s.send(2, identify({ intents: -1 }))],
    [4013, "intents beyond 32 bits", (s) => s.send(2, identify({ intents: 2 ** 32 + 1 }))],
    [4013, "a bot without intents", (s) => s.send(2, identify({ intents: undefined }))],
  ];
  test.each(cases)("%i: %s", async (code, _what, act) => {
    const socket = await open();
    act(socket);
    expect(await socket.closing()).toBe(code);
  });

  test("4000: a session that can't start because of us; the next try succeeds", async () => {
    await sql`alter table bot_tokens rename to bot_tokens_away`;
    const socket = await open();
    socket.send(2, identify());
    expect(await socket.closing()).toBe(4000);
    await sql`alter table bot_tokens_away rename to bot_tokens`;
    const next = await open();
    expect((await next.identify(token)).t).toBe("READY");
    next.close();
  });

  test("4003: a session that was invalidated is none", async () => {
    const socket = await open();
    expect((await socket.resume(token, "f".repeat(32), 1)).op).toBe(9);
    socket.send(3, { since: null, activities: [], status: "online", afk: false });
    expect(await socket.closing()).toBe(4003);
  });

  test("4007: RESUME with a number that nobody has been given; the session ends with it", async () => {
    const socket = await open();
    await socket.identify(token);
    socket.cut();
    const next = await open();
    next.send(6, { token, session_id: socket.sessionId, seq: socket.seq + 1_000_000 });
    expect(await next.closing()).toBe(4007);
    const last = await open();
    expect(await last.resume(token, socket.sessionId, socket.seq)).toMatchObject({ op: 9, d: false });
    last.close();
  });

  test("4005: IDENTIFY twice, also while the first is worked on", async () => {
    const socket = await open();
    socket.send(2, identify());
    socket.send(2, identify());
    expect(await socket.closing()).toBe(4005);
  });

  test("4008: more than 120 payloads in a minute", async () => {
    const socket = await open();
    for (let i = 0; i < 121; i++) socket.send(1, null);
    expect(await socket.closing()).toBe(4008);
    expect(socket.received.filter(({ op }) => op === 11)).toHaveLength(120);
  });

  test("4002: an encoding that isn't spoken, and bytes that are no term where terms are", async () => {
    const unknown = new (await import("ws")).default(`${platform.gatewayUrl()}/?v=10&encoding=xml`);
    expect(await new Promise((resolve) => unknown.once("close", resolve))).toBe(4002);
    const socket = await open("v=10&encoding=etf");
    socket.ws.send(JSON.stringify({ op: 1, d: null }));
    expect(await socket.closing()).toBe(4002);
  });

  test("4012: a version that isn't spoken", async () => {
    const socket = new (await import("ws")).default(`${platform.gatewayUrl()}/?v=6&encoding=json`);
    expect(await new Promise((resolve) => socket.once("close", resolve))).toBe(4012);
  });

  test("4014: a privileged intent that the application doesn't have", async () => {
    const plain = await platform.bot(person);
    await sql`update applications set flags = 0 where id = ${plain.id}`;
    for (const intents of [1 << 1, 1 << 8, 1 << 15]) {
      const socket = await open();
      socket.send(2, { token: plain.token?.replace("Bot ", ""), intents, properties: {} });
      expect(await socket.closing()).toBe(4014);
    }
  });
});

test("a guild's events go to its shard, direct messages to shard 0", async () => {
  const count = 2;
  const own = Number((BigInt(guild.id) >> 22n) % BigInt(count));
  const sockets = await Promise.all(
    [0, 1].map(async (shard) => {
      const socket = await open();
      const ready = await socket.identify(token, 53_608_447, { shard: [shard, count] });
      expect(ready.d.guilds).toHaveLength(shard === own ? 1 : 0);
      return socket;
    }),
  );
  const dm = await person.post("/users/@me/channels", { recipient_id: bot.id });
  await person.post(`/channels/${dm.id}/messages`, { content: "direct" });
  await person.post(`/channels/${guild.channelId}/messages`, { content: "in the guild" });
  const direct = (socket: Socket | undefined) => socket?.event("MESSAGE_CREATE", (d) => d.content === "direct");
  await Promise.all([direct(sockets[0]), sockets[own]?.event("MESSAGE_CREATE", (d) => d.content === "in the guild")]);
  await Promise.all(sockets.map((socket) => socket.settled()));
  const contents = sockets.map((socket) =>
    socket.dispatches.filter(({ t }) => t === "MESSAGE_CREATE").map(({ d }) => d.content),
  );
  expect(contents[1 - own]).toEqual(own === 0 ? [] : ["direct"]);
  expect(contents[own]?.at(-1)).toBe("in the guild");
  expect(contents[1]).not.toContain("direct");
  for (const socket of sockets) socket.close();
});

test("a socket that sends no heartbeat is closed with 4009, one that does is not", async () => {
  const { addGateway } = await import("../harness/platform.ts");
  await addGateway(platform, { HEARTBEAT_INTERVAL_MS: "1000" });
  const url = platform.gatewayUrl(1);
  const lively = await Socket.open(url);
  const silent = new (await import("ws")).default(`${url}/?v=10&encoding=json`);
  await lively.identify(token);
  expect(await new Promise((resolve) => silent.once("close", resolve))).toBe(4009);
  expect(lively.closed).toBeNull();
  lively.close();
});
