import postgres from "postgres";
import { describe, expect, test } from "vitest";
import { redisReady } from "../../core/redis.ts";
import { archiveIdleThreads } from "../../src/threads/sweep.ts";
import { openChanges } from "../harness/changes.ts";
import type { Client, Json } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import { Code, refused } from "./refused.ts";
import { expectShape } from "./shape.ts";

const platform = await startPlatform({ apis: 2 });
const owner = await platform.person("owner");
const guild = await platform.guild(owner);
const text = `/channels/${guild.channelId}`;
const [ANNOUNCEMENT_THREAD, PUBLIC, PRIVATE] = [10, 11, 12];
const bits = (...numbers: bigint[]) => numbers.reduce((all, bit) => all | (1n << bit), 0n).toString();
const [SEND, CREATE_PUBLIC, CREATE_PRIVATE, SEND_IN_THREADS] = [11n, 35n, 36n, 38n] as const;

/** A member whose roles give exactly these permissions, @everyone's included. */
async function member(in_: { id: string; channelId: string } = guild): Promise<Client> {
  const person = await platform.person("member");
  await platform.join(owner, in_, person);
  return person;
}

/** A guild where @everyone has these permissions. */
async function guildWith(permissions: string) {
  const made = await platform.guild(owner);
  await owner.patch(`/guilds/${made.id}/roles/${made.id}`, { permissions });
  return made;
}

const say = (channelId: string, content = "hello", as = owner) =>
  as.post(`/channels/${channelId}/messages`, { content });
const start = (type: number, fields: object = {}, as = owner, path = text) =>
  as.post(`${path}/threads`, { name: "a thread", type, ...fields });
const messagesOf = async (id: string): Promise<Json[]> => owner.get(`/channels/${id}/messages`);

describe("a thread from a message", () => {
  test("has the message's id, and the message has the thread", async () => {
    const message = await say(guild.channelId, "what do you think?");
    const thread = await owner.post(`${text}/messages/${message.id}/threads`, { name: "Opinions" });
    expectShape("ThreadResponse", thread);
    expect(thread).toMatchObject({
      id: message.id,
      type: PUBLIC,
      name: "Opinions",
      parent_id: guild.channelId,
      guild_id: guild.id,
      owner_id: owner.id,
      message_count: 0,
      member_count: 1,
      thread_metadata: { archived: false, locked: false, auto_archive_duration: 4320 },
      member: { id: message.id, user_id: owner.id },
    });
    const { member, ...bare } = thread;
    const shown = await owner.get(`${text}/messages/${message.id}`);
    expectShape("MessageResponse", shown);
    expect(shown.flags & 32).toBe(32);
    expect(shown.thread).toMatchObject({ id: bare.id, name: "Opinions" });
    const [first] = await messagesOf(thread.id);
    expectShape("MessageResponse", first);
    expect(first).toMatchObject({
      type: 21,
      content: "",
      channel_id: thread.id,
      message_reference: { message_id: message.id, channel_id: guild.channelId, guild_id: guild.id },
      referenced_message: { id: message.id, content: "what do you think?" },
    });
    await refused(Code.ThreadAlreadyCreatedForMessage, owner, "POST", `${text}/messages/${message.id}/threads`, {
      name: "b",
    });
  });

  test("outlives the message; when it goes, the message has none", async () => {
    const [one, other] = [await say(guild.channelId), await say(guild.channelId)];
    for (const { id } of [one, other]) await owner.post(`${text}/messages/${id}/threads`, { name: "t" });
    await owner.delete(`${text}/messages/${one.id}`);
    expect((await owner.get(`/channels/${one.id}`)).id).toBe(one.id);
    await owner.delete(`/channels/${other.id}`);
    const left = await owner.get(`${text}/messages/${other.id}`);
    expect(left.flags & 32).toBe(0);
    expect(left).not.toHaveProperty("thread");
    await refused(Code.UnknownChannel, owner, "GET", `/channels/${other.id}`);
  });

  test("in an announcement channel is one for announcements; elsewhere there are none", async () => {
    const news = await owner.post(`/guilds/${guild.id}/channels`, { name: "news", type: 5 });
    const message = await say(news.id);
    const path = `/channels/${news.id}/messages/${message.id}/threads`;
    expect((await owner.post(path, { name: "of news" })).type).toBe(ANNOUNCEMENT_THREAD);
    const voice = await owner.post(`/guilds/${guild.id}/channels`, { name: "voice", type: 2 });
    const spoken = await say(voice.id);
    const wrong = `/channels/${voice.id}/messages/${spoken.id}/threads`;
    await refused(Code.CannotExecuteActionOnThisChannelType, owner, "POST", wrong, { name: "t" });
    await refused(Code.UnknownMessage, owner, "POST", `${text}/messages/${spoken.id}/threads`, { name: "t" });
  });

  test("can't be started from what the platform says, nor in a thread", async () => {
    const thread = await start(PUBLIC);
    const [told] = (await messagesOf(guild.channelId)).filter((message) => message.type === 18);
    await refused(Code.CannotExecuteActionOnSystemMessage, owner, "POST", `${text}/messages/${told.id}/threads`, {
      name: "t",
    });
    const said = await say(thread.id);
    const inside = `/channels/${thread.id}/messages/${said.id}/threads`;
    await refused(Code.CannotExecuteActionOnThisChannelType, owner, "POST", inside, { name: "t" });
    await refused(Code.CannotExecuteActionOnThisChannelType, owner, "POST", `/channels/${thread.id}/threads`, {
      name: "t",
    });
  });
});

describe("a thread without a message", () => {
  test("is told of in the channel when it is public, and not when it is private", async () => {
    const thread = await start(PUBLIC, { name: "Public one" });
    const hidden = await start(PRIVATE, { name: "Private one", invitable: false });
    expect(hidden.thread_metadata.invitable).toBe(false);
    const [latest] = await messagesOf(guild.channelId);
    expect(latest).toMatchObject({
      type: 18,
      content: "Public one",
      message_reference: { channel_id: thread.id, guild_id: guild.id },
    });
    expect(latest.message_reference).not.toHaveProperty("message_id");
    expectShape("MessageResponse", latest);
  });

  test("takes what its channel presets, and is private unless it says otherwise", async () => {
    const preset = { default_auto_archive_duration: 60, default_thread_rate_limit_per_user: 7 };
    const channel = await owner.post(`/guilds/${guild.id}/channels`, { name: "preset", ...preset });
    const thread = await owner.post(`/channels/${channel.id}/threads`, { name: "t" });
    expect(thread).toMatchObject({
      type: PRIVATE,
      rate_limit_per_user: 7,
      thread_metadata: { auto_archive_duration: 60 },
    });
    const news = await owner.post(`/guilds/${guild.id}/channels`, { name: "news", type: 5 });
    await refused(50035, owner, "POST", `/channels/${news.id}/threads`, { name: "t", type: PRIVATE });
    await refused(50035, owner, "POST", `${text}/threads`, { name: "t", type: ANNOUNCEMENT_THREAD });
    await refused(50035, owner, "POST", `${text}/threads`, { name: "t", auto_archive_duration: 61 });
    await refused(50035, owner, "POST", `${text}/threads`, { name: "" });
  });

  test("needs the permission of its kind", async () => {
    const made = await guildWith(bits(10n, SEND, CREATE_PUBLIC));
    const path = `/channels/${made.channelId}`;
    const someone = await member(made);
    await start(PUBLIC, {}, someone, path);
    await refused(Code.MissingPermissions, someone, "POST", `${path}/threads`, { name: "t", type: PRIVATE });
    await owner.patch(`/guilds/${made.id}/roles/${made.id}`, { permissions: bits(10n, SEND, CREATE_PRIVATE) });
    await start(PRIVATE, {}, someone, path);
    await refused(Code.MissingPermissions, someone, "POST", `${path}/threads`, { name: "t", type: PUBLIC });
    const message = await say(made.channelId);
    await refused(Code.MissingPermissions, someone, "POST", `${path}/messages/${message.id}/threads`, { name: "t" });
  });

  test("is one of a thousand active ones at most, and doesn't count as a channel", async () => {
    const made = await platform.guild(owner);
    const sql = postgres(platform.stores.databaseUrl, { max: 1, onnotice: () => {} });
    await sql`
      with made as (
        insert into channels (id, server_id, name, type, parent_id)
        select n, ${made.id}, 't', 11, ${made.channelId} from generate_series(1, 999) n returning id
      )
      insert into threads (channel_id, server_id, parent_id, private, owner_id, auto_archive_duration, archive_due)
      select id, ${made.id}, ${made.channelId}, false, ${owner.id}, 60, now() + interval '1 hour' from made`;
    await sql.end();
    const path = `/channels/${made.channelId}`;
    const last = await start(PUBLIC, {}, owner, path);
    await refused(Code.MaximumActiveThreads, owner, "POST", `${path}/threads`, { name: "t", type: PUBLIC });
    await owner.patch(`/channels/${last.id}`, { archived: true });
    await start(PUBLIC, {}, owner, path);
    await refused(Code.MaximumActiveThreads, owner, "PATCH", `/channels/${last.id}`, { archived: false });
    await refused(Code.MaximumActiveThreads, owner, "POST", `/channels/${last.id}/messages`, { content: "wake up" });
    expect((await owner.get(`/guilds/${made.id}/threads/active`)).threads).toHaveLength(1000);
    expect(await owner.get(`/guilds/${made.id}/channels`)).toHaveLength(1);
    expect((await owner.request("POST", `/guilds/${made.id}/channels`, { name: "another" })).status).toBe(201);
  });
});

describe("messages in a thread", () => {
  test("are counted, and make their author a member", async () => {
    const thread = await start(PUBLIC);
    const someone = await member();
    const [one, two] = [await say(thread.id, "one", someone), await say(thread.id, "two", someone)];
    expect(await owner.get(`/channels/${thread.id}`)).toMatchObject({
      message_count: 2,
      total_message_sent: 2,
      member_count: 2,
      last_message_id: two.id,
    });
    await someone.delete(`/channels/${thread.id}/messages/${one.id}`);
    expect(await owner.get(`/channels/${thread.id}`)).toMatchObject({ message_count: 1, total_message_sent: 2 });
    expect((await owner.get(`/channels/${thread.id}/thread-members/${someone.id}`)).user_id).toBe(someone.id);
  });

  test("need SEND_MESSAGES_IN_THREADS, whatever SEND_MESSAGES says", async () => {
    const made = await guildWith(bits(10n, SEND));
    const thread = await start(PUBLIC, {}, owner, `/channels/${made.channelId}`);
    const someone = await member(made);
    await refused(Code.MissingPermissions, someone, "POST", `/channels/${thread.id}/messages`, { content: "hello" });
    await refused(Code.MissingPermissions, someone, "POST", `/channels/${thread.id}/typing`);
    await owner.patch(`/guilds/${made.id}/roles/${made.id}`, { permissions: bits(10n, SEND_IN_THREADS) });
    await say(thread.id, "hello", someone);
    await someone.post(`/channels/${thread.id}/typing`);
    await refused(Code.MissingPermissions, someone, "POST", `/channels/${made.channelId}/messages`, {
      content: "hello",
    });
    await owner.put(`/channels/${made.channelId}/permissions/${made.id}`, {
      type: 0,
      deny: String(1n << SEND_IN_THREADS),
    });
    await refused(Code.MissingPermissions, someone, "POST", `/channels/${thread.id}/messages`, { content: "hello" });
    await owner.put(`/channels/${made.channelId}/permissions/${made.id}`, { type: 0, deny: "1024" });
    await refused(Code.MissingAccess, someone, "GET", `/channels/${thread.id}`);
  });

  test("open an archived one again, but not a locked one", async () => {
    const someone = await member();
    const thread = await start(PUBLIC, {}, someone);
    const said = await say(thread.id, "said", someone);
    const path = `/channels/${thread.id}`;
    await someone.patch(path, { archived: true });
    await refused(Code.InvalidActionOnArchivedThread, someone, "PATCH", `${path}/messages/${said.id}`, {
      content: "b",
    });
    await refused(Code.InvalidActionOnArchivedThread, someone, "PUT", `${path}/thread-members/@me`);
    await refused(Code.InvalidActionOnArchivedThread, someone, "PUT", `${path}/messages/${said.id}/reactions/👍/@me`);
    await say(thread.id, "again", someone);
    expect((await owner.get(path)).thread_metadata.archived).toBe(false);
    await someone.patch(`${path}/messages/${said.id}`, { content: "changed" });
    await owner.patch(path, { locked: true });
    await refused(Code.ThreadLocked, someone, "POST", `${path}/messages`, { content: "hello" });
    await refused(Code.ThreadLocked, someone, "PATCH", `${path}/messages/${said.id}`, { content: "c" });
    await say(thread.id, "a moderator may");
    await owner.patch(path, { archived: true });
    await refused(Code.InvalidActionOnArchivedThread, someone, "DELETE", `${path}/messages/${said.id}`);
    await refused(Code.MissingPermissions, someone, "PATCH", path, { archived: false });
    await owner.patch(path, { archived: false });
    await someone.delete(`${path}/messages/${said.id}`);
  });

  test("bring in those whom they mention, if they may see the channel and the thread is for more", async () => {
    const [mentioned, hidden] = [await member(), await member()];
    const stranger = await platform.person();
    const channel = await owner.post(`/guilds/${guild.id}/channels`, { name: "mentions" });
    await owner.put(`/channels/${channel.id}/permissions/${hidden.id}`, { type: 1, deny: "1024" });
    const everyone = [mentioned, hidden, stranger].map(({ id }) => `<@${id}>`).join(" ");
    const membersOf = async (id: string) =>
      (await owner.get(`/channels/${id}/thread-members`)).map(({ user_id }: Json) => user_id);
    const thread = await start(PUBLIC, {}, owner, `/channels/${channel.id}`);
    await owner.post(`/channels/${thread.id}/messages`, { content: everyone, allowed_mentions: { parse: [] } });
    expect(await membersOf(thread.id)).toEqual([owner.id]);
    await say(thread.id, everyone);
    expect(await membersOf(thread.id)).toEqual([owner.id, mentioned.id]);
    const closed = await start(PRIVATE, { invitable: false }, owner, `/channels/${channel.id}`);
    const guest = await member();
    await owner.put(`/channels/${closed.id}/thread-members/${guest.id}`);
    await say(closed.id, `<@${mentioned.id}>`, guest);
    expect(await membersOf(closed.id)).toEqual([owner.id, guest.id]);
    await say(closed.id, `<@${mentioned.id}>`);
    expect(await membersOf(closed.id)).toEqual([owner.id, mentioned.id, guest.id]);
  });

  test("come at the pace that the thread sets", async () => {
    const thread = await start(PUBLIC, { rate_limit_per_user: 3600 });
    const someone = await member();
    await say(thread.id, "one", someone);
    await refused(20016, someone, "POST", `/channels/${thread.id}/messages`, { content: "two" });
  });
});

describe("a thread is changed", () => {
  test("by who started it, while a moderator hasn't locked it; by nobody else", async () => {
    const starter = await member();
    const other = await member();
    const thread = await start(PUBLIC, {}, starter);
    const path = `/channels/${thread.id}`;
    const changed = await starter.patch(path, { name: "Renamed", auto_archive_duration: 1440 });
    expectShape("ThreadResponse", changed);
    expect(changed).toMatchObject({ name: "Renamed", thread_metadata: { auto_archive_duration: 1440 } });
    expect((await messagesOf(thread.id))[0]).toMatchObject({ type: 4, content: "Renamed", author: { id: starter.id } });
    for (const body of [{ name: "other" }, { archived: true }, { auto_archive_duration: 60 }]) {
      await refused(Code.MissingPermissions, other, "PATCH", path, body);
    }
    for (const body of [{ locked: true }, { rate_limit_per_user: 5 }, { flags: 2 }]) {
      await refused(Code.MissingPermissions, starter, "PATCH", path, body);
    }
    await starter.patch(path, { archived: true });
    await refused(Code.InvalidActionOnArchivedThread, starter, "PATCH", path, { name: "no" });
    expect((await other.patch(path, { archived: false })).thread_metadata.archived).toBe(false);
    await owner.patch(path, { locked: true, rate_limit_per_user: 5 });
    await refused(Code.MissingPermissions, starter, "PATCH", path, { name: "no" });
    await refused(Code.MissingPermissions, starter, "DELETE", path);
    expect(await owner.delete(path)).toMatchObject({ id: thread.id, name: "Renamed" });
  });

  test("like no channel: it has no overwrites, invites, webhooks or place", async () => {
    const { id } = await start(PUBLIC);
    const wrong = Code.CannotExecuteActionOnThisChannelType;
    await refused(wrong, owner, "PUT", `/channels/${id}/permissions/${guild.id}`, { type: 0, deny: "1024" });
    await refused(wrong, owner, "POST", `/channels/${id}/invites`, {});
    await refused(wrong, owner, "POST", `/channels/${id}/webhooks`, { name: "hook" });
    await refused(Code.UnknownChannel, owner, "PATCH", `/guilds/${guild.id}/channels`, [{ id, position: 1 }]);
    const category = await owner.post(`/guilds/${guild.id}/channels`, { name: "c", type: 4 });
    const changed = await owner.patch(`/channels/${id}`, { parent_id: category.id, topic: "t", type: 5, nsfw: true });
    expect(changed).toMatchObject({ parent_id: guild.channelId, type: PUBLIC });
  });

  test("with its channel, when that is deleted: it goes, with all that was said", async () => {
    const channel = await owner.post(`/guilds/${guild.id}/channels`, { name: "doomed" });
    const thread = await start(PUBLIC, {}, owner, `/channels/${channel.id}`);
    const hidden = await start(PRIVATE, {}, owner, `/channels/${channel.id}`);
    await owner.delete(`/channels/${channel.id}`);
    for (const { id } of [thread, hidden]) await refused(Code.UnknownChannel, owner, "GET", `/channels/${id}`);
    const active = await owner.get(`/guilds/${guild.id}/threads/active`);
    expect(active.threads.map(({ id }: Json) => id)).not.toContain(thread.id);
  });
});

describe("a thread without activity", () => {
  const app = openChanges(platform);
  const { sql, redis, eventLog } = app;

  /** As if a thread had been made, and all in it been said, so long ago. */
  async function age(id: string, minutes: number): Promise<void> {
    await sql`
      update threads set archive_timestamp = archive_timestamp - make_interval(mins => ${minutes}),
        archive_due = archive_due - make_interval(mins => ${minutes}) where channel_id = ${id}`;
    await sql`
      update messages set created_at = created_at - make_interval(mins => ${minutes}) where channel_id = ${id}`;
  }

  test("is archived when its time is over, once, and not when something was said in it", async () => {
    await redisReady(redis);
    await expect.poll(() => eventLog.healthy()).toBe(true);
    const idle = await start(PUBLIC, { auto_archive_duration: 60 });
    const busy = await start(PUBLIC, { auto_archive_duration: 60 });
    const longer = await start(PUBLIC, { auto_archive_duration: 1440 });
    for (const { id } of [idle, busy]) await say(id);
    const socket = await platform.socket(owner);
    for (const { id } of [idle, busy, longer]) await age(id, 61);
    await say(busy.id, "something");
    await Promise.all([archiveIdleThreads(app), archiveIdleThreads(app)]);
    const archived = async (id: string) => (await owner.get(`/channels/${id}`)).thread_metadata.archived;
    expect([await archived(idle.id), await archived(busy.id), await archived(longer.id)]).toEqual([true, false, false]);
    expect((await socket.event("THREAD_UPDATE", (d) => d.id === idle.id)).d.thread_metadata.archived).toBe(true);
    await socket.settled();
    expect(socket.dispatches.filter(({ t }) => t === "THREAD_UPDATE")).toHaveLength(1);
    await age(busy.id, 61);
    await archiveIdleThreads(app);
    expect(await archived(busy.id)).toBe(true);
    socket.close();
  });
});
