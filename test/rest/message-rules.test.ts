import { describe, expect, test } from "vitest";
import type { Json } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import { Code, refused } from "./refused.ts";

const platform = await startPlatform();
const owner = await platform.person("owner");
const member = await platform.person("member");
const guild = await platform.guild(owner);
await platform.join(owner, guild, member);
const messages = `/channels/${guild.channelId}/messages`;
const form = Code.InvalidFormBodyOrContentType;

const post = (body: object, as = owner) => as.request("POST", messages, body);
const newChannel = (deny = "0") =>
  owner.post(`/guilds/${guild.id}/channels`, {
    name: "other",
    permission_overwrites: [{ id: guild.id, type: 0, allow: "0", deny }],
  });

describe("an embed", () => {
  const many = (n: number, of: object) => Array.from({ length: n }, () => of);
  test.each([
    ["title", { title: "x".repeat(256) }, { title: "x".repeat(257) }],
    ["description", { description: "x".repeat(4096) }, { description: "x".repeat(4097) }],
    ["footer", { footer: { text: "x".repeat(2048) } }, { footer: { text: "x".repeat(2049) } }],
    ["author", { author: { name: "x".repeat(256) } }, { author: { name: "x".repeat(257) } }],
    ["fields", { fields: many(25, { name: "n", value: "v" }) }, { fields: many(26, { name: "n", value: "v" }) }],
    [
      "fields",
      { fields: [{ name: "x".repeat(256), value: "v" }] },
      { fields: [{ name: "x".repeat(257), value: "v" }] },
    ],
    [
      "fields",
      { fields: [{ name: "n", value: "x".repeat(1024) }] },
      { fields: [{ name: "n", value: "x".repeat(1025) }] },
    ],
  ])("has a limit of its %s, and at the limit it is taken", async (name, taken, tooMuch) => {
    expect((await post({ embeds: [taken] })).status).toBe(200);
    const answer = await post({ embeds: [tooMuch] });
    expect(answer.body.code).toBe(form);
    expect(Object.keys(answer.body.errors.embeds[0])).toEqual([name]);
  });

  test("is one of ten, which have 6000 characters together", async () => {
    const of = (n: number, length: number) => ({ embeds: many(n, { description: "x".repeat(length) }) });
    expect((await post(of(10, 600))).status).toBe(200);
    for (const body of [of(10, 601), of(11, 1)]) expect((await post(body)).body.code).toBe(form);
  });
});

describe("allowed_mentions", () => {
  test("can't name whom to mention and ask for all of them", async () => {
    for (const kind of ["users", "roles"]) {
      const answer = await post({ content: "x", allowed_mentions: { parse: [kind], [kind]: [member.id] } });
      expect(answer.body.errors.allowed_mentions._errors[0].code).toBe("MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE");
      for (const empty of [[], null]) {
        expect((await post({ content: "x", allowed_mentions: { parse: [kind], [kind]: empty } })).status).toBe(200);
      }
    }
    const hundredAndOne = Array.from({ length: 101 }, (_, i) => String(i + 1));
    expect((await post({ content: "x", allowed_mentions: { users: hundredAndOne } })).body.code).toBe(form);
  });

  test("are all when none are named, for who may; of a webhook only users", async () => {
    const role = await owner.post(`/guilds/${guild.id}/roles`, { name: "r", mentionable: true });
    const content = `<@${member.id}> <@&${role.id}> @everyone`;
    const mentioned = ({ mentions, mention_roles, mention_everyone }: Json) => [
      mentions.length,
      mention_roles.length,
      mention_everyone,
    ];
    const { id, token } = await owner.post(`/channels/${guild.channelId}/webhooks`, { name: "hook" });
    const hook = (body: object) => platform.anonymous().post(`/webhooks/${id}/${token}?wait=1`, { content, ...body });
    expect(mentioned((await post({ content })).body)).toEqual([1, 1, true]);
    expect(mentioned((await post({ content, allowed_mentions: {} })).body)).toEqual([0, 0, false]);
    expect(mentioned(await hook({}))).toEqual([1, 0, false]);
    expect(mentioned(await hook({ allowed_mentions: { parse: ["everyone", "roles"] } }))).toEqual([0, 1, true]);
  });

  test("of an edit are its own, and a reply still mentions whom it answers", async () => {
    const question = (await post({ content: "?" }, member)).body;
    const body = { content: "!", message_reference: { message_id: question.id }, allowed_mentions: { parse: [] } };
    const answer = (await post(body)).body;
    expect(answer.mentions).toEqual([]);
    const edit = (more: object) => owner.patch(`${messages}/${answer.id}`, { content: `<@${owner.id}>`, ...more });
    expect((await edit({})).mentions.map((user: Json) => user.id)).toEqual([owner.id, member.id]);
    expect((await edit({ allowed_mentions: { replied_user: true } })).mentions).toMatchObject([{ id: member.id }]);
  });

  test("keep the order in which people are named", async () => {
    const people = await Promise.all(Array.from({ length: 5 }, () => platform.person()));
    const ids = people.map((person) => person.id).reverse();
    const message = (await post({ content: ids.map((id) => `<@${id}>`).join(" ") })).body;
    expect(message.mentions.map((user: Json) => user.id)).toEqual(ids);
    expect(await owner.get(`${messages}/${message.id}`)).toEqual(message);
  });
});

describe("a forward", () => {
  const forward = (channelId: string, messageId: string, as = owner, more: object = {}) =>
    post({ message_reference: { type: 1, message_id: messageId, channel_id: channelId }, ...more }, as);

  test("copies a message of another channel as it is now, and no later change reaches the copy", async () => {
    const channel = await newChannel();
    const from = `/channels/${channel.id}/messages`;
    const source = await owner.post(from, { content: `hi <@${member.id}>`, embeds: [{ title: "t" }] });
    const { status, body: message } = await forward(channel.id, source.id, member);
    expect(status).toBe(200);
    expect(message).toMatchObject({
      type: 0,
      content: "",
      flags: 1 << 14,
      mentions: [],
      message_reference: { type: 1, message_id: source.id, channel_id: channel.id, guild_id: guild.id },
    });
    const copied = ["type", "content", "embeds", "attachments", "timestamp", "edited_timestamp", "flags", "mentions"];
    const expected = [...copied, "mention_roles", "components"].map((name) => [name, source[name]]);
    expect(message.message_snapshots).toEqual([{ message: Object.fromEntries(expected) }]);
    await owner.patch(`${from}/${source.id}`, { content: "changed" });
    await owner.delete(`${from}/${source.id}`);
    expect(await member.get(`${messages}/${message.id}`)).toEqual(message);
    const again = (await forward(guild.channelId, message.id)).body;
    expect(again.message_snapshots).toEqual(message.message_snapshots);
  });

  test("of what the sender can't read is refused", async () => {
    const hidden = await newChannel("1024");
    const secret = await owner.post(`/channels/${hidden.id}/messages`, { content: "secret" });
    expect((await forward(hidden.id, secret.id, member)).body.code).toBe(Code.MissingAccess);
    const past = await newChannel("65536");
    const old = await owner.post(`/channels/${past.id}/messages`, { content: "old" });
    expect((await forward(past.id, old.id, member)).body.code).toBe(Code.MissingPermissions);
    expect((await forward(guild.channelId, secret.id)).body.code).toBe(Code.UnknownMessage);
    expect((await forward("1", secret.id)).body.code).toBe(Code.UnknownChannel);
    const dm = await platform.person().then((other) => other.post("/users/@me/channels", { recipient_id: owner.id }));
    expect((await forward(dm.id, "1", member)).body.code).toBe(Code.UnknownChannel);
  });

  test("names its channel, has nothing of its own, and is of what somebody said", async () => {
    const { id } = (await post({ content: "x" })).body;
    const nameless = await post({ message_reference: { type: 1, message_id: id } });
    expect(nameless.body.errors.message_reference.channel_id._errors[0].code).toBe("BASE_TYPE_REQUIRED");
    for (const more of [{ content: "mine" }, { embeds: [{ title: "mine" }] }]) {
      expect((await forward(guild.channelId, id, owner, more)).body.code).toBe(form);
    }
    await owner.put(`${messages}/pins/${id}`);
    const [pinned] = await owner.get(messages);
    expect((await forward(guild.channelId, pinned.id)).body.code).toBe(Code.InvalidMessageType);
  });
});

test("suppressed embeds are not shown, and are again when they are not suppressed", async () => {
  const { id, embeds, flags } = (await post({ content: "x", embeds: [{ title: "t" }], flags: 4 })).body;
  expect([embeds, flags]).toEqual([[], 4]);
  expect((await owner.get(`${messages}/${id}`)).embeds).toEqual([]);
  const shown = await owner.patch(`${messages}/${id}`, { flags: 0 });
  expect(shown).toMatchObject({ embeds: [{ title: "t" }], flags: 0, edited_timestamp: null });
});

test("a sender sets only the flags that are a sender's", async () => {
  const all = 0x7fffffff & ~(1 << 13) & ~(1 << 15);
  const { id, flags } = (await post({ content: "x", flags: all })).body;
  expect(flags).toBe((1 << 2) | (1 << 12));
  expect((await owner.patch(`${messages}/${id}`, { flags: 0 })).flags).toBe(1 << 12);
});

test("stickers that no guild has are refused", async () => {
  expect((await post({ content: "x", sticker_ids: ["1"] })).body.code).toBe(Code.UnknownSticker);
  expect((await post({ content: "x", sticker_ids: ["1", "2", "3", "4"] })).body.code).toBe(form);
  expect((await post({ content: "x", sticker_ids: [], poll: null })).status).toBe(200);
});

test("an edit that others may not make changes nothing", async () => {
  const { id } = (await post({ content: "before", embeds: [{ title: "t" }] }, member)).body;
  for (const body of [{ content: "x" }, { embeds: [] }, { content: null, flags: 4 }, { flags: 4, embeds: [] }, {}]) {
    await refused(Code.CannotEditMessageAuthoredByAnotherUser, owner, "PATCH", `${messages}/${id}`, body);
  }
  const bystander = await platform.person();
  await platform.join(owner, guild, bystander);
  await refused(Code.CannotEditMessageAuthoredByAnotherUser, bystander, "PATCH", `${messages}/${id}`, { flags: 4 });
  expect(await owner.get(`${messages}/${id}`)).toMatchObject({ content: "before", flags: 0, edited_timestamp: null });
});
