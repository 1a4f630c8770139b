import { describe, expect, test } from "vitest";
import type { Client, Json } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import { Code, refused } from "./refused.ts";
import { expectShape } from "./shape.ts";

const platform = await startPlatform();
const owner = await platform.person("owner");
const guild = await platform.guild(owner);
const [FORUM, MEDIA] = [15, 16];
const REQUIRE_TAG = 1 << 4;
const PINNED = 1 << 1;

const member = async (): Promise<Client> => {
  const person = await platform.person("member");
  await platform.join(owner, guild, person);
  return person;
};
const someone = await member();

const newForum = (fields: object = {}, type = FORUM): Promise<Json> =>
  owner.post(`/guilds/${guild.id}/channels`, { name: "forum", type, ...fields });
const post = (forum: Json, fields: object = {}, as = someone): Promise<Json> =>
  as.post(`/channels/${forum.id}/threads`, { name: "A post", message: { content: "first" }, ...fields });
const tags = [{ name: "help" }, { name: "staff", moderated: true }];

describe.each([
  ["forum", FORUM],
  ["media channel", MEDIA],
])("a post in a %s", (_, type) => {
  test("is a thread with its first message, of the same id, and its starter in it", async () => {
    const forum = await newForum({ default_thread_rate_limit_per_user: 9, default_auto_archive_duration: 60 }, type);
    const socket = await platform.socket(owner);
    const { message, ...thread } = await post(forum, { message: { content: "first", embeds: [{ title: "t" }] } });
    expectShape("CreatedThreadResponse", thread);
    expectShape("MessageResponse", message);
    expect(thread).toMatchObject({
      id: message.id,
      type: 11,
      parent_id: forum.id,
      owner_id: someone.id,
      last_message_id: message.id,
      rate_limit_per_user: 9,
      message_count: 0,
      thread_metadata: { auto_archive_duration: 60 },
      member: { user_id: someone.id },
    });
    expect(message).toMatchObject({ channel_id: thread.id, content: "first", author: { id: someone.id } });
    expect(await owner.get(`/channels/${thread.id}/messages/${thread.id}`)).toMatchObject({ content: "first" });
    expect((await owner.get(`/channels/${forum.id}`)).last_message_id).toBe(thread.id);
    const create = await socket.event("THREAD_CREATE", (d) => d.id === thread.id);
    expect(create.d).toMatchObject({ newly_created: true, last_message_id: thread.id });
    const said = await socket.event("MESSAGE_CREATE", (d) => d.id === message.id);
    expect(said.d).toMatchObject({ channel_id: thread.id, guild_id: guild.id });
    const names = socket.dispatches.map(({ t }) => t);
    expect(names.indexOf("THREAD_CREATE")).toBeLessThan(names.indexOf("MESSAGE_CREATE"));
    socket.close();
  });

  test("needs a message, and SEND_MESSAGES, not CREATE_PUBLIC_THREADS", async () => {
    const forum = await newForum({}, type);
    const path = `/channels/${forum.id}/threads`;
    const missing = await someone.request("POST", path, { name: "t" });
    expect(missing.body).toMatchObject({
      code: 50035,
      errors: { message: { _errors: [{ code: "BASE_TYPE_REQUIRED" }] } },
    });
    await refused(Code.CannotSendAnEmptyMessage, someone, "POST", path, { name: "t", message: { content: " " } });
    await owner.put(`/channels/${forum.id}/permissions/${guild.id}`, { type: 0, deny: String(1n << 35n) });
    await post(forum);
    await owner.put(`/channels/${forum.id}/permissions/${guild.id}`, { type: 0, deny: String(1 << 11) });
    await refused(Code.MissingPermissions, someone, "POST", path, { name: "t", message: { content: "first" } });
  });
});

describe("tags of a post", () => {
  test("are the forum's, five at most, and moderated ones are for moderators", async () => {
    const forum = await newForum({ available_tags: tags });
    const [help, staff] = forum.available_tags.map(({ id }: Json) => id);
    expect((await post(forum, { applied_tags: [help, help] })).applied_tags).toEqual([help]);
    const path = `/channels/${forum.id}/threads`;
    const body = { name: "t", message: { content: "first" } };
    await refused(Code.UnknownTag, someone, "POST", path, { ...body, applied_tags: ["1"] });
    await refused(Code.MissingPermissions, someone, "POST", path, { ...body, applied_tags: [staff] });
    await refused(50035, someone, "POST", path, { ...body, applied_tags: [help, help, help, help, help, help] });
    const thread = await post(forum, { applied_tags: [staff] }, owner);
    const own = await post(forum);
    expect((await someone.patch(`/channels/${own.id}`, { applied_tags: [help] })).applied_tags).toEqual([help]);
    await refused(Code.MissingPermissions, someone, "PATCH", `/channels/${own.id}`, { applied_tags: [help, staff] });
    await owner.patch(`/channels/${own.id}`, { applied_tags: [help, staff] });
    await refused(Code.MissingPermissions, someone, "PATCH", `/channels/${own.id}`, { applied_tags: [help] });
    expect(thread.applied_tags).toEqual([staff]);
  });

  test("are demanded by a forum that says so, where there are any to give", async () => {
    const forum = await newForum({ available_tags: tags, flags: REQUIRE_TAG });
    const path = `/channels/${forum.id}/threads`;
    const body = { name: "t", message: { content: "first" } };
    await refused(Code.TagRequiredToCreateAForumPostInThisChannel, someone, "POST", path, body);
    await post(forum, { applied_tags: [forum.available_tags[0].id] });
    await owner.patch(`/channels/${forum.id}`, { available_tags: [forum.available_tags[1]] });
    await refused(Code.ThereAreNoTagsAvailableThatCanBeSetByNonModerators, someone, "POST", path, body);
  });
});

describe("a post", () => {
  test("can be pinned by moderators, one in a forum; archiving ends that", async () => {
    const forum = await newForum();
    const [one, other] = [await post(forum), await post(forum)];
    await refused(Code.MissingPermissions, someone, "PATCH", `/channels/${one.id}`, { flags: PINNED });
    expect((await owner.patch(`/channels/${one.id}`, { flags: PINNED })).flags).toBe(PINNED);
    expect((await owner.patch(`/channels/${one.id}`, { flags: PINNED })).flags).toBe(PINNED);
    await refused(30047, owner, "PATCH", `/channels/${other.id}`, { flags: PINNED });
    expect((await owner.patch(`/channels/${one.id}`, { archived: true })).flags).toBe(0);
    expect((await owner.patch(`/channels/${other.id}`, { flags: PINNED })).flags).toBe(PINNED);
    expect((await owner.patch(`/channels/${other.id}`, { flags: 0 })).flags).toBe(0);
    const thread = await owner.post(`/channels/${guild.channelId}/threads`, { name: "no post", type: 11 });
    await refused(Code.CannotExecuteActionOnThisChannelType, owner, "PATCH", `/channels/${thread.id}`, {
      flags: PINNED,
    });
  });

  test("is started as slowly as its forum says, and refused ones don't count", async () => {
    const forum = await newForum({ rate_limit_per_user: 3600 });
    const path = `/channels/${forum.id}/threads`;
    await refused(Code.CannotSendAnEmptyMessage, someone, "POST", path, { name: "t", message: { content: "" } });
    await post(forum);
    const answer = await someone.request("POST", path, { name: "t", message: { content: "first" } });
    expect(answer.status).toBe(429);
    expect(answer.body).toMatchObject({ code: 20016, retry_after: expect.any(Number) });
    await post(forum, {}, owner);
  });

  test("does not count its first message, whatever becomes of it", async () => {
    const forum = await newForum();
    const { id } = await post(forum);
    await owner.post(`/channels/${id}/messages`, { content: "second" });
    await someone.delete(`/channels/${id}/messages/${id}`);
    expect(await owner.get(`/channels/${id}`)).toMatchObject({ message_count: 1, total_message_sent: 1 });
  });
});

describe("a webhook", () => {
  test("of a forum starts posts by name, and posts into those that there are", async () => {
    const forum = await newForum({ available_tags: tags });
    const hook = await owner.post(`/channels/${forum.id}/webhooks`, { name: "Builds" });
    const path = `/webhooks/${hook.id}/${hook.token}`;
    const anyone = platform.anonymous();
    const socket = await platform.socket(owner);
    const applied_tags = [forum.available_tags[0].id];
    const started = await anyone.post(`${path}?wait=true`, { content: "passed", thread_name: "Build 5", applied_tags });
    expectShape("MessageResponse", started);
    const thread = await owner.get(`/channels/${started.channel_id}`);
    expect(thread).toMatchObject({ id: started.id, name: "Build 5", owner_id: hook.id, member_count: 0, applied_tags });
    const names = () => socket.dispatches.filter(({ d }) => d.id === thread.id).map(({ t }) => t);
    await socket.event("MESSAGE_CREATE", (d) => d.id === started.id);
    expect(names()).toEqual(["THREAD_CREATE", "MESSAGE_CREATE"]);
    await owner.patch(`/channels/${thread.id}`, { archived: true });
    const more = await anyone.post(`${path}?wait=true&thread_id=${thread.id}`, { content: "again" });
    expect(more.channel_id).toBe(thread.id);
    expect(await owner.get(`/channels/${thread.id}`)).toMatchObject({
      message_count: 1,
      thread_metadata: { archived: false },
    });
    await socket.event("MESSAGE_CREATE", (d) => d.id === more.id);
    await refused(220_001, anyone, "POST", path, { content: "where?" });
    await refused(220_002, anyone, "POST", `${path}?thread_id=${thread.id}`, { content: "both", thread_name: "t" });
    await owner.patch(`/channels/${thread.id}`, { locked: true });
    await refused(Code.ThreadLocked, anyone, "POST", `${path}?thread_id=${thread.id}`, { content: "locked" });
    const other = await post(await newForum());
    await refused(Code.UnknownChannel, anyone, "POST", `${path}?thread_id=${other.id}`, { content: "elsewhere" });
    await refused(Code.UnknownChannel, anyone, "POST", `${path}?thread_id=${forum.id}`, { content: "no thread" });
    socket.close();
  });

  test("of a text channel posts into its threads, and starts none", async () => {
    const hook = await owner.post(`/channels/${guild.channelId}/webhooks`, { name: "Builds" });
    const path = `/webhooks/${hook.id}/${hook.token}`;
    const thread = await owner.post(`/channels/${guild.channelId}/threads`, { name: "t", type: 11 });
    const said = await platform.anonymous().post(`${path}?wait=true&thread_id=${thread.id}`, { content: "hello" });
    expect(said).toMatchObject({ channel_id: thread.id, webhook_id: hook.id });
    await refused(220_003, platform.anonymous(), "POST", path, { content: "hello", thread_name: "t" });
  });
});
