import { beforeAll, describe, expect, test } from "vitest";
import type { Client } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";

const platform = await startPlatform();
let owner: Client;
let member: Client;
let stranger: Client;
let guild: { id: string; channelId: string };
let messages: string;

beforeAll(async () => {
  owner = await platform.person("owner");
  member = await platform.person("member");
  stranger = await platform.person("stranger");
  guild = await platform.guild(owner);
  await platform.join(owner, guild, member);
  messages = `/channels/${guild.channelId}/messages`;
});

const say = async (content: string, as = owner, extra: object = {}) => as.post(messages, { content, ...extra });
const refused = async (code: number, status: number, work: ReturnType<Client["request"]>) => {
  const answer = await work;
  expect(answer.body).toMatchObject({ code });
  expect(answer.status).toBe(status);
  return answer.body;
};

describe("posting", () => {
  test("embeds come back typed, without nulls, times in Discord's form", async () => {
    const embed = {
      title: "Title",
      description: null,
      timestamp: "2026-01-02T03:04:05+02:00",
      color: 255,
      fields: [{ name: "a", value: "b" }],
      footer: { text: "foot" },
    };
    const { embeds } = await owner.post(messages, { embeds: [embed] });
    expect(embeds).toEqual([
      {
        type: "rich",
        title: "Title",
        color: 255,
        timestamp: "2026-01-02T01:04:05.000000+00:00",
        fields: [{ name: "a", value: "b", inline: false }],
        footer: { text: "foot" },
      },
    ]);
  });

  test("what is stored and read again is what was answered", async () => {
    const reply = await say("an answer to <@&1> and @everyone", owner, {
      message_reference: { message_id: (await say("a question", member)).id },
      embeds: [{ title: "t" }],
    });
    expect(await owner.get(`${messages}/${reply.id}`)).toEqual(reply);
  });

  test("too many or too long things are named in nested errors", async () => {
    const body = {
      content: "x".repeat(2001),
      embeds: [{ title: "ok" }, { title: "y".repeat(257), fields: [{ name: "", value: "v" }] }],
    };
    const { errors } = await refused(50035, 400, owner.request("POST", messages, body));
    expect(errors.content._errors[0]).toMatchObject({ code: "BASE_TYPE_BAD_LENGTH" });
    expect(errors.embeds[1].title._errors[0]).toMatchObject({ code: "BASE_TYPE_BAD_LENGTH" });
    expect(errors.embeds[1].fields[0].name._errors[0]).toMatchObject({ code: "BASE_TYPE_BAD_LENGTH" });
    const long = Array.from({ length: 2 }, () => ({ description: "z".repeat(3001) }));
    await refused(50035, 400, owner.request("POST", messages, { embeds: long }));
  });

  test("nothing, or only spaces, is no message", async () => {
    await refused(50006, 400, owner.request("POST", messages, {}));
    await refused(50006, 400, owner.request("POST", messages, { content: "  \n " }));
  });

  test("into a category, without permission, or from outside is refused", async () => {
    const category = await owner.post(`/guilds/${guild.id}/channels`, { name: "category", type: 4 });
    await refused(50008, 400, owner.request("POST", `/channels/${category.id}/messages`, { content: "x" }));
    const quiet = await owner.post(`/guilds/${guild.id}/channels`, {
      name: "quiet",
      permission_overwrites: [{ id: guild.id, type: 0, allow: "0", deny: "2048" }],
    });
    await refused(50013, 403, member.request("POST", `/channels/${quiet.id}/messages`, { content: "x" }));
    await refused(50001, 403, stranger.request("POST", messages, { content: "x" }));
    await refused(10003, 404, owner.request("POST", "/channels/1/messages", { content: "x" }));
  });

  test("a member in timeout may read and not write", async () => {
    const until = new Date(Date.now() + 60_000).toISOString();
    await owner.patch(`/guilds/${guild.id}/members/${member.id}`, { communication_disabled_until: until });
    await refused(50013, 403, member.request("POST", messages, { content: "x" }));
    expect((await member.request("GET", messages)).status).toBe(200);
    await owner.patch(`/guilds/${guild.id}/members/${member.id}`, { communication_disabled_until: null });
    await say("again", member);
  });
});

test("a message to a channel that is being deleted is posted or refused, never a fault of ours", async () => {
  for (let round = 0; round < 5; round++) {
    const channel = await owner.post(`/guilds/${guild.id}/channels`, { name: "going" });
    const path = `/channels/${channel.id}/messages`;
    const posts = Array.from({ length: 20 }, () => owner.request("POST", path, { content: "x" }));
    const deletion = owner.request("DELETE", `/channels/${channel.id}`);
    expect((await deletion).status).toBe(200);
    for (const { status, body } of await Promise.all(posts)) {
      if (status !== 200) expect([status, body.code]).toEqual([404, 10003]);
    }
  }
});

describe("replies", () => {
  test("carry the message, mention its author, and survive its deletion", async () => {
    const question = await say("question", member);
    const reply = await say("answer", owner, { message_reference: { message_id: question.id } });
    expect(reply).toMatchObject({
      type: 19,
      message_reference: { message_id: question.id, channel_id: guild.channelId, guild_id: guild.id },
      referenced_message: { id: question.id, content: "question" },
      mentions: [{ id: member.id }],
    });
    const silent = await say("answer", owner, {
      message_reference: { message_id: question.id },
      allowed_mentions: { replied_user: false },
    });
    expect(silent.mentions).toEqual([]);
    await member.delete(`${messages}/${question.id}`);
    expect((await owner.get(`${messages}/${reply.id}`)).referenced_message).toBeNull();
  });

  test("to a message of another channel, which would show it to who can't see it, are refused", async () => {
    const hidden = await owner.post(`/guilds/${guild.id}/channels`, {
      name: "hidden",
      permission_overwrites: [{ id: guild.id, type: 0, allow: "0", deny: "1024" }],
    });
    const secret = await owner.post(`/channels/${hidden.id}/messages`, { content: "secret" });
    for (const channel_id of [undefined, hidden.id]) {
      const body = { content: "x", message_reference: { message_id: secret.id, channel_id } };
      const { errors } = await refused(50035, 400, member.request("POST", messages, body));
      expect(errors.message_reference._errors[0].code).toBe("REPLIES_UNKNOWN_MESSAGE");
    }
  });

  test("to what does not exist are posted when asked to", async () => {
    const reference = { message_id: "1", fail_if_not_exists: false };
    expect((await say("into the void", owner, { message_reference: reference })).referenced_message).toBeNull();
  });
});

describe("mentions", () => {
  test("of users and roles are resolved; @everyone only with the permission", async () => {
    const role = await owner.post(`/guilds/${guild.id}/roles`, { name: "open", mentionable: true });
    const shut = await owner.post(`/guilds/${guild.id}/roles`, { name: "shut" });
    const content = `<@${member.id}> <@!${owner.id}> <@1> <@&${role.id}> <@&${shut.id}> @everyone`;
    const byOwner = await say(content);
    expect(byOwner.mentions.map(({ id }: { id: string }) => id).sort()).toEqual([owner.id, member.id].sort());
    expect(byOwner).toMatchObject({ mention_everyone: true });
    expect(byOwner.mention_roles.sort()).toEqual([role.id, shut.id].sort());
    await owner.patch(`/guilds/${guild.id}/roles/${guild.id}`, { permissions: String(1024 + 2048 + 16384 + 65536) });
    const byMember = await say(content, member);
    expect(byMember).toMatchObject({ mention_everyone: false, mention_roles: [role.id] });
  });

  test.each([
    [{ parse: [] }, 0, 0],
    [{ parse: ["users"] }, 2, 0],
    [{ parse: ["roles"] }, 0, 1],
    [{ users: ["self"] }, 1, 0],
  ])("allowed_mentions %j", async (allowed, users, roles) => {
    const role = await owner.post(`/guilds/${guild.id}/roles`, { name: "r", mentionable: true });
    const named = "users" in allowed ? { users: [member.id] } : allowed;
    const message = await say(`<@${member.id}> <@${owner.id}> <@&${role.id}>`, owner, { allowed_mentions: named });
    expect([message.mentions.length, message.mention_roles.length]).toEqual([users, roles]);
  });
});

describe("nonces", () => {
  test("come back, and when enforced name one message", async () => {
    const first = await say("once", owner, { nonce: "n1", enforce_nonce: true });
    expect(first.nonce).toBe("n1");
    const again = await say("once", owner, { nonce: "n1", enforce_nonce: true });
    expect(again.id).toBe(first.id);
    const elsewhere = await say("once", member, { nonce: "n1", enforce_nonce: true });
    expect(elsewhere.id).not.toBe(first.id);
    expect((await say("twice", owner, { nonce: "n1" })).id).not.toBe(first.id);
    await refused(50035, 400, owner.request("POST", messages, { content: "x", nonce: "x".repeat(26) }));
  });
});

describe("listing", () => {
  test("before, after, around and limit, newest first", async () => {
    const channel = await owner.post(`/guilds/${guild.id}/channels`, { name: "list" });
    const path = `/channels/${channel.id}/messages`;
    const ids: string[] = [];
    for (let i = 0; i < 10; i++) ids.push((await owner.post(path, { content: `${i}` })).id);
    const list = async (query: string) =>
      (await owner.get(`${path}?${query}`)).map(({ content }: { content: string }) => Number(content));
    expect(await list("")).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    expect(await list("limit=3")).toEqual([9, 8, 7]);
    expect(await list(`before=${ids[5]}&limit=2`)).toEqual([4, 3]);
    expect(await list(`after=${ids[5]}&limit=2`)).toEqual([7, 6]);
    expect(await list(`around=${ids[5]}&limit=5`)).toEqual([7, 6, 5, 4, 3]);
    for (const bad of ["limit=0", "limit=101", "limit=x", "before=x"]) {
      await refused(50035, 400, owner.request("GET", `${path}?${bad}`));
    }
  });

  test("without READ_MESSAGE_HISTORY there is none", async () => {
    const channel = await owner.post(`/guilds/${guild.id}/channels`, {
      name: "no history",
      permission_overwrites: [{ id: guild.id, type: 0, allow: "0", deny: "65536" }],
    });
    const { id } = await owner.post(`/channels/${channel.id}/messages`, { content: "x" });
    expect(await member.get(`/channels/${channel.id}/messages`)).toEqual([]);
    await refused(50013, 403, member.request("GET", `/channels/${channel.id}/messages/${id}`));
  });
});

describe("editing and deleting", () => {
  test("the author edits; others may only suppress embeds, if they manage messages", async () => {
    const message = await say("before", member, { embeds: [{ title: "t" }] });
    const edited = await member.patch(`${messages}/${message.id}`, { content: "after" });
    expect(edited).toMatchObject({ content: "after", embeds: [{ title: "t" }], edited_timestamp: expect.any(String) });
    await refused(50005, 403, owner.request("PATCH", `${messages}/${message.id}`, { content: "forged" }));
    expect((await owner.patch(`${messages}/${message.id}`, { flags: 4 })).flags).toBe(4);
    await refused(50006, 400, member.request("PATCH", `${messages}/${message.id}`, { content: "", embeds: [] }));
    expect((await member.get(`${messages}/${message.id}`)).content).toBe("after");
  });

  test("a deleted message is gone for everybody", async () => {
    const message = await say("short-lived", member);
    const other = await say("not yours", owner);
    await refused(50013, 403, member.request("DELETE", `${messages}/${other.id}`));
    await owner.delete(`${messages}/${message.id}`);
    await refused(10008, 404, owner.request("GET", `${messages}/${message.id}`));
    await refused(10008, 404, owner.request("DELETE", `${messages}/${message.id}`));
    await refused(10008, 404, member.request("PATCH", `${messages}/${message.id}`, { content: "x" }));
    const listed = (await owner.get(messages)).map(({ id }: { id: string }) => id);
    expect(listed).not.toContain(message.id);
  });

  test("in bulk: two to a hundred, not older than two weeks, only of this channel", async () => {
    const bulk = (ids: string[], as = owner) => as.request("POST", `${messages}/bulk-delete`, { messages: ids });
    const ids = [(await say("1")).id, (await say("2")).id];
    const other = await owner.post(`/guilds/${guild.id}/channels`, { name: "other" });
    const foreign = await owner.post(`/channels/${other.id}/messages`, { content: "stays" });
    await refused(50016, 400, bulk(ids.slice(1)));
    const twice = await refused(50035, 400, bulk([ids[0], ids[0]]));
    expect(twice.errors.messages._errors[0].code).toBe("SET_TYPE_ALREADY_CONTAINS_VALUE");
    await refused(50034, 400, bulk([...ids, "1234567890"]));
    await refused(50013, 403, bulk(ids, member));
    expect((await bulk([...ids, foreign.id])).status).toBe(204);
    for (const id of ids) await refused(10008, 404, owner.request("GET", `${messages}/${id}`));
    expect((await owner.get(`/channels/${other.id}/messages/${foreign.id}`)).content).toBe("stays");
  });
});
