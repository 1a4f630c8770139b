import { describe, expect, test } from "vitest";
import type { Json } from "../harness/client.ts";
import { form } from "../harness/forms.ts";
import { makeStage } from "../harness/interactions.ts";
import { startPlatform } from "../harness/platform.ts";
import { Socket } from "../harness/socket.ts";

const platform = await startPlatform();
const stage = await makeStage(platform);
const { bot, member, guildId, channelId, memberSocket, botSocket } = stage;
const anyone = platform.anonymous();
const EPHEMERAL = 64;
const LOADING = 128;

const greet = await stage.command({
  name: "greet",
  options: [
    { type: 3, name: "text", description: "d", required: true, max_length: 10 },
    { type: 6, name: "user", description: "d" },
    { type: 8, name: "role", description: "d" },
    { type: 7, name: "channel", description: "d", channel_types: [0] },
    { type: 9, name: "any", description: "d" },
    { type: 4, name: "count", description: "d", min_value: 1, max_value: 5 },
    { type: 10, name: "ratio", description: "d" },
    { type: 5, name: "loud", description: "d" },
    { type: 11, name: "file", description: "d" },
    { type: 3, name: "color", description: "d", choices: [{ name: "Red", value: "red" }] },
  ],
});
const say = (text: string) => ({ type: 3, name: "text", value: text });
const greeting = (...options: object[]) => ({ id: greet.id, name: "greet", type: 1, options: [say("hi"), ...options] });
const hooks = (interaction: Json) => `/webhooks/${bot.id}/${interaction.token}`;

describe("a command", () => {
  test("reaches the bot with all that it needs to know", async () => {
    const told = await stage.use(2, greeting({ type: 4, name: "count", value: 3 }));
    expect(told).toMatchObject({
      application_id: bot.id,
      type: 2,
      version: 1,
      guild_id: guildId,
      channel_id: channelId,
      channel: { id: channelId, type: 0, permissions: expect.stringMatching(/^\d+$/) },
      guild: { id: guildId, locale: "en-US", features: [] },
      member: { user: { id: member.id }, permissions: expect.stringMatching(/^\d+$/), roles: [] },
      data: {
        id: greet.id,
        name: "greet",
        type: 1,
        guild_id: guildId,
        options: [
          { type: 3, name: "text", value: "hi" },
          { type: 4, name: "count", value: 3 },
        ],
      },
      app_permissions: expect.stringMatching(/^\d+$/),
      locale: "en-US",
      guild_locale: "en-US",
      entitlements: [],
      authorizing_integration_owners: { "0": guildId },
      context: 0,
    });
    expect(told.attachment_size_limit).toBeGreaterThan(0);
    expect(told.token.length).toBeGreaterThan(60);
    expect(told.message).toBeUndefined();
  });

  test("is answered by a message that says who asked for what", async () => {
    const told = await stage.use(2, greeting());
    const { status, body } = await stage.answer(told, { type: 4, data: { content: "hello" } }, "?with_response=true");
    expect(status, JSON.stringify(body)).toBe(200);
    expect(body.interaction).toMatchObject({
      id: told.id,
      type: 2,
      response_message_loading: false,
      response_message_ephemeral: false,
    });
    expect(body.resource).toMatchObject({
      type: 4,
      message: {
        content: "hello",
        type: 20,
        author: { id: bot.id, bot: true },
        webhook_id: bot.id,
        application_id: bot.id,
      },
    });
    const { message } = body.resource;
    expect(message.interaction_metadata).toMatchObject({
      id: told.id,
      type: 2,
      user: { id: member.id },
      authorizing_integration_owners: { "0": guildId },
    });
    expect(message.interaction).toMatchObject({ id: told.id, type: 2, name: "greet", user: { id: member.id } });
    const seen = await memberSocket.event("MESSAGE_CREATE", (d) => d.id === message.id);
    expect(seen.d).toMatchObject({ guild_id: guildId, content: "hello", interaction_metadata: { id: told.id } });
    expect((await memberSocket.event("INTERACTION_SUCCESS", (d) => d.id === told.id)).d).toEqual({
      id: told.id,
      nonce: told.nonce,
    });
    expect(await member.get(`/channels/${channelId}/messages/${message.id}`)).toMatchObject({
      content: "hello",
      interaction_metadata: { user: { id: member.id } },
    });
    expect(await anyone.get(`${hooks(told)}/messages/@original`)).toMatchObject({ id: message.id });
  });

  test("resolves what it names: members, roles, channels and files", async () => {
    const role = await stage.owner.post(`/guilds/${guildId}/roles`, { name: "role" });
    const payload = {
      type: 2,
      application_id: bot.id,
      guild_id: guildId,
      channel_id: channelId,
      nonce: "resolved",
      data: greeting(
        { type: 6, name: "user", value: bot.id },
        { type: 8, name: "role", value: role.id },
        { type: 7, name: "channel", value: channelId },
        { type: 9, name: "any", value: member.id },
        { type: 11, name: "file", value: 0 },
      ),
    };
    expect((await member.request("POST", "/interactions", form(payload, ["log.txt", "passed"]))).status).toBe(204);
    const { d } = await memberSocket.event("INTERACTION_CREATE", (one) => one.nonce === "resolved");
    const { d: told } = await botSocket.event("INTERACTION_CREATE", (one) => one.id === d.id);
    const { resolved, options } = told.data;
    expect(Object.keys(resolved.users).sort()).toEqual([bot.id, member.id].sort());
    expect(resolved.members[member.id]).toMatchObject({ roles: [], permissions: expect.stringMatching(/^\d+$/) });
    expect(resolved.members[member.id]).not.toHaveProperty("user");
    expect(resolved.members[member.id]).not.toHaveProperty("deaf");
    expect(resolved.roles[role.id]).toMatchObject({ name: "role" });
    expect(resolved.channels[channelId]).toMatchObject({ type: 0, app_permissions: expect.stringMatching(/^\d+$/) });
    const file = resolved.attachments[options.at(-1).value];
    expect(file).toMatchObject({ filename: "log.txt", size: 6 });
    expect(await (await fetch(file.url)).text()).toBe("passed");
  });

  test("has subcommands, whose name the answer bears", async () => {
    const sub = {
      type: 1,
      name: "add",
      description: "d",
      options: [{ type: 3, name: "what", description: "d", required: true }],
    };
    const made = await stage.command({
      name: "list",
      options: [{ type: 2, name: "items", description: "d", options: [sub] }],
    });
    const options = [
      {
        type: 2,
        name: "items",
        options: [{ type: 1, name: "add", options: [{ type: 3, name: "what", value: "milk" }] }],
      },
    ];
    const told = await stage.use(2, { id: made.id, options });
    expect(told.data.options).toEqual(options);
    const { body } = await stage.answer(told, { type: 4, data: { content: "x" } }, "?with_response=true");
    expect(body.resource.message.interaction.name).toBe("list items add");
    for (const wrong of [[], [{ type: 2, name: "items" }], [{ type: 1, name: "add" }], [...options, ...options]]) {
      expect((await stage.tries(2, { id: made.id, options: wrong })).status, JSON.stringify(wrong)).toBe(400);
    }
  });

  test("of a user or a message names its target", async () => {
    const wave = await stage.command({ name: "Wave", type: 2, description: "" });
    const told = await stage.use(2, { id: wave.id, target_id: member.id });
    expect(told.data).toMatchObject({
      type: 2,
      target_id: member.id,
      resolved: { users: { [member.id]: { id: member.id } }, members: { [member.id]: {} } },
    });
    const { body } = await stage.answer(told, { type: 4, data: { content: "waves" } }, "?with_response=true");
    expect(body.resource.message).toMatchObject({ type: 23, interaction_metadata: { target_user: { id: member.id } } });
    const keep = await stage.command({ name: "Keep", type: 3, description: "" });
    const message = await member.post(`/channels/${channelId}/messages`, { content: "keep me" });
    const kept = await stage.use(2, { id: keep.id, target_id: message.id });
    expect(kept.data.resolved.messages[message.id]).toMatchObject({ content: "keep me" });
    const answered = await stage.answer(kept, { type: 4, data: { content: "kept" } }, "?with_response=true");
    expect(answered.body.resource.message.interaction_metadata).toMatchObject({ target_message_id: message.id });
    expect((await stage.tries(2, { id: keep.id, target_id: "1" })).body.code).toBe(10008);
    expect((await stage.tries(2, { id: wave.id, target_id: "1" })).body.code).toBe(10013);
  });

  test.each([
    ["a text that is too long", [say("x".repeat(11))]],
    ["a required option left out", []],
    ["an unknown option", [say("x"), { type: 3, name: "nope", value: "x" }]],
    ["an option twice", [say("x"), say("y")]],
    ["an option of another type", [{ type: 4, name: "text", value: 1 }]],
    ["a number for a text", [{ type: 3, name: "text", value: 1 }]],
    ["a number out of range", [say("x"), { type: 4, name: "count", value: 6 }]],
    ["half a whole number", [say("x"), { type: 4, name: "count", value: 1.5 }]],
    ["a number beyond doubles", [say("x"), { type: 10, name: "ratio", value: 1e300 }]],
    ["no choice", [say("x"), { type: 3, name: "color", value: "blue" }]],
    ["no boolean", [say("x"), { type: 5, name: "loud", value: "true" }]],
    ["a user that isn't there", [say("x"), { type: 6, name: "user", value: "1" }]],
    ["a user that is SQL", [say("x"), { type: 6, name: "user", value: "1'; drop table users" }]],
    ["a role that isn't there", [say("x"), { type: 8, name: "role", value: "1" }]],
    ["a channel that isn't there", [say("x"), { type: 7, name: "channel", value: "1" }]],
    ["a file that didn't come", [say("x"), { type: 11, name: "file", value: 0 }]],
    [
      "options in an option",
      [
        { ...say("x"), options: [say("y")] },
        { type: 1, name: "x", options: [{ type: 1, name: "y", options: [] }] },
      ],
    ],
    ["__proto__", [say("x"), { type: 3, name: "__proto__", value: "x" }]],
  ])("%s: refused, and the bot hears nothing", async (_what, options) => {
    const before = botSocket.received.length;
    const answer = await stage.tries(2, { id: greet.id, options });
    expect({ status: answer.status, code: answer.body.code }, JSON.stringify(answer.body)).toEqual({
      status: 400,
      code: 50035,
    });
    await botSocket.settled();
    expect(botSocket.received.slice(before).filter(({ t }) => t === "INTERACTION_CREATE")).toEqual([]);
  });

  test("with another version than there is now: refused", async () => {
    expect((await stage.tries(2, { ...greeting(), version: "1" })).body.code).toBe(50035);
    expect((await stage.tries(2, { ...greeting(), version: greet.version })).status).toBe(204);
  });
});

describe("answers", () => {
  test("a deferral shows a message that loads, until it is edited", async () => {
    const told = await stage.use(2, greeting());
    const deferred = await stage.answer(told, { type: 5 }, "?with_response=true");
    expect(deferred.body.interaction).toMatchObject({ response_message_loading: true });
    const id = deferred.body.interaction.response_message_id;
    const shown = await memberSocket.event("MESSAGE_CREATE", (d) => d.id === id);
    expect(shown.d).toMatchObject({ content: "", flags: LOADING });
    const edited = await anyone.patch(`${hooks(told)}/messages/@original`, { content: "done" });
    expect(edited).toMatchObject({ id, content: "done", flags: 0, edited_timestamp: null });
    expect((await memberSocket.event("MESSAGE_UPDATE", (d) => d.id === id)).d).toMatchObject({
      content: "done",
      flags: 0,
    });
    const again = await anyone.patch(`${hooks(told)}/messages/@original`, { content: "more" });
    expect(again.edited_timestamp).not.toBeNull();
  });

  test("a follow-up after a deferral fills it in, the next one is a message of its own", async () => {
    const told = await stage.use(2, greeting());
    await stage.answer(told, { type: 5, data: { flags: EPHEMERAL } });
    const first = await anyone.post(hooks(told), { content: "one" });
    expect(first.flags).toBe(EPHEMERAL);
    expect(await anyone.get(`${hooks(told)}/messages/@original`)).toMatchObject({ id: first.id, content: "one" });
    const second = await anyone.post(hooks(told), { content: "two" });
    expect(second).toMatchObject({
      flags: 0,
      type: 19,
      message_reference: { message_id: first.id },
      interaction_metadata: { original_response_message_id: first.id },
    });
    expect(await anyone.patch(`${hooks(told)}/messages/${second.id}`, { content: "2" })).toMatchObject({
      content: "2",
    });
    expect(await anyone.get(`${hooks(told)}/messages/${second.id}`)).toMatchObject({ content: "2" });
    await anyone.delete(`${hooks(told)}/messages/${second.id}`);
    expect((await anyone.request("GET", `${hooks(told)}/messages/${second.id}`)).body.code).toBe(10008);
    await anyone.delete(`${hooks(told)}/messages/@original`);
    expect((await anyone.request("GET", `${hooks(told)}/messages/@original`)).body.code).toBe(10008);
    expect((await memberSocket.event("MESSAGE_DELETE", (d) => d.id === first.id)).d).toMatchObject({
      channel_id: channelId,
      guild_id: guildId,
    });
  });

  test("with files, embeds and components", async () => {
    const told = await stage.use(2, greeting());
    const components = [{ type: 1, components: [{ type: 2, style: 1, label: "Go", custom_id: "go" }] }];
    const data = { embeds: [{ title: "t" }], components, attachments: [{ id: "0", description: "d" }] };
    const { body } = await stage.answer(told, form({ type: 4, data }, ["log.txt", "passed"]), "?with_response=true");
    expect(body.resource.message).toMatchObject({
      embeds: [{ title: "t" }],
      components: [{ components: [{ custom_id: "go" }] }],
      attachments: [{ filename: "log.txt", description: "d" }],
    });
  });

  test("a second one is refused, one that was refused for what it says leaves its turn", async () => {
    const told = await stage.use(2, greeting());
    expect((await stage.answer(told, { type: 4, data: {} })).body.code).toBe(50006);
    expect((await stage.answer(told, { type: 4, data: { content: "x".repeat(2001) } })).body.code).toBe(50035);
    expect((await stage.answer(told, { type: 4, data: { content: "one" } })).status).toBe(204);
    const second = await stage.answer(told, { type: 4, data: { content: "two" } });
    expect([second.status, second.body.code]).toEqual([400, 40060]);
  });

  test("of fifty at once exactly one is taken", async () => {
    const told = await stage.use(2, greeting());
    const all = await Promise.all(
      Array.from({ length: 50 }, (_, i) => stage.answer(told, { type: 4, data: { content: `no ${i}` } })),
    );
    expect(all.filter(({ status }) => status === 204)).toHaveLength(1);
    expect(all.filter(({ body }) => body?.code === 40060)).toHaveLength(49);
    const messages = await member.get(`/channels/${channelId}/messages`);
    expect(messages.filter((one: Json) => one.interaction_metadata?.id === told.id)).toHaveLength(1);
  });

  test.each([
    ["PONG", { type: 1 }],
    ["an update where there is no message", { type: 7, data: { content: "x" } }],
    ["a deferred update", { type: 6 }],
    ["suggestions", { type: 8, data: { choices: [] } }],
    ["an activity", { type: 12 }],
    ["an upgrade", { type: 10 }],
    ["no type", {}],
    ["a poll", { type: 4, data: { poll: {} } }],
  ])("%s: refused", async (_what, body) => {
    const told = await stage.use(2, greeting());
    const answer = await stage.answer(told, body);
    expect([answer.status, answer.body.code]).toEqual([400, 50035]);
  });
});

describe("ephemeral answers", () => {
  test("only the one who asked sees them, also by RESUME; no one finds them in the channel", async () => {
    const other = stage.owner;
    const otherSocket = await platform.socket(other);
    const away = await platform.socket(member);
    const at = away.seq;
    away.cut();
    const told = await stage.use(2, greeting());
    const data = { content: "secret", flags: EPHEMERAL };
    const { body } = await stage.answer(told, form({ type: 4, data }, ["s.txt", "s"]), "?with_response=true");
    const { id, attachments } = body.resource.message;
    expect(body.interaction.response_message_ephemeral).toBe(true);
    const seen = await memberSocket.event("MESSAGE_CREATE", (d) => d.id === id);
    expect(seen.d).toMatchObject({ content: "secret", flags: EPHEMERAL, guild_id: guildId, author: { id: bot.id } });
    expect((await fetch(attachments[0].url)).status).toBe(200);
    const resumed = await Socket.open(platform.gatewayUrl());
    expect((await resumed.resume(member.token ?? "", away.sessionId, at)).t).toBe("RESUMED");
    expect(resumed.received.some(({ t, d }) => t === "MESSAGE_CREATE" && d.id === id)).toBe(true);
    await anyone.patch(`${hooks(told)}/messages/@original`, { content: "changed" });
    expect((await memberSocket.event("MESSAGE_UPDATE", (d) => d.id === id)).d).toMatchObject({
      content: "changed",
      flags: EPHEMERAL,
    });
    for (const who of [member, other, bot]) {
      expect((await who.request("GET", `/channels/${channelId}/messages/${id}`)).body.code).toBe(10008);
      const list = await who.get(`/channels/${channelId}/messages?limit=100`);
      expect(list.some((one: Json) => one.id === id)).toBe(false);
      expect((await who.request("PUT", `/channels/${channelId}/messages/${id}/reactions/🔥/@me`)).body.code).toBe(
        10008,
      );
    }
    await anyone.delete(`${hooks(told)}/messages/@original`);
    await memberSocket.event("MESSAGE_DELETE", (d) => d.id === id);
    await Promise.all([otherSocket.settled(), botSocket.settled()]);
    for (const socket of [otherSocket, botSocket]) {
      expect(socket.received.filter(({ d }) => JSON.stringify(d ?? null).includes(id))).toEqual([]);
    }
    otherSocket.close();
    resumed.close();
  });
});

describe("follow-ups at once", () => {
  test.each([
    ["a message", 0, false],
    ["a message for one person", 64, false],
    ["a message with a file", 0, true],
  ])("after a deferral of %s, one fills it in and none is lost", async (_what, flags, withFile) => {
    const told = await stage.use(2, greeting());
    const deferred = await stage.answer(told, { type: 5, data: { flags } }, "?with_response=true");
    const contents = ["one", "two", "three", "four", "five"];
    const said = (content: string) => (withFile ? form({ content, flags }, ["a.txt", content]) : { content, flags });
    const posted = await Promise.all(contents.map((content) => anyone.request("POST", hooks(told), said(content))));
    expect(posted.map(({ status }) => status)).toEqual(contents.map(() => 200));
    const ids = new Set(posted.map(({ body }) => body.id));
    expect([ids.size, ids.has(deferred.body.interaction.response_message_id)]).toEqual([5, true]);
    const shown = await Promise.all([...ids].map((id) => anyone.get(`${hooks(told)}/messages/${id}`)));
    expect(shown.map(({ content }) => content).sort()).toEqual([...contents].sort());
    expect(shown.map(({ attachments }) => attachments.length)).toEqual(contents.map(() => (withFile ? 1 : 0)));
  });
});

describe("autocomplete", () => {
  test("what is written goes to the bot, its suggestions come back by the gateway", async () => {
    const made = await stage.command({
      name: "find",
      options: [
        { type: 3, name: "first", description: "d", required: true },
        { type: 4, name: "which", description: "d", required: true, autocomplete: true },
      ],
    });
    const options = [{ type: 4, name: "which", value: "abc", focused: true }];
    const told = await stage.use(4, { id: made.id, options });
    expect(told.data.options).toEqual(options);
    expect((await stage.answer(told, { type: 4, data: { content: "x" } })).status).toBe(400);
    expect((await stage.answer(told, { type: 8, data: { choices: [{ name: "a", value: "text" }] } })).status).toBe(400);
    const choices = [{ name: "One", value: 1 }];
    expect((await stage.answer(told, { type: 8, data: { choices } })).status).toBe(204);
    const { d } = await memberSocket.event(
      "APPLICATION_COMMAND_AUTOCOMPLETE_RESPONSE",
      (one) => one.nonce === told.nonce,
    );
    expect(d).toEqual({ choices, nonce: told.nonce });
    expect((await stage.answer(told, { type: 8, data: { choices } })).body.code).toBe(40060);
    // Who is still writing has asked for no message.
    expect((await anyone.request("POST", hooks(told), { content: "unasked" })).body.code).toBe(10015);
    for (const wrong of [[], [{ type: 3, name: "first", value: "x", focused: true }]]) {
      expect((await stage.tries(4, { id: made.id, options: wrong })).status).toBe(400);
    }
    const tooMany = Array.from({ length: 26 }, (_, i) => ({ name: `${i}`, value: i }));
    const again = await stage.use(4, { id: made.id, options });
    expect((await stage.answer(again, { type: 8, data: { choices: tooMany } })).body.code).toBe(50035);
  });
});

describe("in a conversation with the bot", () => {
  test("global commands work, with the user in place of the member", async () => {
    const made = await bot.post(`/applications/${bot.id}/commands`, { name: "hello", description: "d" });
    const dm = await member.post("/users/@me/channels", { recipient_id: bot.id });
    const told = await stage.use(2, { id: made.id }, { channel_id: dm.id, guild_id: undefined });
    expect(told).toMatchObject({
      context: 1,
      user: { id: member.id },
      channel: { id: dm.id, type: 1 },
      authorizing_integration_owners: { "0": "0" },
    });
    expect(told).not.toHaveProperty("member");
    const { body } = await stage.answer(told, { type: 4, data: { content: "psst" } }, "?with_response=true");
    const { id } = body.resource.message;
    await memberSocket.event("MESSAGE_CREATE", (d) => d.id === id);
    await anyone.patch(`${hooks(told)}/messages/@original`, { content: "psst!" });
    await memberSocket.event("MESSAGE_UPDATE", (d) => d.id === id);
    await anyone.delete(`${hooks(told)}/messages/@original`);
    await memberSocket.event("MESSAGE_DELETE", (d) => d.id === id);
    // Only what is registered everywhere, and for conversations.
    expect((await stage.tries(2, greeting(), { channel_id: dm.id, guild_id: undefined })).body.code).toBe(10063);
    const guildOnly = await bot.post(`/applications/${bot.id}/commands`, {
      name: "inside",
      description: "d",
      contexts: [0],
    });
    expect((await stage.tries(2, { id: guildOnly.id }, { channel_id: dm.id, guild_id: undefined })).body.code).toBe(
      10063,
    );
  });
});
