import { Redis } from "ioredis";
import { afterAll, describe, expect, test } from "vitest";
import { redisKeys } from "../../core/redis-keys.ts";
import type { Client, Json } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import { Socket } from "../harness/socket.ts";

const GUILDS = 1;
const VOICE_STATES = 1 << 7;
const VOICE = 2;
const STAGE = 13;
const VIEW_CHANNEL = String(1 << 10);
const CONNECT = String(1 << 20);
const SOON = { timeout: 40_000 };

const platform = await startPlatform({ gateways: 2, env: { PRESENCE_GRACE_SECONDS: "8" } });
const redis = new Redis(platform.stores.redisUrl);
afterAll(() => redis.disconnect());
const owner = await platform.person("owner");
const guild = await platform.guild(owner);
const watcher = await platform.socket(owner, { gateway: 1, intents: GUILDS | VOICE_STATES });

const channel = (extra: object): Promise<Json> =>
  owner.post(`/guilds/${guild.id}/channels`, { name: "Room", type: VOICE, ...extra });
const lobby = await channel({ name: "Lobby" });
const studio = await channel({ name: "Studio" });

async function member(): Promise<Client> {
  const person = await platform.person();
  await platform.join(owner, guild, person);
  return person;
}

const start = (client: Client, gateway = 0, intents = GUILDS) => platform.socket(client, { gateway, intents });

const states = (socket: Socket, userId: string): Json[] =>
  socket.dispatches
    .filter(({ t, d }) => t === "VOICE_STATE_UPDATE" && d.user_id === userId && d.guild_id === guild.id)
    .map(({ d }) => d);

/** The channels that the watcher has seen a user in. */
const places = (userId: string, socket = watcher) =>
  expect.poll(() => states(socket, userId).map(({ channel_id }) => channel_id), SOON);

const go = (socket: Socket, channelId: string | null, extra: object = {}): void =>
  socket.send(4, { guild_id: guild.id, channel_id: channelId, self_mute: false, self_deaf: false, ...extra });

test("joining, changing, moving and leaving are told to the guild, on all nodes", async () => {
  const person = await member();
  const socket = await start(person);
  go(socket, lobby.id);
  await places(person.id).toEqual([lobby.id]);
  expect(states(watcher, person.id)[0]).toEqual({
    guild_id: guild.id,
    channel_id: lobby.id,
    user_id: person.id,
    session_id: socket.sessionId,
    deaf: false,
    mute: false,
    self_deaf: false,
    self_mute: false,
    self_stream: false,
    self_video: false,
    suppress: false,
    request_to_speak_timestamp: null,
    member: expect.objectContaining({ user: expect.objectContaining({ id: person.id }), roles: [] }),
  });
  go(socket, lobby.id, { self_mute: true, self_video: true });
  go(socket, studio.id);
  go(socket, null);
  await places(person.id).toEqual([lobby.id, lobby.id, studio.id, null]);
  expect(states(watcher, person.id)[1]).toMatchObject({ self_mute: true, self_deaf: false, self_video: true });
  expect(await redis.exists(redisKeys.voice(guild.id), redisKeys.voiceOf(person.id))).toBe(0);
  socket.close(1000);
});

test("the session itself is told whatever its intents, and that there is no voice server", async () => {
  const person = await member();
  const socket = await start(person, 0, GUILDS);
  go(socket, lobby.id);
  await socket.event("VOICE_SERVER_UPDATE");
  // Once more the same: a library that connects anew waits for both.
  go(socket, lobby.id);
  const own = () => socket.dispatches.filter(({ t }) => t?.startsWith("VOICE_")).map(({ t, d }) => [t, d.channel_id]);
  const both = [
    ["VOICE_STATE_UPDATE", lobby.id],
    ["VOICE_SERVER_UPDATE", undefined],
  ];
  await expect.poll(own, SOON).toEqual([...both, ...both]);
  expect(socket.dispatches.find(({ t }) => t === "VOICE_SERVER_UPDATE")?.d).toEqual({
    token: "",
    guild_id: guild.id,
    endpoint: null,
  });
  const other = await start(await member(), 0, GUILDS);
  go(socket, null);
  await expect.poll(() => own().at(-1), SOON).toEqual(["VOICE_STATE_UPDATE", null]);
  await places(person.id).toEqual([lobby.id, null]);
  await other.settled();
  expect(states(other, person.id)).toEqual([]);
  for (const each of [socket, other]) each.close(1000);
});

describe("is passed over", () => {
  const hidden = channel({ permission_overwrites: [{ id: guild.id, type: 0, allow: "0", deny: VIEW_CHANNEL }] });
  const closed = channel({ permission_overwrites: [{ id: guild.id, type: 0, allow: "0", deny: CONNECT }] });
  test.each([
    ["a channel that may not be viewed", async () => ({ channel_id: (await hidden).id })],
    ["a channel that may not be connected to", async () => ({ channel_id: (await closed).id })],
    ["a text channel", async () => ({ channel_id: guild.channelId })],
    ["a channel that doesn't exist", async () => ({ channel_id: "5" })],
    ["a guild that one isn't in", async () => ({ guild_id: (await platform.guild(owner)).id, channel_id: lobby.id })],
    ["a call outside of guilds", async () => ({ guild_id: null, channel_id: lobby.id })],
  ])("%s", async (_what, payload) => {
    const person = await member();
    const socket = await start(person);
    go(socket, lobby.id, await payload());
    // What comes after it is followed.
    go(socket, studio.id);
    await places(person.id).toEqual([studio.id]);
    socket.close(1000);
  });

  test("a channel that is full, unless one may move members", async () => {
    const small = await channel({ user_limit: 1 });
    const [first, second] = [await member(), await member()];
    const sockets = [await start(first), await start(second, 1), await start(owner)];
    const [a, b, c] = sockets;
    if (!a || !b || !c) throw new RangeError("three sockets");
    go(a, small.id);
    await places(first.id).toEqual([small.id]);
    go(b, small.id);
    go(b, lobby.id);
    await places(second.id).toEqual([lobby.id]);
    go(c, small.id);
    await places(owner.id).toEqual([small.id]);
    // Who is in it may change its state.
    go(a, small.id, { self_mute: true });
    await expect.poll(() => states(watcher, first.id).at(-1), SOON).toMatchObject({ self_mute: true });
    go(c, null);
    await places(owner.id).toEqual([small.id, null]);
    for (const socket of sockets) socket.close(1000);
  });
});

test.each([
  ["a channel id that is no id", { channel_id: "lobby" }],
  ["no channel", { channel_id: undefined }],
  ["self_mute that is no boolean", { self_mute: "no" }],
])("%s closes the socket with 4001", async (_what, extra) => {
  const socket = await start(owner);
  go(socket, lobby.id, extra);
  expect(await socket.closing()).toBe(4001);
});

test("GUILD_CREATE has who is in the voice channels that one may view, for who asks for voice states", async () => {
  const backstage = await channel({
    permission_overwrites: [{ id: guild.id, type: 0, allow: "0", deny: VIEW_CHANNEL }],
  });
  const [person, hidden] = [await member(), await platform.bot(owner, guild.id, "8")];
  const sockets = [await start(person), await start(hidden)];
  const [visible, secret] = sockets;
  if (!visible || !secret) throw new RangeError("two sockets");
  go(visible, lobby.id, { self_deaf: true });
  go(secret, backstage.id);
  await places(person.id).toEqual([lobby.id]);
  await places(hidden.id).toEqual([backstage.id]);
  const newcomer = await member();
  const create = async (client: Client, intents: number) => {
    const socket = await start(client, 1, intents);
    const { d } = await socket.event("GUILD_CREATE", ({ id }) => id === guild.id);
    socket.close(1000);
    return d;
  };
  const seen = await create(newcomer, GUILDS | VOICE_STATES);
  expect(seen.voice_states).toEqual([
    expect.objectContaining({ channel_id: lobby.id, user_id: person.id, self_deaf: true }),
  ]);
  expect(seen.voice_states[0]).not.toHaveProperty("guild_id");
  expect(seen.members.map(({ user }: Json) => user.id).sort()).toEqual([newcomer.id, person.id].sort());
  expect((await create(newcomer, GUILDS)).voice_states).toEqual([]);
  const all = await create(owner, GUILDS | VOICE_STATES);
  expect(all.voice_states.map(({ user_id }: Json) => user_id).sort()).toEqual([hidden.id, person.id].sort());
  for (const socket of sockets) socket.close(1000);
});

test("who sees only the channel that was left is told that the user left, live and by RESUME", async () => {
  const backstage = await channel({
    permission_overwrites: [{ id: guild.id, type: 0, allow: "0", deny: VIEW_CHANNEL }],
  });
  const crew = await platform.bot(owner, guild.id, "8");
  const guest = await member();
  const [onStage, live, away] = [
    await start(crew),
    await start(guest, 0, GUILDS | VOICE_STATES),
    await start(guest, 1, GUILDS | VOICE_STATES),
  ];
  go(onStage, lobby.id);
  for (const socket of [live, away]) await places(crew.id, socket).toEqual([lobby.id]);
  away.cut();
  go(onStage, backstage.id);
  go(onStage, backstage.id, { self_mute: true });
  go(onStage, studio.id);
  await places(crew.id).toEqual([lobby.id, backstage.id, backstage.id, studio.id]);
  await places(crew.id, live).toEqual([lobby.id, null, studio.id]);
  const resumed = await Socket.open(platform.gatewayUrl(0));
  expect((await resumed.resume(guest.token ?? "", away.sessionId, away.seq)).t).toBe("RESUMED");
  await places(crew.id, resumed).toEqual([null, studio.id]);
  for (const socket of [onStage, live, resumed]) socket.close(1000);
});

test("one listens on a stage until one is invited to speak", async () => {
  const stage = await channel({ type: STAGE });
  const person = await member();
  const socket = await start(person);
  go(socket, stage.id);
  await places(person.id).toEqual([stage.id]);
  expect(states(watcher, person.id)[0]).toMatchObject({ suppress: true });
  socket.close(1000);
});

test("a person is in one voice channel at a time, a bot in one of each guild", async () => {
  const other = await platform.guild(owner, "Elsewhere");
  const there = await owner.post(`/guilds/${other.id}/channels`, { name: "There", type: VOICE });
  const person = await member();
  await platform.join(owner, other, person);
  const bot = await platform.bot(owner, guild.id);
  await owner.post(`/oauth2/authorize?client_id=${bot.id}&scope=bot&permissions=0`, {
    guild_id: other.id,
    authorize: true,
  });
  const sockets = [await start(person), await start(bot)];
  for (const [i, client] of [person, bot].entries()) {
    const socket = sockets[i];
    if (socket === undefined) throw new RangeError("two sockets");
    go(socket, lobby.id);
    await places(client.id).toEqual([lobby.id]);
    go(socket, there.id, { guild_id: other.id });
    await expect.poll(() => redis.hexists(redisKeys.voice(other.id), client.id), SOON).toBe(1);
  }
  await places(person.id).toEqual([lobby.id, null]);
  await expect.poll(() => redis.smembers(redisKeys.voiceOf(person.id)), SOON).toEqual([other.id]);
  expect((await redis.smembers(redisKeys.voiceOf(bot.id))).sort()).toEqual([guild.id, other.id].sort());
  for (const socket of sockets) socket.close(1000);
  await places(bot.id).toEqual([lobby.id, null]);
});

describe("a user leaves its voice channel", () => {
  test("when its session says goodbye", async () => {
    const person = await member();
    const socket = await start(person);
    go(socket, lobby.id);
    await places(person.id).toEqual([lobby.id]);
    socket.close(1000);
    await places(person.id).toEqual([lobby.id, null]);
  });

  test("when its session drops and does not resume in time; one that resumes stays", async () => {
    const [lost, lucky] = [await member(), await member()];
    const [gone, dropped] = [await start(lost), await start(lucky)];
    go(gone, lobby.id);
    go(dropped, lobby.id);
    await places(lost.id).toEqual([lobby.id]);
    await places(lucky.id).toEqual([lobby.id]);
    dropped.cut();
    const resumed = await Socket.open(platform.gatewayUrl(1));
    expect((await resumed.resume(lucky.token ?? "", dropped.sessionId, dropped.seq)).t).toBe("RESUMED");
    gone.cut();
    await places(lost.id).toEqual([lobby.id, null]);
    expect(states(watcher, lucky.id)).toHaveLength(1);
    resumed.close(1000);
  });

  test("not when another of its sessions ends", async () => {
    const person = await member();
    const [speaking, idle] = [await start(person), await start(person, 1)];
    go(speaking, lobby.id);
    await places(person.id).toEqual([lobby.id]);
    idle.close(1000);
    await expect.poll(() => redis.hlen(redisKeys.sessionsOf(person.id)), SOON).toBe(1);
    expect(states(watcher, person.id)).toHaveLength(1);
    speaking.close(1000);
    await places(person.id).toEqual([lobby.id, null]);
  });

  test("when it is kicked", async () => {
    const person = await member();
    const socket = await start(person);
    go(socket, lobby.id);
    await places(person.id).toEqual([lobby.id]);
    await owner.delete(`/guilds/${guild.id}/members/${person.id}`);
    await places(person.id).toEqual([lobby.id, null]);
    expect(states(watcher, person.id)[1]).not.toHaveProperty("member");
    socket.close(1000);
  });

  test("when the channel is deleted, hidden or not", async () => {
    const doomed = await channel({});
    const secret = await channel({
      permission_overwrites: [{ id: guild.id, type: 0, allow: "0", deny: VIEW_CHANNEL }],
    });
    const [person, crew] = [await member(), await platform.bot(owner, guild.id, "8")];
    const [visible, hidden] = [await start(person, 0, GUILDS | VOICE_STATES), await start(crew)];
    go(visible, doomed.id);
    go(hidden, secret.id);
    await places(person.id).toEqual([doomed.id]);
    await places(crew.id).toEqual([secret.id]);
    await owner.delete(`/channels/${doomed.id}`);
    await owner.delete(`/channels/${secret.id}`);
    await places(person.id).toEqual([doomed.id, null]);
    await places(crew.id).toEqual([secret.id, null]);
    expect(states(visible, crew.id)).toEqual([]);
    for (const socket of [visible, hidden]) socket.close(1000);
  });
});

test("a guild that is deleted leaves no voice states and no presences", async () => {
  const doomed = await platform.guild(owner, "Doomed");
  const room = await owner.post(`/guilds/${doomed.id}/channels`, { name: "Room", type: VOICE });
  const socket = await start(owner);
  go(socket, room.id, { guild_id: doomed.id });
  await expect.poll(() => redis.exists(redisKeys.voice(doomed.id), redisKeys.online(doomed.id)), SOON).toBe(2);
  await owner.delete(`/guilds/${doomed.id}`);
  const keys = [redisKeys.voice(doomed.id), redisKeys.voiceStarts(doomed.id), redisKeys.online(doomed.id)];
  await expect.poll(() => redis.exists(...keys), SOON).toBe(0);
  socket.close(1000);
});

describe("requests about a guild", () => {
  test("opcode 31 is answered for each guild that the session is in, with no sounds", async () => {
    const stranger = await platform.person();
    const foreign = await platform.guild(stranger);
    const socket = await start(owner);
    socket.send(31, { guild_ids: [foreign.id, guild.id, guild.id] });
    await socket.event("SOUNDBOARD_SOUNDS");
    await socket.settled();
    const answers = socket.dispatches.filter(({ t }) => t === "SOUNDBOARD_SOUNDS");
    expect(answers.map(({ d }) => d)).toEqual([{ guild_id: guild.id, soundboard_sounds: [] }]);
    socket.send(31, { guild_ids: "all" });
    expect(await socket.closing()).toBe(4001);
  });

  test("opcode 43 tells since when the voice channels that one may view are in use", async () => {
    const fresh = await platform.guild(owner);
    const make = (extra: object) => owner.post(`/guilds/${fresh.id}/channels`, { name: "Room", type: VOICE, ...extra });
    const [used, empty] = [await make({}), await make({})];
    const overwrite = { id: fresh.id, type: 0, allow: "0", deny: VIEW_CHANNEL };
    await make({ permission_overwrites: [overwrite] });
    const person = await platform.person();
    await platform.join(owner, fresh, person);
    const socket = await start(person);
    const before = Math.floor(Date.now() / 1000);
    go(socket, used.id, { guild_id: fresh.id });
    await socket.event("VOICE_SERVER_UPDATE");
    socket.send(43, { guild_id: fresh.id, fields: ["status", "voice_start_time", "something new"] });
    const { d } = await socket.event("CHANNEL_INFO");
    expect(d).toEqual({
      guild_id: fresh.id,
      channels: [
        { id: used.id, status: null, voice_start_time: expect.any(Number) },
        { id: empty.id, status: null, voice_start_time: null },
      ],
    });
    expect(d.channels[0].voice_start_time).toBeGreaterThanOrEqual(before);
    go(socket, empty.id, { guild_id: fresh.id });
    await socket.event("VOICE_STATE_UPDATE", ({ channel_id }) => channel_id === empty.id);
    socket.send(43, { guild_id: fresh.id, fields: ["voice_start_time"] });
    await socket.event("CHANNEL_INFO", ({ channels }) => channels[0].voice_start_time === null);
    socket.send(43, { guild_id: fresh.id });
    expect(await socket.closing()).toBe(4001);
  });
});
