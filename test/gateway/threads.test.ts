import postgres from "postgres";
import { afterAll, describe, expect, test } from "vitest";
import { fault, responseSchema } from "../contract/schemas.ts";
import type { Client, Json } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import { Socket } from "../harness/socket.ts";

const platform = await startPlatform({ gateways: 2 });
const sql = postgres(platform.stores.databaseUrl, { max: 1 });
afterAll(() => sql.end());
const owner = await platform.person("owner");
const VIEW = "1024";
const MANAGE_THREADS = String(1n << 34n);
const [PUBLIC, PRIVATE] = [11, 12];
const GUILDS = 1;
const GUILD_MEMBERS = 1 << 1;
const MESSAGES = 1 << 9;

/** A guild with a text channel beside the first, and members on a socket of each node. */
async function scene(people = 1) {
  const guild = await platform.guild(owner);
  const channel = await owner.post(`/guilds/${guild.id}/channels`, { name: "second", type: 0 });
  const members: Client[] = [];
  for (let i = 0; i < people; i++) {
    const member = await platform.person("member");
    await platform.join(owner, guild, member);
    members.push(member);
  }
  const on = async (client: Client) => [
    await platform.socket(client, { gateway: 0 }),
    await platform.socket(client, { gateway: 1 }),
  ];
  return { guild, channelId: String(channel.id), members, sockets: await Promise.all(members.map(on)), on };
}

const start = (channelId: string, type: number, as: Client = owner, fields = {}): Promise<Json> =>
  as.post(`/channels/${channelId}/threads`, { name: "thread", type, ...fields });
const say = async (channelId: string, content = "hello", as: Client = owner): Promise<string> =>
  (await as.post(`/channels/${channelId}/messages`, { content })).id;

/** Everything sent so far has arrived: a marker in a channel that all may view. */
async function settle(sockets: readonly Socket[], guild: { channelId: string }): Promise<void> {
  const id = await say(guild.channelId, "marker");
  await Promise.all(sockets.map((socket) => socket.event("MESSAGE_CREATE", (d) => d.id === id)));
}

/** What came of a thread, in order. */
const about = (socket: Socket, threadId: string): string[] =>
  socket.dispatches
    .filter(
      ({ d, t }) =>
        d.channel_id === threadId ||
        d.id === threadId ||
        (t === "THREAD_LIST_SYNC" && d.threads.some((thread: Json) => thread.id === threadId)),
    )
    .map(({ t }) => t ?? "");

const first = <T>([one]: readonly T[]): T => {
  if (one === undefined) throw new Error("there is none");
  return one;
};

describe("a public thread", () => {
  test("is told of, with its messages, changes and end, to all who see its channel", async () => {
    const { guild, channelId, sockets } = await scene();
    const thread = await start(channelId, PUBLIC);
    await say(thread.id);
    await owner.patch(`/channels/${thread.id}`, { name: "renamed" });
    await owner.delete(`/channels/${thread.id}`);
    await settle(sockets.flat(), guild);
    for (const socket of sockets.flat()) {
      expect(about(socket, thread.id)).toEqual([
        "THREAD_CREATE",
        "THREAD_MEMBERS_UPDATE",
        "MESSAGE_CREATE",
        "THREAD_UPDATE",
        "MESSAGE_CREATE",
        "THREAD_DELETE",
      ]);
      const [create] = socket.dispatches.filter(({ t }) => t === "THREAD_CREATE");
      const { newly_created, ...shown } = create?.d ?? {};
      expect(newly_created).toBe(true);
      expect(fault(responseSchema("ThreadResponse"), shown)).toBeNull();
      const deleted = socket.dispatches.find(({ t }) => t === "THREAD_DELETE");
      expect(deleted?.d).toEqual({ id: thread.id, guild_id: guild.id, parent_id: channelId, type: PUBLIC });
    }
  });

  test("from a message is told of, and so is the next one from it when the first was deleted", async () => {
    const { guild, channelId, sockets } = await scene();
    const id = await say(channelId);
    const from = `/channels/${channelId}/messages/${id}/threads`;
    for (const name of ["first", "second"]) {
      await owner.post(from, { name });
      await owner.patch(`/channels/${id}`, { name: "renamed" });
      await owner.delete(`/channels/${id}`);
    }
    await settle(sockets.flat(), guild);
    const whole = ["THREAD_CREATE", "THREAD_UPDATE", "THREAD_DELETE"];
    for (const socket of sockets.flat()) {
      const told = about(socket, id).filter((t) => whole.includes(t));
      expect(told).toEqual([...whole, ...whole]);
    }
  });

  test("from a message: the message tells of it, and the thread starts with a message that names that", async () => {
    const { guild, channelId, sockets } = await scene();
    const id = await say(channelId, "discuss");
    await owner.post(`/channels/${channelId}/messages/${id}/threads`, { name: "t" });
    await settle(sockets.flat(), guild);
    for (const socket of sockets.flat()) {
      const update = await socket.event("MESSAGE_UPDATE", (d) => d.id === id);
      expect(update.d).toMatchObject({ flags: 32, thread: { id, name: "t" } });
      const starter = await socket.event("MESSAGE_CREATE", (d) => d.channel_id === id);
      expect(starter.d).toMatchObject({ type: 21, message_reference: { message_id: id, channel_id: channelId } });
    }
  });

  test("is hidden and shown with its channel, while sockets are open: what comes into view is listed", async () => {
    const { guild, channelId, members, sockets } = await scene();
    const member = first(members);
    const thread = await start(channelId, PUBLIC);
    await member.put(`/channels/${thread.id}/thread-members/@me`);
    await owner.put(`/channels/${channelId}/permissions/${guild.id}`, { type: 0, deny: VIEW });
    await say(thread.id, "hidden");
    await owner.put(`/channels/${channelId}/permissions/${member.id}`, { type: 1, allow: VIEW });
    await say(thread.id, "seen");
    await settle(sockets.flat(), guild);
    for (const socket of sockets.flat()) {
      const events = about(socket, thread.id).slice(about(socket, thread.id).lastIndexOf("THREAD_MEMBERS_UPDATE") + 1);
      expect(events).toEqual(["THREAD_LIST_SYNC", "MESSAGE_CREATE"]);
      const sync = await socket.event("THREAD_LIST_SYNC");
      expect(sync.d).toMatchObject({ guild_id: guild.id, channel_ids: [channelId] });
      expect(sync.d.threads.map(({ id }: Json) => id)).toEqual([thread.id]);
      expect(sync.d.members).toEqual([expect.objectContaining({ id: thread.id, user_id: member.id })]);
      const names = socket.dispatches.map(({ t }) => t);
      expect(names.indexOf("THREAD_LIST_SYNC")).toBe(names.lastIndexOf("CHANNEL_CREATE") + 1);
    }
  });

  test("comes into view with a role as well", async () => {
    const { guild, channelId, members, sockets } = await scene();
    const role = await owner.post(`/guilds/${guild.id}/roles`, { name: "insider" });
    await owner.put(`/channels/${channelId}/permissions/${guild.id}`, { type: 0, deny: VIEW });
    await owner.put(`/channels/${channelId}/permissions/${role.id}`, { type: 0, allow: VIEW });
    const thread = await start(channelId, PUBLIC);
    await owner.put(`/guilds/${guild.id}/members/${first(members).id}/roles/${role.id}`);
    await say(thread.id, "seen");
    await owner.delete(`/guilds/${guild.id}/members/${first(members).id}/roles/${role.id}`);
    await say(thread.id, "hidden");
    await settle(sockets.flat(), guild);
    for (const socket of sockets.flat())
      expect(about(socket, thread.id)).toEqual(["THREAD_LIST_SYNC", "MESSAGE_CREATE"]);
  });
});

describe("a private thread", () => {
  test("is seen by its members alone: not by others of the channel, on no node, over REST neither", async () => {
    const { guild, channelId, members, sockets } = await scene(2);
    const [insider, outsider] = members;
    if (insider === undefined || outsider === undefined) throw new Error("nobody");
    const thread = await start(channelId, PRIVATE);
    await say(thread.id, "before");
    await owner.put(`/channels/${thread.id}/thread-members/${insider.id}`);
    const id = await say(thread.id, "secret");
    await owner.patch(`/channels/${thread.id}/messages/${id}`, { content: "changed" });
    await owner.post(`/channels/${thread.id}/typing`);
    await owner.patch(`/channels/${thread.id}`, { auto_archive_duration: 60 });
    await owner.delete(`/channels/${thread.id}/messages/${id}`);
    await settle(sockets.flat(), guild);
    for (const socket of sockets[0] ?? []) {
      expect(about(socket, thread.id)).toEqual([
        "THREAD_CREATE",
        "THREAD_MEMBERS_UPDATE",
        "MESSAGE_CREATE",
        "MESSAGE_CREATE",
        "MESSAGE_UPDATE",
        "TYPING_START",
        "THREAD_UPDATE",
        "MESSAGE_DELETE",
      ]);
      const create = await socket.event("THREAD_CREATE", (d) => d.id === thread.id);
      expect(create.d.member).toMatchObject({ user_id: insider.id });
      expect(create.d).not.toHaveProperty("newly_created");
    }
    for (const socket of sockets[1] ?? []) expect(about(socket, thread.id)).toEqual([]);
    for (const path of ["", "/messages", "/thread-members"]) {
      expect((await outsider.request("GET", `/channels/${thread.id}${path}`)).body.code).toBe(50001);
    }
    expect((await outsider.request("PUT", `/channels/${thread.id}/thread-members/@me`)).body.code).toBe(50001);
    expect((await outsider.get(`/guilds/${guild.id}/threads/active`)).threads).toEqual([]);
    expect((await insider.get(`/guilds/${guild.id}/threads/active`)).threads).toHaveLength(1);
    const late = await platform.socket(outsider);
    const create = await late.event("GUILD_CREATE", (d) => d.id === guild.id);
    expect(create.d.threads).toEqual([]);
  });

  test("is no longer seen by who is removed, who leaves, or who loses its channel", async () => {
    const { guild, channelId, members, sockets } = await scene(3);
    const thread = await start(channelId, PRIVATE);
    for (const { id } of members) await owner.put(`/channels/${thread.id}/thread-members/${id}`);
    const [removed, leaving, losing] = members;
    await owner.delete(`/channels/${thread.id}/thread-members/${removed?.id}`);
    await leaving?.delete(`/channels/${thread.id}/thread-members/@me`);
    await owner.put(`/channels/${channelId}/permissions/${losing?.id}`, { type: 1, deny: VIEW });
    await settle(sockets.flat(), guild);
    const before = sockets.flat().map((socket) => about(socket, thread.id).length);
    await say(thread.id, "secret");
    await settle(sockets.flat(), guild);
    expect(sockets.flat().map((socket) => about(socket, thread.id).length)).toEqual(before);
    for (const socket of [...(sockets[0] ?? []), ...(sockets[1] ?? [])]) {
      expect(about(socket, thread.id).at(-1)).toBe("THREAD_MEMBERS_UPDATE");
    }
    await owner.put(`/channels/${channelId}/permissions/${losing?.id}`, { type: 1, allow: VIEW });
    await say(thread.id, "seen");
    await settle(sockets.flat(), guild);
    for (const socket of sockets[2] ?? []) {
      expect(about(socket, thread.id).slice(-2)).toEqual(["THREAD_LIST_SYNC", "MESSAGE_CREATE"]);
    }
  });

  test("is seen by who manages threads in its channel, as long as they do", async () => {
    const { guild, channelId, members, sockets } = await scene();
    const role = await owner.post(`/guilds/${guild.id}/roles`, { name: "moderator", permissions: MANAGE_THREADS });
    const thread = await start(channelId, PRIVATE);
    const path = `/guilds/${guild.id}/members/${first(members).id}/roles/${role.id}`;
    await owner.put(path);
    await say(thread.id, "seen");
    const second = await start(channelId, PRIVATE);
    await owner.delete(path);
    await say(thread.id, "hidden");
    await say(second.id, "hidden");
    await settle(sockets.flat(), guild);
    for (const socket of sockets.flat()) {
      expect(about(socket, thread.id)).toEqual(["THREAD_LIST_SYNC", "MESSAGE_CREATE"]);
      expect(about(socket, second.id)).toEqual(["THREAD_CREATE", "THREAD_MEMBERS_UPDATE"]);
    }
    await owner.put(`/channels/${channelId}/permissions/${first(members).id}`, { type: 1, allow: MANAGE_THREADS });
    await say(thread.id, "seen again");
    await settle(sockets.flat(), guild);
    for (const socket of sockets.flat()) {
      expect(about(socket, thread.id).slice(-2)).toEqual(["THREAD_LIST_SYNC", "MESSAGE_CREATE"]);
    }
  });

  test("is made known to who is called into it with the message that opens it again", async () => {
    const { guild, channelId, members, sockets, on } = await scene();
    const member = first(members);
    const thread = await start(channelId, PRIVATE);
    await owner.patch(`/channels/${thread.id}`, { archived: true });
    await settle(sockets.flat(), guild);
    for (const socket of sockets.flat()) socket.cut();
    // To the nodes it is new: what they read of it is later than the events.
    const late = await on(member);
    await say(thread.id, `come in, <@${member.id}>`);
    await settle(late, guild);
    for (const socket of late) {
      const told = about(socket, thread.id);
      expect(told.indexOf("THREAD_CREATE")).toBeGreaterThanOrEqual(0);
      expect(told.indexOf("MESSAGE_CREATE")).toBeGreaterThan(told.indexOf("THREAD_CREATE"));
    }
  });

  test("that was archived when the node came to know the guild is seen by its members when it opens again", async () => {
    const { guild, channelId, members, sockets, on } = await scene(2);
    const [insider, outsider] = members;
    if (insider === undefined || outsider === undefined) throw new Error("nobody");
    const thread = await start(channelId, PRIVATE);
    await owner.put(`/channels/${thread.id}/thread-members/${insider.id}`);
    const old = await say(thread.id, "old");
    await owner.patch(`/channels/${thread.id}`, { archived: true });
    await settle(sockets.flat(), guild);
    for (const socket of sockets.flat()) socket.cut();
    const late = await on(insider);
    const strange = await on(outsider);
    await owner.delete(`/channels/${thread.id}/messages/${old}`);
    await say(thread.id, "open again");
    await settle([...late, ...strange], guild);
    for (const socket of late) {
      expect(about(socket, thread.id)).toEqual([
        "MESSAGE_DELETE",
        "THREAD_UPDATE",
        "THREAD_MEMBER_UPDATE",
        "MESSAGE_CREATE",
      ]);
      const own = await socket.event("THREAD_MEMBER_UPDATE");
      expect(own.d).toEqual({
        id: thread.id,
        guild_id: guild.id,
        user_id: insider.id,
        flags: 0,
        join_timestamp: expect.any(String),
      });
    }
    for (const socket of strange) expect(about(socket, thread.id)).toEqual([]);
  });
});

describe("a session", () => {
  test("gets the active threads that it may see with its guild, with its own membership", async () => {
    const { guild, channelId, members } = await scene();
    const member = first(members);
    const [open, joined, secret, archived] = [
      await start(channelId, PUBLIC),
      await start(channelId, PUBLIC, member),
      await start(channelId, PRIVATE),
      await start(channelId, PUBLIC),
    ];
    await owner.patch(`/channels/${archived.id}`, { archived: true });
    const socket = await platform.socket(member);
    const { threads } = (await socket.event("GUILD_CREATE", (d) => d.id === guild.id)).d;
    expect(threads.map(({ id }: Json) => id)).toEqual([open.id, joined.id]);
    expect(threads[0]).not.toHaveProperty("member");
    expect(threads[1].member).toEqual({ join_timestamp: expect.any(String), flags: 0 });
    const { newly_created, member: own, ...shown } = threads[1];
    expect(fault(responseSchema("ThreadResponse"), shown)).toBeNull();
    expect(threads.map(({ id }: Json) => id)).not.toContain(secret.id);
    const moderator = await platform.socket(owner);
    const all = (await moderator.event("GUILD_CREATE", (d) => d.id === guild.id)).d.threads;
    expect(all.map(({ id }: Json) => id)).toEqual([open.id, joined.id, secret.id]);
  });

  test("who is added to a thread of a channel that it can't see hears nothing of it", async () => {
    const { guild, channelId, members } = await scene();
    const member = first(members);
    const hearing = [GUILDS, GUILDS | GUILD_MEMBERS].map((intents) => platform.socket(member, { intents }));
    const sockets = await Promise.all(hearing);
    const marker = await platform.socket(member, { intents: MESSAGES });
    await owner.put(`/channels/${channelId}/permissions/${guild.id}`, { type: 0, allow: "0", deny: VIEW });
    const thread = await start(channelId, PUBLIC);
    await owner.put(`/channels/${thread.id}/thread-members/${member.id}`);
    await settle([marker], guild);
    for (const socket of sockets) {
      await socket.settled();
      expect(about(socket, thread.id)).toEqual([]);
    }
  });

  test("hears of other members of a thread with GUILD_MEMBERS alone, of its own with GUILDS", async () => {
    const { guild, channelId, members } = await scene(2);
    const [someone] = members;
    const bot = await platform.bot(owner, guild.id, "8");
    const guildsOnly = await platform.socket(bot, { intents: GUILDS | MESSAGES });
    const everything = await platform.socket(owner, { intents: GUILDS | GUILD_MEMBERS | MESSAGES });
    const thread = await start(channelId, PUBLIC);
    await someone?.put(`/channels/${thread.id}/thread-members/@me`);
    await bot.put(`/channels/${thread.id}/thread-members/@me`);
    await bot.delete(`/channels/${thread.id}/thread-members/@me`);
    await settle([guildsOnly, everything], guild);
    const changes = (socket: Socket) =>
      socket.dispatches
        .filter(({ t }) => t === "THREAD_MEMBERS_UPDATE")
        .map(({ d }) => [d.added_members?.[0].user_id ?? null, d.removed_member_ids?.[0] ?? null, d.member_count]);
    expect(changes(everything)).toEqual([
      [owner.id, null, 1],
      [someone?.id, null, 2],
      [bot.id, null, 3],
      [null, bot.id, 2],
    ]);
    expect(changes(guildsOnly)).toEqual([
      [bot.id, null, 3],
      [null, bot.id, 2],
    ]);
    const added = everything.dispatches.find(({ d }) => d.added_members?.[0].user_id === someone?.id);
    expect(added?.d.added_members[0]).toMatchObject({
      id: thread.id,
      presence: null,
      member: { user: { id: someone?.id } },
    });
    expect(about(guildsOnly, thread.id)).toEqual([
      "THREAD_CREATE",
      "THREAD_CREATE",
      "THREAD_MEMBERS_UPDATE",
      "THREAD_MEMBERS_UPDATE",
    ]);
  });

  test("that resumes gets what it missed in threads, those archived or joined meanwhile included, and no secrets", async () => {
    const { guild, channelId, members, sockets } = await scene(2);
    const [insider, outsider] = members;
    const before = await start(channelId, PUBLIC);
    await settle(sockets.flat(), guild);
    const resumed = sockets.map(first).map((socket) => ({ socket, seq: socket.seq }));
    for (const socket of sockets.flat()) socket.cut();
    const missed = await say(before.id, "missed");
    await owner.patch(`/channels/${before.id}`, { archived: true });
    const secret = await start(channelId, PRIVATE);
    await owner.put(`/channels/${secret.id}/thread-members/${insider?.id}`);
    const told = await say(secret.id, "secret");
    await owner.patch(`/channels/${secret.id}`, { archived: true });
    const gone = await start(channelId, PUBLIC);
    await say(gone.id, "gone");
    await owner.delete(`/channels/${gone.id}`);
    const again = await Promise.all(
      resumed.map(async ({ socket, seq }, i) => {
        const next = await Socket.open(platform.gatewayUrl(1));
        await next.resume(members[i]?.token ?? "", socket.sessionId, seq);
        return next;
      }),
    );
    await settle(again, guild);
    const [inside, outside] = again;
    if (inside === undefined || outside === undefined) throw new Error("nobody");
    for (const socket of again) {
      expect(about(socket, before.id)).toEqual(["MESSAGE_CREATE", "THREAD_UPDATE"]);
      expect(socket.dispatches.some(({ d }) => d.id === missed)).toBe(true);
      expect(about(socket, gone.id)).toEqual(["THREAD_DELETE"]);
      const numbers = socket.dispatches.map(({ s }) => s ?? 0);
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    }
    expect(inside.dispatches.some(({ d }) => d.id === told)).toBe(true);
    expect(about(inside, secret.id)).toContain("THREAD_CREATE");
    expect(about(outside, secret.id)).toEqual([]);
    expect(outsider).toBeDefined();
    // Live again: in the thread that is open and in the one that opens.
    await say(before.id, "live");
    await say(secret.id, "live");
    await settle(again, guild);
    expect(about(inside, before.id).slice(-2)).toEqual(["THREAD_UPDATE", "MESSAGE_CREATE"]);
    expect(about(inside, secret.id).slice(-3)).toEqual(["THREAD_UPDATE", "THREAD_MEMBER_UPDATE", "MESSAGE_CREATE"]);
    expect(about(outside, secret.id)).toEqual([]);
  });

  test("that resumes while its node comes to know a private thread of its gets what is said there", async () => {
    const guild = await platform.guild(owner);
    const people = await Promise.all([platform.person("insider"), platform.person("outsider")]);
    for (const person of people) await platform.join(owner, guild, person);
    const [insider, outsider] = people;
    const away = await platform.socket(insider, { gateway: 0 });
    const secret = await start(guild.channelId, PRIVATE);
    await owner.put(`/channels/${secret.id}/thread-members/${insider.id}`);
    await owner.patch(`/channels/${secret.id}`, { archived: true });
    const hook = await owner.post(`/channels/${guild.channelId}/webhooks`, { name: "hook" });
    const post = (query = "") =>
      platform.anonymous().post(`/webhooks/${hook.id}/${hook.token}?wait=true${query}`, { content: "hello" });
    await settle([away], guild);
    away.cut();
    // The other node knows the guild, and no thread of it.
    const other = await platform.socket(outsider, { gateway: 1 });
    const resume = async () => {
      const next = await Socket.open(platform.gatewayUrl(1));
      await next.resume(insider.token ?? "", away.sessionId, away.seq);
      return next;
    };
    const { resumed, said } = await sql.begin(async (tx) => {
      await tx`lock table server_member_roles in access exclusive mode`;
      const resumed = resume();
      const waiting = () => tx`select from pg_locks where relation = 'server_member_roles'::regclass and not granted`;
      await expect.poll(async () => (await waiting()).length).toBe(1);
      const said = await post(`&thread_id=${secret.id}`);
      // By now the node has read the thread, for the one whom it knows.
      const { id } = await post();
      await other.event("MESSAGE_CREATE", (d) => d.id === id);
      return { resumed, said };
    });
    await (await resumed).event("MESSAGE_CREATE", (d) => d.id === said.id);
    expect(about(other, secret.id)).toEqual([]);
  });

  test("of a kicked member hears nothing of its threads any more, nor when it comes back", async () => {
    const { guild, channelId, members, on } = await scene();
    const member = first(members);
    const thread = await start(channelId, PRIVATE);
    await owner.put(`/channels/${thread.id}/thread-members/${member.id}`);
    await owner.delete(`/guilds/${guild.id}/members/${member.id}`);
    await platform.join(owner, guild, member);
    const sockets = await on(member);
    await say(thread.id, "secret");
    await settle(sockets, guild);
    for (const socket of sockets) expect(about(socket, thread.id)).toEqual([]);
    expect((await owner.get(`/channels/${thread.id}`)).member_count).toBe(1);
  });
});
