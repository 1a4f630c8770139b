import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import postgres from "postgres";
import { afterAll, describe, expect, test } from "vitest";
import { redisKeys } from "../../core/redis-keys.ts";
import type { Client, Json } from "../harness/client.ts";
import { addGateway, startPlatform } from "../harness/platform.ts";
import { Socket } from "../harness/socket.ts";

const GRACE_SECONDS = 8;
const GUILDS = 1;
const MEMBERS = 1 << 1;
const PRESENCES = 1 << 8;
/** A drop takes its grace, and the machine may be busy. */
const SOON = { timeout: 40_000 };

const platform = await startPlatform({ gateways: 2, env: { PRESENCE_GRACE_SECONDS: String(GRACE_SECONDS) } });
const redis = new Redis(platform.stores.redisUrl);
const sql = postgres(platform.stores.databaseUrl, { max: 1 });
afterAll(async () => {
  redis.disconnect();
  await sql.end();
});
const owner = await platform.person("owner");
const guild = await platform.guild(owner);
const watching = await platform.bot(owner, guild.id, "8", "Watcher");

/** Sees what everybody in the guild sees. */
const watcher = await platform.socket(watching, { gateway: 1, intents: GUILDS | PRESENCES });

async function member(name?: string): Promise<Client> {
  const person = await platform.person(name);
  await platform.join(owner, guild, person);
  return person;
}

async function start(client: Client, gateway: number, extra: object = {}, intents = GUILDS): Promise<Socket> {
  const socket = await Socket.open(platform.gatewayUrl(gateway));
  await socket.identify(client.token ?? "", intents, extra);
  return socket;
}

function told(socket: Socket, userId: string): Json[] {
  return socket.dispatches.filter(({ t, d }) => t === "PRESENCE_UPDATE" && d.user.id === userId).map(({ d }) => d);
}

const statuses = (userId: string): string[] => told(watcher, userId).map(({ status }) => status);

/** What the watcher was last told of a user. */
const seen = (userId: string) => expect.poll(() => told(watcher, userId).at(-1), SOON);

const activity = (name: string, extra: object = {}) => ({ created_at: expect.any(Number), name, type: 0, ...extra });

const presence = (client: Client, status: string, client_status: object, activities: unknown[] = []) => ({
  user: { id: client.id },
  guild_id: guild.id,
  status,
  activities,
  client_status,
});

test("a session appears with the presence of its IDENTIFY, changes it with opcode 3, and goes with its goodbye", async () => {
  const bot = await platform.bot(owner, guild.id);
  const game = { activities: [{ name: "Chess", type: 0 }], status: "dnd", since: 91879201, afk: false };
  const socket = await start(bot, 0, { presence: game });
  await seen(bot.id).toEqual(presence(bot, "dnd", { web: "dnd" }, [activity("Chess")]));
  socket.send(3, { status: "idle", activities: [], since: null, afk: true });
  await seen(bot.id).toEqual(presence(bot, "idle", { web: "idle" }));
  socket.close(1000);
  await seen(bot.id).toEqual(presence(bot, "offline", {}));
  expect(await redis.exists(redisKeys.sessionsOf(bot.id), redisKeys.shownIn(bot.id))).toBe(0);
});

test("a user is what all of its sessions say together, on whichever node they are", async () => {
  const person = await member();
  const web = await start(person, 0, { presence: { status: "idle", activities: [{ name: "Web", type: 0 }] } });
  await seen(person.id).toEqual(presence(person, "idle", { web: "idle" }, [activity("Web")]));
  const phone = await start(person, 1, { properties: { browser: "Discord iOS" } });
  await seen(person.id).toEqual(presence(person, "online", { mobile: "online", web: "idle" }, [activity("Web")]));
  phone.send(3, { status: "dnd", activities: [{ name: "Phone", type: 3 }], since: null, afk: false });
  const both = { mobile: "dnd", web: "idle" };
  await seen(person.id).toEqual(presence(person, "dnd", both, [activity("Phone", { type: 3 })]));
  phone.close(1000);
  await seen(person.id).toEqual(presence(person, "idle", { web: "idle" }, [activity("Web")]));
  web.close(1001);
  await seen(person.id).toEqual(presence(person, "offline", {}));
});

test("who is invisible looks offline, and nobody is told of what changes behind it", async () => {
  const person = await member();
  const socket = await start(person, 0);
  await seen(person.id).toMatchObject({ status: "online" });
  socket.send(3, { status: "invisible", activities: [{ name: "Secret", type: 0 }], since: null, afk: false });
  await seen(person.id).toEqual(presence(person, "offline", {}));
  socket.send(3, { status: "offline", activities: [], since: null, afk: false });
  socket.send(3, { status: "invisible", activities: [], since: null, afk: false });
  const newcomer = await start(watching, 0, {}, GUILDS | PRESENCES);
  const { d } = await newcomer.event("GUILD_CREATE");
  expect(d.presences.map(({ user }: Json) => user.id)).not.toContain(person.id);
  socket.send(3, { status: "online", activities: [], since: null, afk: false });
  await seen(person.id).toMatchObject({ status: "online" });
  expect(statuses(person.id)).toEqual(["online", "offline", "online"]);
  socket.close(1000);
  newcomer.close(1000);
});

test("a dropped socket that resumes, on another node or the same, does not flicker; one that doesn't resume is shown offline", async () => {
  const [lucky, loyal, lost] = [await member("lucky"), await member("loyal"), await member("lost")];
  const status = { presence: { status: "dnd", activities: [{ name: "Sailing", type: 0 }] } };
  const [dropped, same] = [await start(lucky, 0, status), await start(loyal, 0, status)];
  const gone = await start(lost, 0, status);
  for (const { id } of [lucky, loyal, lost]) await seen(id).toMatchObject({ status: "dnd" });
  for (const socket of [dropped, same]) socket.cut();
  // Long enough for the node to look twice for what is due.
  await sleep(2200);
  const back = await Socket.open(platform.gatewayUrl(0));
  expect((await back.resume(loyal.token ?? "", same.sessionId, same.seq)).t).toBe("RESUMED");
  const resumed = await Socket.open(platform.gatewayUrl(1));
  expect((await resumed.resume(lucky.token ?? "", dropped.sessionId, dropped.seq)).t).toBe("RESUMED");
  // What drops later ends later: when it is shown offline, the other would have been.
  gone.cut();
  await seen(lost.id).toEqual(presence(lost, "offline", {}));
  for (const { id } of [lucky, loyal]) expect(statuses(id)).toEqual(["dnd"]);
  expect(statuses(lost.id)).toEqual(["dnd", "offline"]);

  // Who comes back after that is as it was.
  const late = await Socket.open(platform.gatewayUrl(1));
  expect((await late.resume(lost.token ?? "", gone.sessionId, gone.seq)).t).toBe("RESUMED");
  await seen(lost.id).toEqual(presence(lost, "dnd", { web: "dnd" }, [activity("Sailing")]));
  late.close(1000);
  for (const socket of [resumed, back]) socket.close(1000);
  await seen(lucky.id).toEqual(presence(lucky, "offline", {}));
});

test("who resumes is told of the presences that have changed meanwhile, as they are now", async () => {
  const [went, came, stayed] = [await member("went"), await member("came"), await member("stayed")];
  const before = [await start(went, 0), await start(stayed, 0)];
  await seen(went.id).toMatchObject({ status: "online" });
  await seen(stayed.id).toMatchObject({ status: "online" });
  const away = await start(watching, 0, {}, GUILDS | PRESENCES);
  const blind = await start(watching, 0, {}, GUILDS);
  for (const socket of [away, blind]) socket.cut();
  before[0]?.close(1000);
  await seen(went.id).toMatchObject({ status: "offline" });
  const arrived = await start(came, 1, { presence: { status: "idle" } });
  await seen(came.id).toMatchObject({ status: "idle" });
  arrived.send(3, { status: "dnd", activities: [], since: null, afk: false });
  await seen(came.id).toMatchObject({ status: "dnd" });

  const [resumed, other] = [await Socket.open(platform.gatewayUrl(1)), await Socket.open(platform.gatewayUrl(1))];
  await resumed.resume(watching.token ?? "", away.sessionId, away.seq);
  await other.resume(watching.token ?? "", blind.sessionId, blind.seq);
  // Before RESUMED, and with a number from which it would be told again.
  const first = resumed.dispatches.slice(
    0,
    resumed.dispatches.findIndex(({ t }) => t === "RESUMED"),
  );
  const ours = first.filter(({ d }) => [went.id, came.id, stayed.id].includes(d.user?.id));
  expect(ours.map(({ d }) => d).sort((a, b) => Number(BigInt(a.user.id) - BigInt(b.user.id)))).toEqual([
    presence(went, "offline", {}),
    presence(came, "dnd", { web: "dnd" }),
  ]);
  expect(new Set(ours.map(({ s }) => s))).toEqual(new Set([away.seq]));
  expect(told(other, came.id)).toEqual([]);
  for (const socket of [resumed, other, arrived, ...before]) socket.close(1000);
});

test("only who asks for presences gets them, live, in GUILD_CREATE and in member chunks", async () => {
  const person = await member();
  const socket = await start(person, 0, { presence: { status: "idle" } });
  await seen(person.id).toMatchObject({ status: "idle" });
  const [asks, doesNot] = [
    await start(watching, 0, {}, GUILDS | MEMBERS | PRESENCES),
    await start(watching, 0, {}, GUILDS | MEMBERS),
  ];
  const create = (await asks.event("GUILD_CREATE")).d;
  const known = { user: { id: person.id }, status: "idle", activities: [], client_status: { web: "idle" } };
  expect(create.presences).toContainEqual(known);
  expect(create.members.map(({ user }: Json) => user.id)).toContain(person.id);
  expect((await doesNot.event("GUILD_CREATE")).d.presences).toEqual([]);

  const request = { guild_id: guild.id, user_ids: [person.id, owner.id], presences: true };
  for (const each of [asks, doesNot]) each.send(8, request);
  expect((await asks.event("GUILD_MEMBERS_CHUNK")).d.presences).toEqual([known]);
  expect((await doesNot.event("GUILD_MEMBERS_CHUNK")).d).not.toHaveProperty("presences");

  socket.send(3, { status: "dnd", activities: [], since: null, afk: false });
  await asks.event("PRESENCE_UPDATE", (d) => d.status === "dnd");
  await doesNot.settled();
  expect(told(doesNot, person.id)).toEqual([]);
  for (const each of [asks, doesNot, socket]) each.close(1000);
});

test("of a large guild, GUILD_CREATE tells of those who are online", async () => {
  const large = await platform.guild(owner, "Large");
  await sql`
    insert into users (id, username, bot) select 2000 + n, 'crowd ' || n, true from generate_series(1, 100) n`;
  await sql`insert into server_members (server_id, user_id) select ${large.id}, 2000 + n from generate_series(1, 100) n`;
  await sql`update servers set member_count = member_count + 100 where id = ${large.id}`;
  const [awake, asleep] = [await platform.bot(owner, large.id), await platform.bot(owner, large.id)];
  const socket = await start(awake, 0);
  const looking = await start(owner, 1, {}, GUILDS | PRESENCES);
  const { d } = await looking.event("GUILD_CREATE", ({ id }) => id === large.id);
  const ids = d.members.map(({ user }: Json) => user.id).sort();
  expect(d.large).toBe(true);
  expect(ids).toEqual([awake.id, owner.id].sort());
  expect(d.presences.map(({ user }: Json) => user.id).sort()).toEqual(ids);
  expect(ids).not.toContain(asleep.id);
  for (const each of [socket, looking]) each.close(1000);
});

test("who joins a guild appears in it, and who is no longer in it leaves nothing", async () => {
  const person = await platform.person();
  const socket = await start(person, 0);
  await platform.join(owner, guild, person);
  await seen(person.id).toEqual(presence(person, "online", { web: "online" }));
  expect((await socket.event("GUILD_CREATE")).d.id).toBe(guild.id);
  await owner.delete(`/guilds/${guild.id}/members/${person.id}`);
  await expect.poll(() => redis.hexists(redisKeys.online(guild.id), person.id), SOON).toBe(0);
  expect(await redis.sismember(redisKeys.shownIn(person.id), guild.id)).toBe(0);
  socket.close(1000);
});

test("a shard's presence is seen in its own guilds only", async () => {
  const guilds = [guild];
  // Until both shards of two have a guild.
  const shard = (id: string) => Number((BigInt(id) >> 22n) % 2n);
  while (new Set(guilds.map(({ id }) => shard(id))).size < 2) guilds.push(await platform.guild(owner, "Other shard"));
  const [one, two] = [guild, guilds.at(-1) ?? guild];
  const bot = await platform.bot(owner, one.id);
  await owner.post(`/oauth2/authorize?client_id=${bot.id}&scope=bot&permissions=0`, {
    guild_id: two.id,
    authorize: true,
  });
  const both = await start(owner, 1, {}, GUILDS | PRESENCES);
  const inGuild = ({ id }: { id: string }) =>
    expect.poll(
      () =>
        told(both, bot.id)
          .filter(({ guild_id }) => guild_id === id)
          .at(-1)?.status,
      SOON,
    );
  const first = await start(bot, 0, { shard: [shard(one.id), 2], presence: { status: "dnd" } });
  await inGuild(one).toBe("dnd");
  const second = await start(bot, 1, { shard: [shard(two.id), 2], presence: { status: "idle" } });
  await inGuild(two).toBe("idle");
  // More shards take over from fewer, or the other way round, without anybody being shown offline.
  const whole = await start(bot, 0, { presence: { status: "online" } });
  for (const socket of [first, second]) socket.close(1000);
  await inGuild(one).toBe("online");
  await inGuild(two).toBe("online");
  expect(told(both, bot.id).map(({ status }) => status)).not.toContain("offline");
  for (const socket of [whole, both]) socket.close(1000);
});

describe("a payload", () => {
  test.each([
    ["no object", "online"],
    ["a status that doesn't exist", { status: "away", activities: [] }],
    ["activities that are no list", { status: "online", activities: "Chess" }],
    ["an activity without a name", { status: "online", activities: [{ type: 0 }] }],
    ["a type that doesn't exist", { status: "online", activities: [{ name: "Chess", type: 99 }] }],
    ["afk that is no boolean", { status: "online", activities: [], afk: "yes" }],
    ["since that is no number", { status: "online", activities: [], since: "now" }],
  ])("with %s closes the socket with 4001", async (_what, payload) => {
    const socket = await start(watching, 0);
    socket.send(3, payload);
    expect(await socket.closing()).toBe(4001);
    const other = await Socket.open(platform.gatewayUrl());
    other.send(2, { token: watching.token?.slice(4), intents: 1, properties: {}, presence: payload });
    expect(await other.closing()).toBe(4001);
  });

  test("as discordgo sends it, empty, means online", async () => {
    const bot = await platform.bot(owner, guild.id);
    const empty = { since: 0, game: { name: "", type: 0, created_at: "0001-01-01T00:00:00Z" }, status: "", afk: false };
    const socket = await start(bot, 0, { presence: empty });
    await seen(bot.id).toEqual(presence(bot, "online", { web: "online" }));
    socket.close(1000);
  });

  test("of a bot keeps what bots may set; a stream is one only on the two sites; long texts are cut", async () => {
    const bot = await platform.bot(owner, guild.id);
    const long = `${"x".repeat(127)}😀tail`;
    const more = { details: "no", emoji: { name: "🔥" }, timestamps: { start: 1 }, assets: { large_image: "no" } };
    const activities = [
      { name: long, type: 4, state: long, ...more },
      { name: "Live", type: 1, url: "https://www.twitch.tv/somebody", ...more },
      { name: "Not live", type: 1, url: "https://example.com/twitch.tv" },
      { name: "", type: 0 },
    ];
    const socket = await start(bot, 0, { presence: { status: "online", activities } });
    const cut = `${"x".repeat(127)}😀`;
    const first = [
      activity(cut, { type: 4, state: cut }),
      activity("Live", { type: 1, url: "https://www.twitch.tv/somebody" }),
      activity("Not live"),
    ];
    await seen(bot.id).toEqual(presence(bot, "online", { web: "online" }, first));
    const before = told(watcher, bot.id).at(-1).activities;

    // The same again is no change; with another status, what goes on keeps the time of its beginning.
    socket.send(3, { status: "online", activities, since: null, afk: false });
    socket.send(3, { status: "idle", activities, since: null, afk: false });
    await seen(bot.id).toMatchObject({ status: "idle" });
    expect(told(watcher, bot.id).map(({ activities: each }) => each)).toEqual([before, before]);
    socket.close(1000);
  });

  test("of a person may have details, an emoji and times", async () => {
    const person = await member();
    const full = { details: "Act I", emoji: { name: "🎭" }, timestamps: { start: 5 }, state: "Scene 2" };
    const socket = await start(person, 0, { presence: { activities: [{ name: "Theatre", type: 2, ...full }] } });
    const theatre = activity("Theatre", { type: 2, ...full });
    await seen(person.id).toEqual(presence(person, "online", { web: "online" }, [theatre]));
    socket.close(1000);
  });
});

test("of more than five updates in twenty seconds, those beyond are passed over", async () => {
  await addGateway(platform, { RATE_LIMITS: "on" });
  const bot = await platform.bot(owner, guild.id);
  const socket = await start(bot, platform.gateways.length - 1);
  for (let i = 1; i <= 7; i++) socket.send(3, { status: "online", activities: [{ name: `${i}`, type: 0 }] });
  await seen(bot.id).toMatchObject({ activities: [{ name: "5" }] });
  await socket.settled();
  const probe = await start(await platform.bot(owner, guild.id), 0);
  await probe.settled();
  expect(told(watcher, bot.id).map(({ activities }) => activities[0]?.name)).toEqual([undefined, ..."12345"]);
  for (const each of [socket, probe]) each.close(1000);
});

test("a change in a hundred guilds is one command of the node's", async () => {
  const bot = await platform.bot(owner, guild.id);
  await sql`
    insert into servers (id, name, owner_id) select 900000000000000000 + n, 'guild ' || n, ${owner.id}
    from generate_series(1, 100) n`;
  await sql`
    insert into roles (id, server_id, name, is_default) select 900000000000000000 + n, 900000000000000000 + n, '@everyone', true
    from generate_series(1, 100) n`;
  await sql`
    insert into server_members (server_id, user_id) select 900000000000000000 + n, ${bot.id} from generate_series(1, 100) n`;
  const socket = await start(bot, 0);
  const monitor = await redis.monitor();
  const sent: string[] = [];
  // Commands that scripts run come from "lua".
  monitor.on("monitor", (_time: string, args: string[], source: string) => {
    if (source !== "lua" && args.includes(bot.id)) sent.push(args[0] ?? "");
  });
  socket.send(3, { status: "dnd", activities: [], since: null, afk: false });
  await seen(bot.id).toMatchObject({ status: "dnd" });
  expect(await redis.hget(redisKeys.online("900000000000000050"), bot.id)).toContain('"status":"dnd"');
  await expect.poll(() => sent.map((name) => name.toLowerCase())).toEqual(["evalsha", "hget"]);
  monitor.disconnect();
  socket.close(1000);
});
