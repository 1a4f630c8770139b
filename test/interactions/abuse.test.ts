import { describe, expect, test } from "vitest";
import { connectDatabase } from "../../core/db.ts";
import { makeStage } from "../harness/interactions.ts";
import { startPlatform } from "../harness/platform.ts";
import { Socket } from "../harness/socket.ts";

const platform = await startPlatform({ gateways: 2 });
const anyone = platform.anonymous();
const answerWith = (content: string) => ({ type: 4, data: { content } });

describe("tokens", () => {
  test("one application can't answer another's interaction, nor one interaction with another's token", async () => {
    const [stage, other] = [await makeStage(platform), await makeStage(platform)];
    const command = await stage.command({ name: "ping" });
    const [one, two] = [await stage.use(2, { id: command.id }), await stage.use(2, { id: command.id })];
    for (const [id, token] of [
      [one.id, two.token],
      ["1", one.token],
      [one.id, one.token.slice(1)],
      [one.id, `${one.token}x`],
    ]) {
      const answer = await other.bot.request("POST", `/interactions/${id}/${token}/callback`, answerWith("x"));
      expect([answer.status, answer.body.code]).toEqual([404, 10062]);
    }
    await stage.answer(one, answerWith("right"));
    const hook = (applicationId: string, token: string) => `/webhooks/${applicationId}/${token}`;
    expect((await other.bot.request("POST", hook(other.bot.id, one.token), { content: "x" })).body.code).toBe(50027);
    expect((await anyone.request("POST", hook(stage.bot.id, "x"), { content: "x" })).body.code).toBe(50027);
    expect((await anyone.request("POST", hook("1", one.token), { content: "x" })).body.code).toBe(10015);
    // Not the messages of others, though they are the application's: each token has its own.
    await stage.answer(two, answerWith("second"));
    const mine = await anyone.get(`${hook(stage.bot.id, one.token)}/messages/@original`);
    for (const method of ["GET", "PATCH", "DELETE"]) {
      const path = `${hook(stage.bot.id, two.token)}/messages/${mine.id}`;
      const body = method === "PATCH" ? { content: "x" } : undefined;
      expect((await anyone.request(method, path, body)).body.code).toBe(10008);
    }
    // A webhook is managed by no interaction's token.
    for (const method of ["GET", "DELETE"]) {
      expect((await anyone.request(method, hook(stage.bot.id, one.token))).body.code).toBe(10015);
    }
  });

  test("a follow-up before the first answer is refused", async () => {
    const stage = await makeStage(platform);
    const command = await stage.command({ name: "ping" });
    const told = await stage.use(2, { id: command.id });
    const early = await anyone.request("POST", `/webhooks/${stage.bot.id}/${told.token}`, { content: "x" });
    expect([early.status, early.body.code]).toEqual([404, 10015]);
  });

  test("those of a bot that was removed from the guild are worth nothing there", async () => {
    const stage = await makeStage(platform);
    const command = await stage.command({ name: "ping" });
    const [answered, waiting] = [await stage.use(2, { id: command.id }), await stage.use(2, { id: command.id })];
    await stage.answer(answered, answerWith("x"));
    await stage.owner.delete(`/guilds/${stage.guildId}/members/${stage.bot.id}`);
    expect((await stage.answer(waiting, answerWith("x"))).body.code).toBe(10062);
    const hook = `/webhooks/${stage.bot.id}/${answered.token}`;
    expect((await anyone.request("POST", hook, { content: "x" })).body.code).toBe(50027);
    expect((await anyone.request("PATCH", `${hook}/messages/@original`, { content: "x" })).body.code).toBe(50027);
    expect((await stage.tries(2, { id: command.id })).body.code).toBe(10002);
  });

  test("none is stored: the database has hashes", async () => {
    const stage = await makeStage(platform);
    const command = await stage.command({ name: "ping" });
    const told = await stage.use(2, { id: command.id });
    const sql = connectDatabase(platform.stores.databaseUrl, { name: "test" });
    const rows = await sql`select i::text as row from interactions i where id = ${told.id}`;
    expect(rows).toHaveLength(1);
    expect(String(rows[0]?.row)).not.toContain(told.token);
    await sql.end();
  });
});

describe("who may use an application", () => {
  test("bots may not, nor people who aren't there", async () => {
    const stage = await makeStage(platform);
    const command = await stage.command({ name: "ping" });
    expect((await stage.tries(2, { id: command.id }, {}, stage.bot)).body.code).toBe(20001);
    const stranger = await platform.person("stranger");
    expect((await stage.tries(2, { id: command.id }, {}, stranger)).body.code).toBe(50001);
    expect((await stage.tries(2, { id: command.id }, {}, anyone)).status).toBe(401);
  });

  test("not in a channel that they can't see, nor with another guild's name on it", async () => {
    const [stage, other] = [await makeStage(platform), await makeStage(platform)];
    const command = await stage.command({ name: "ping" });
    const hidden = await stage.owner.post(`/guilds/${stage.guildId}/channels`, {
      name: "hidden",
      permission_overwrites: [{ id: stage.guildId, type: 0, allow: "0", deny: "1024" }],
    });
    const where = { channel_id: hidden.id };
    expect((await stage.tries(2, { id: command.id }, where)).body.code).toBe(50001);
    const message = await stage.bot.post(`/channels/${hidden.id}/messages`, {
      content: "x",
      components: [{ type: 1, components: [{ type: 2, style: 1, label: "Go", custom_id: "go" }] }],
    });
    const press = { component_type: 2, custom_id: "go" };
    expect((await stage.tries(3, press, { ...where, message_id: message.id })).body.code).toBe(50001);
    // By a channel that they do see.
    expect((await stage.tries(3, press, { message_id: message.id })).body.code).toBe(10008);
    expect((await stage.tries(2, { id: command.id }, { guild_id: other.guildId })).body.code).toBe(10003);
    expect((await stage.tries(2, { id: command.id }, { application_id: other.bot.id })).body.code).toBe(10002);
    // A channel that they can't see is no option either.
    const named = await stage.command({ name: "look", options: [{ type: 7, name: "where", description: "d" }] });
    const options = [{ type: 7, name: "where", value: hidden.id }];
    expect((await stage.tries(2, { id: named.id, options })).body.code).toBe(50035);
  });

  test("not without USE_APPLICATION_COMMANDS, nor against a command's permissions", async () => {
    const stage = await makeStage(platform);
    const command = await stage.command({ name: "ping" });
    const managers = await stage.command({ name: "ban", default_member_permissions: "4" });
    expect((await stage.tries(2, { id: managers.id })).body.code).toBe(50013);
    expect((await stage.tries(2, { id: managers.id }, {}, stage.owner)).status).toBe(204);
    const USE_APPLICATION_COMMANDS = String(1n << 31n);
    await stage.owner.put(`/channels/${stage.channelId}/permissions/${stage.guildId}`, {
      type: 0,
      allow: "0",
      deny: USE_APPLICATION_COMMANDS,
    });
    expect((await stage.tries(2, { id: command.id })).body.code).toBe(50013);
  });

  test("not where there are no messages, nor in an archived thread", async () => {
    const stage = await makeStage(platform);
    const command = await stage.command({ name: "ping" });
    for (const [type, code] of [
      [4, 50008],
      [15, 40058],
    ]) {
      const channel = await stage.owner.post(`/guilds/${stage.guildId}/channels`, { name: "no text", type });
      expect((await stage.tries(2, { id: command.id }, { channel_id: channel.id })).body.code).toBe(code);
    }
    const thread = await stage.owner.post(`/channels/${stage.channelId}/threads`, { name: "thread", type: 11 });
    const told = await stage.use(2, { id: command.id }, { channel_id: thread.id });
    expect(told.channel).toMatchObject({ id: thread.id, type: 11, thread_metadata: { archived: false } });
    await stage.answer(told, answerWith("in a thread"));
    await stage.owner.patch(`/channels/${thread.id}`, { archived: true });
    expect((await stage.tries(2, { id: command.id }, { channel_id: thread.id })).body.code).toBe(50083);
  });

  test("not during a timeout, components neither", async () => {
    const stage = await makeStage(platform);
    const command = await stage.command({ name: "ping" });
    const message = await stage.bot.post(`/channels/${stage.channelId}/messages`, {
      content: "x",
      components: [{ type: 1, components: [{ type: 2, style: 1, label: "Go", custom_id: "go" }] }],
    });
    const until = new Date(Date.now() + 60_000).toISOString();
    await stage.owner.patch(`/guilds/${stage.guildId}/members/${stage.member.id}`, {
      communication_disabled_until: until,
    });
    expect((await stage.tries(2, { id: command.id })).body.code).toBe(50013);
    expect((await stage.tries(3, { component_type: 2, custom_id: "go" }, { message_id: message.id })).body.code).toBe(
      50013,
    );
  });

  test("not on messages of others: a person's, another application's", async () => {
    const stage = await makeStage(platform);
    const second = await platform.bot(stage.owner, stage.guildId, "8");
    const message = await second.post(`/channels/${stage.channelId}/messages`, {
      content: "x",
      components: [{ type: 1, components: [{ type: 2, style: 1, label: "Go", custom_id: "go" }] }],
    });
    const press = { component_type: 2, custom_id: "go" };
    expect((await stage.tries(3, press, { message_id: message.id })).body.code).toBe(10008);
    expect((await stage.tries(3, press, { message_id: message.id, application_id: second.id })).status).toBe(204);
  });

  test("an answer mentions everyone only where the application may", async () => {
    const stage = await makeStage(platform, "0");
    await stage.owner.patch(`/guilds/${stage.guildId}/roles/${stage.guildId}`, {
      permissions: String((1n << 31n) | 1024n | 2048n | 65536n),
    });
    const command = await stage.command({ name: "ping" });
    const told = await stage.use(2, { id: command.id });
    const { body } = await stage.answer(told, answerWith("@everyone"), "?with_response=true");
    expect(body.resource.message.mention_everyone).toBe(false);
  });
});

test("a bot that was away gets its interactions by RESUME, and none twice", async () => {
  const stage = await makeStage(platform);
  const command = await stage.command({ name: "ping" });
  const first = await stage.use(2, { id: command.id });
  const { sessionId, seq } = stage.botSocket;
  stage.botSocket.cut();
  expect((await stage.tries(2, { id: command.id }, { nonce: "away" })).status).toBe(204);
  const { d } = await stage.memberSocket.event("INTERACTION_CREATE", (one) => one.nonce === "away");
  const again = await Socket.open(platform.gatewayUrl(1));
  expect((await again.resume(stage.bot.token ?? "", sessionId, seq)).t).toBe("RESUMED");
  const got = again.received.filter(({ t }) => t === "INTERACTION_CREATE").map((one) => one.d.id);
  expect(got).toEqual([d.id]);
  expect(got).not.toContain(first.id);
  again.close();
});

test("an interaction goes to the guild's shard alone, one of a conversation to the first", async () => {
  const stage = await makeStage(platform);
  const bot = await platform.bot(stage.owner, stage.guildId, "8");
  const shards = await Promise.all(
    [0, 1].map(async (shard) => {
      const socket = await Socket.open(platform.gatewayUrl(shard));
      socket.send(2, { token: bot.token?.replace("Bot ", ""), intents: 0, properties: {}, shard: [shard, 2] });
      await socket.event("READY");
      return socket;
    }),
  );
  const command = await bot.post(`/applications/${bot.id}/commands`, { name: "ping", description: "d" });
  expect((await stage.tries(2, { id: command.id }, { application_id: bot.id })).status).toBe(204);
  const mine = Number((BigInt(stage.guildId) >> 22n) % 2n);
  const { d } = (await shards[mine]?.event("INTERACTION_CREATE")) ?? {};
  expect(d.guild_id).toBe(stage.guildId);
  const dm = await stage.member.post("/users/@me/channels", { recipient_id: bot.id });
  const inDm = { application_id: bot.id, channel_id: dm.id, guild_id: undefined };
  expect((await stage.tries(2, { id: command.id }, inDm)).status).toBe(204);
  await shards[0]?.event("INTERACTION_CREATE", (one) => one.channel_id === dm.id);
  for (const socket of shards) await socket.settled();
  const got = shards.map((socket) =>
    socket.received.filter(({ t }) => t === "INTERACTION_CREATE").map((one) => one.d.channel_id),
  );
  expect(got[mine]).toContain(stage.channelId);
  expect(got[1 - mine]).not.toContain(stage.channelId);
  expect(got[1]).not.toContain(dm.id);
});
