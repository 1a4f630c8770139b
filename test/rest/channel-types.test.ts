import { describe, expect, test } from "vitest";
import type { Json } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import { Code, refused } from "./refused.ts";
import { expectShape } from "./shape.ts";

const platform = await startPlatform();
const owner = await platform.person("owner");
const guild = await platform.guild(owner);
const channels = `/guilds/${guild.id}/channels`;
const [TEXT, VOICE, ANNOUNCEMENT, STAGE, FORUM, MEDIA] = [0, 2, 5, 13, 15, 16];

const make = (type: number | undefined, fields: object = {}) => owner.post(channels, { name: "made", type, ...fields });

describe("a channel of each type", () => {
  test.each([
    [
      VOICE,
      { bitrate: 96_000, user_limit: 99, rtc_region: "rotterdam", video_quality_mode: 2, rate_limit_per_user: 5 },
    ],
    [STAGE, { bitrate: 64_000, user_limit: 10_000, rtc_region: null, nsfw: true }],
    [TEXT, { topic: "t".repeat(1024), default_thread_rate_limit_per_user: 9, default_auto_archive_duration: 10_080 }],
    [
      FORUM,
      {
        topic: "t".repeat(4096),
        rate_limit_per_user: 30,
        default_thread_rate_limit_per_user: 10,
        default_auto_archive_duration: 60,
        default_sort_order: 1,
        default_forum_layout: 2,
        default_tag_setting: "match_some",
        default_reaction_emoji: { emoji_id: null, emoji_name: "👍" },
        flags: 1 << 4,
      },
    ],
    [MEDIA, { default_sort_order: 0, flags: (1 << 4) | (1 << 15) }],
  ])("%i keeps what it has, over PATCH and on the gateway", async (type, fields) => {
    const socket = await platform.socket(owner);
    const made = await make(type, fields);
    expect(made).toMatchObject({ type, ...fields });
    // Discord's description of answers has no media channels.
    if (type !== MEDIA) expectShape("GuildChannelResponse", made);
    expect(await owner.get(`/channels/${made.id}`)).toEqual(made);
    expect((await socket.event("CHANNEL_CREATE", (d) => d.id === made.id)).d).toEqual(made);
    expect(await owner.patch(`/channels/${made.id}`, { name: "renamed" })).toEqual({ ...made, name: "renamed" });
    expect(await owner.patch(`/channels/${made.id}`, fields)).toEqual({ ...made, name: "renamed" });
    socket.close();
  });

  test("takes nothing that another type has", async () => {
    const forumOnly = { available_tags: [{ name: "tag" }], default_sort_order: 1, flags: 1 << 4 };
    const text = await make(TEXT, { ...forumOnly, bitrate: 8000, user_limit: 5 });
    expect(text).toMatchObject({ flags: 0 });
    for (const field of ["available_tags", "default_sort_order", "bitrate", "user_limit"]) {
      expect(text).not.toHaveProperty(field);
    }
    expect(await make(FORUM, { flags: 1 << 15 })).toMatchObject({ flags: 0 });
  });

  test.each([
    [TEXT, { topic: "t".repeat(1025) }, "topic", "BASE_TYPE_BAD_LENGTH"],
    [FORUM, { topic: "t".repeat(4097) }, "topic", "BASE_TYPE_BAD_LENGTH"],
    [VOICE, { user_limit: 100 }, "user_limit", "NUMBER_TYPE_MAX"],
    [STAGE, { bitrate: 64_001 }, "bitrate", "NUMBER_TYPE_MAX"],
    [VOICE, { bitrate: 7999 }, "bitrate", "NUMBER_TYPE_MIN"],
    [VOICE, { video_quality_mode: 3 }, "video_quality_mode", "BASE_TYPE_CHOICES"],
    [FORUM, { default_sort_order: 2 }, "default_sort_order", "BASE_TYPE_CHOICES"],
    [TEXT, { rate_limit_per_user: 21_601 }, "rate_limit_per_user", "NUMBER_TYPE_MAX"],
    [TEXT, { default_auto_archive_duration: 61 }, "default_auto_archive_duration", "BASE_TYPE_CHOICES"],
    [TEXT, { nsfw: true, flags: 1 << 21 }, "flags", "BASE_TYPE_INVALID"],
    [
      FORUM,
      { available_tags: Array.from({ length: 21 }, (_, n) => ({ name: `${n}` })) },
      "available_tags",
      "BASE_TYPE_BAD_LENGTH",
    ],
  ])("%i refuses %j", async (type, fields, field, code) => {
    const answer = await owner.request("POST", channels, { name: "made", type, ...fields });
    expect(answer.body).toMatchObject({ code: 50035, errors: { [field]: { _errors: [{ code }] } } });
    const { id } = await make(type);
    const patched = await owner.request("PATCH", `/channels/${id}`, fields);
    expect(patched.body).toMatchObject({ code: 50035, errors: { [field]: { _errors: [{ code }] } } });
  });

  test("of text that turns into one for announcements forgets its slowmode; no other type can be changed", async () => {
    const { id } = await make(TEXT, { rate_limit_per_user: 60 });
    expect(await owner.patch(`/channels/${id}`, { type: ANNOUNCEMENT })).toMatchObject({ rate_limit_per_user: 0 });
    const forum = await make(FORUM);
    await refused(Code.CannotExecuteActionOnThisChannelType, owner, "PATCH", `/channels/${forum.id}`, { type: TEXT });
    await refused(Code.CannotExecuteActionOnThisChannelType, owner, "PATCH", `/channels/${id}`, { type: FORUM });
  });
});

describe("a forum's tags", () => {
  test("get ids, keep them when they are named again, and go when they are not", async () => {
    const forum = await make(FORUM, {
      available_tags: [
        { name: "help", emoji_name: "🔥" },
        { name: "done", moderated: true },
      ],
    });
    const [help, done] = forum.available_tags;
    expect(help).toEqual({ id: expect.any(String), name: "help", moderated: false, emoji_id: null, emoji_name: "🔥" });
    const renamed = { ...done, name: "finished" };
    const changed = await owner.patch(`/channels/${forum.id}`, { available_tags: [renamed, { name: "new" }] });
    expect(changed.available_tags.map(({ id, name }: Json) => [id, name])).toEqual([
      [done.id, "finished"],
      [expect.not.stringMatching(help.id), "new"],
    ]);
    expect((await owner.patch(`/channels/${forum.id}`, { available_tags: [] })).available_tags).toEqual([]);
  });

  test("are refused with two of a name, an id that no tag has, or an emoji that the guild doesn't have", async () => {
    const forum = await make(FORUM, { available_tags: [{ name: "one" }] });
    const path = `/channels/${forum.id}`;
    const [{ id }] = forum.available_tags;
    await refused(Code.TagNamesMustBeUnique, owner, "PATCH", path, { available_tags: [{ name: "a" }, { name: "a" }] });
    await refused(Code.UnknownTag, owner, "PATCH", path, { available_tags: [{ id: "1", name: "a" }] });
    await refused(Code.UnknownTag, owner, "PATCH", path, {
      available_tags: [
        { id, name: "a" },
        { id, name: "b" },
      ],
    });
    await refused(Code.UnknownEmoji, owner, "PATCH", path, { available_tags: [{ name: "a", emoji_id: "5" }] });
    expect((await owner.get(path)).available_tags).toEqual(forum.available_tags);
  });
});

describe("messages", () => {
  test("can't be posted into a forum or a category, and can in voice and stage channels", async () => {
    const post = async (type: number | undefined) => {
      const { id } = await make(type);
      return owner.request("POST", `/channels/${id}/messages`, { content: "hello" });
    };
    expect((await post(FORUM)).body.code).toBe(Code.CannotSendAMessageInAForumChannel);
    expect((await post(MEDIA)).body.code).toBe(Code.CannotSendAMessageInAForumChannel);
    expect((await post(4)).body.code).toBe(Code.CannotSendMessagesInNonTextChannel);
    expect((await post(VOICE)).status).toBe(200);
    expect((await post(STAGE)).status).toBe(200);
  });

  test("come slowly where there is a slowmode; bots and who may bypass it don't wait, and each waits alone", async () => {
    const { id } = await make(TEXT, { rate_limit_per_user: 3600 });
    const path = `/channels/${id}/messages`;
    const [one, other] = [await platform.person(), await platform.person()];
    for (const person of [one, other]) await platform.join(owner, guild, person);
    await refused(Code.CannotSendAnEmptyMessage, one, "POST", path, { content: "" });
    await one.post(path, { content: "first" });
    const answer = await one.request("POST", path, { content: "second" });
    expect(answer.status).toBe(429);
    expect(answer.body).toEqual({
      code: 20016,
      message: expect.any(String),
      retry_after: expect.any(Number),
      global: false,
    });
    expect(answer.body.retry_after).toBeGreaterThan(3000);
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(3000);
    await other.post(path, { content: "first" });
    await one.post(`/channels/${guild.channelId}/messages`, { content: "elsewhere" });
    const bot = await platform.bot(owner, guild.id, "3072");
    for (const content of ["one", "two"]) await bot.post(path, { content });
    for (const content of ["one", "two"]) await owner.post(path, { content });
    // Managing messages and channels no longer is enough: https://discord.com/developers/docs/change-log
    const role = await owner.post(`/guilds/${guild.id}/roles`, {
      name: "m",
      permissions: String((1 << 13) | (1 << 4)),
    });
    await owner.put(`/guilds/${guild.id}/members/${one.id}/roles/${role.id}`);
    await refused(20016, one, "POST", path, { content: "second" });
    await owner.patch(`/guilds/${guild.id}/roles/${role.id}`, { permissions: String(1n << 52n) });
    await one.post(path, { content: "second" });
  });
});
