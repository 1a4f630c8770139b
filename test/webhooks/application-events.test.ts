import { ApplicationFlags } from "discord-api-types/v10";
import postgres from "postgres";
import { afterAll, afterEach, expect, test } from "vitest";
import type { Client, Json } from "../harness/client.ts";
import { Site } from "../harness/oauth2.ts";
import { startPlatform } from "../harness/platform.ts";
import { type Receiver, startReceiver, verifiesAsDiscord } from "./receiver.ts";

const platform = await startPlatform();
const sql = postgres(platform.stores.databaseUrl, { max: 1, onnotice: () => {} });
const owner = await platform.person("owner");
const receivers: Receiver[] = [];
afterEach(() => {
  for (const receiver of receivers.splice(0)) receiver.close();
});
afterAll(() => sql.end());

async function listening(
  types: string[],
  guildId?: string,
): Promise<{ bot: Client; events(): Json[]; receiver: Receiver }> {
  const bot = await platform.bot(owner, guildId, "1024");
  return { bot, ...(await listenAs(bot, types)) };
}

async function listenAs(bot: Client, types: string[]): Promise<{ events(): Json[]; receiver: Receiver }> {
  const { verify_key } = await bot.get("/applications/@me");
  const key = Buffer.from(verify_key, "hex");
  const receiver = await startReceiver();
  receivers.push(receiver);
  receiver.answer = (request, response) => response.writeHead(verifiesAsDiscord(request, key) ? 204 : 401).end();
  const settings = { event_webhooks_url: receiver.url, event_webhooks_status: 2, event_webhooks_types: types };
  await bot.patch("/applications/@me", settings);
  const events = () => receiver.received.flatMap(({ body }) => JSON.parse(body).event ?? []);
  return { events, receiver };
}

const setFlags = (bot: Client, flags: number) => sql`update applications set flags = ${flags} where id = ${bot.id}`;

test("Discord's own event types can be asked for, and others that are none can't", async () => {
  const types = [
    "APPLICATION_AUTHORIZED",
    "APPLICATION_DEAUTHORIZED",
    "ENTITLEMENT_CREATE",
    "ENTITLEMENT_UPDATE",
    "ENTITLEMENT_DELETE",
    "QUEST_USER_ENROLLMENT",
    "LOBBY_MESSAGE_CREATE",
  ];
  const { bot } = await listening(types);
  expect(await bot.get("/applications/@me")).toMatchObject({ event_webhooks_types: types, event_webhooks_status: 2 });
  for (const type of ["$GUILD_JOIN", "toString", "READY", "TEST"]) {
    const answer = await bot.request("PATCH", "/applications/@me", { event_webhooks_types: ["MESSAGE_CREATE", type] });
    expect(answer.body.errors).toMatchObject({ event_webhooks_types: { 1: { _errors: [{}] } } });
  }
});

test("an application is told when it is added to a guild and when its bot is removed, and by whom", async () => {
  const { bot, events } = await listening(["APPLICATION_AUTHORIZED", "APPLICATION_DEAUTHORIZED"]);
  const guild = await platform.guild(owner, "Its new guild");
  await owner.post(`/oauth2/authorize?client_id=${bot.id}&scope=bot+applications.commands&permissions=0`, {
    guild_id: guild.id,
    authorize: true,
  });
  await owner.delete(`/guilds/${guild.id}/members/${bot.id}`);
  await expect
    .poll(() => events().map(({ type }) => type))
    .toEqual(["APPLICATION_AUTHORIZED", "APPLICATION_DEAUTHORIZED"]);
  const [added, removed] = events();
  expect(added.data).toMatchObject({
    integration_type: 0,
    scopes: ["bot", "applications.commands"],
    user: { id: owner.id },
    guild: { id: guild.id, name: "Its new guild" },
  });
  expect(removed.data).toMatchObject({ user: { id: owner.id }, guild_id: guild.id });
});

test("the guild that a bot is added to is told as a session would be, as the bot sees it when it is sent", async () => {
  const { bot, receiver, events } = await listening(["GUILD_CREATE"]);
  const socket = await platform.socket(bot);
  const verify = receiver.answer;
  receiver.answer = (request, response) => {
    if (events().length > 0) response.writeHead(503).end();
    else verify(request, response);
  };
  const guild = await platform.guild(owner);
  const channels = `/guilds/${guild.id}/channels`;
  const hide = (id: string) => ({ id, type: 0, allow: "0", deny: "1024" });
  const secret = await owner.post(channels, { name: "secret", permission_overwrites: [hide(guild.id)] });
  const shown = await owner.post(channels, { name: "shown" });
  const add = `/oauth2/authorize?client_id=${bot.id}&scope=bot&permissions=1024`;
  await owner.post(add, { guild_id: guild.id, authorize: true });
  await expect.poll(() => events().length).toBe(1);
  const { d } = await socket.event("GUILD_CREATE", ({ id }) => id === guild.id);
  expect(events()[0]).toMatchObject({ type: "GUILD_CREATE", data: d });
  await owner.put(`/channels/${shown.id}/permissions/${guild.id}`, hide(guild.id));
  receiver.answer = verify;
  const retry = () => sql`update webhook_queue set next_attempt_at = now() where state = 'retry'`;
  await expect.poll(retry).toMatchObject({ count: 1 });
  await expect.poll(() => events().length).toBe(2);
  expect(events()[1].data.channels.map(({ id }: Json) => id)).toEqual([guild.channelId]);
  expect(JSON.stringify(events())).not.toContain(secret.id);
  receiver.answer = (_request, response) => response.writeHead(503).end();
  const left = await platform.guild(owner);
  await owner.post(add, { guild_id: left.id, authorize: true });
  await expect.poll(() => events().length).toBe(3);
  await owner.delete(`/guilds/${left.id}/members/${bot.id}`);
  await expect.poll(retry).toMatchObject({ count: 1 });
  await expect.poll(async () => (await sql`select from webhook_queue`).length).toBe(0);
  expect(events().length).toBe(3);
});

test("of an application without a bot in the guild, its commands' removal is told", async () => {
  const { bot, events } = await listening(["APPLICATION_DEAUTHORIZED"]);
  const guild = await platform.guild(owner);
  const where = { guild_id: guild.id, authorize: true };
  await owner.post(`/oauth2/authorize?client_id=${bot.id}&scope=applications.commands`, where);
  const integrations = await owner.get(`/guilds/${guild.id}/integrations`);
  for (const { id } of integrations) await owner.delete(`/guilds/${guild.id}/integrations/${id}`);
  await expect.poll(() => events().map(({ data }) => [data.user.id, data.guild_id])).toEqual([[owner.id, guild.id]]);
});

test("an application is told when a person authorizes it, and each time one ends that, by whatever way", async () => {
  const site = await Site.register(platform, owner);
  const { events } = await listenAs(site.bot, ["APPLICATION_AUTHORIZED", "APPLICATION_DEAUTHORIZED"]);
  const person = await platform.person("person");
  const ends = [
    async ({ access_token }: Json) => site.revoke(access_token),
    async ({ refresh_token }: Json) => site.revoke(refresh_token),
    async () => {
      const [{ id }] = await person.get("/oauth2/tokens");
      await person.delete(`/oauth2/tokens/${id}`);
    },
    async () => person.post("/auth/change-password", { password: "correct horse battery", new_password: "a new one" }),
  ];
  for (const end of ends) {
    const tokens = await site.tokens(person, "identify");
    await end(tokens);
    // What is over does not end twice.
    await site.revoke(tokens.access_token);
  }
  const once = [
    { type: "APPLICATION_AUTHORIZED", data: { user: { id: person.id }, scopes: ["identify"] } },
    { type: "APPLICATION_DEAUTHORIZED", data: { user: { id: person.id } } },
  ];
  await expect.poll(() => events()).toMatchObject(ends.flatMap(() => once));
  expect(events().map(({ data }) => Object.keys(data))).toEqual(ends.flatMap(() => [["user", "scopes"], ["user"]]));
});

test("content is left out for an application without MESSAGE_CONTENT, unless it is mentioned", async () => {
  const guild = await platform.guild(owner);
  const { bot, events } = await listening(["MESSAGE_CREATE"], guild.id);
  await setFlags(bot, 0);
  const said = () =>
    events()
      .filter(({ data }) => data.type === 0)
      .map(({ data }) => data.content);
  await owner.post(`/channels/${guild.channelId}/messages`, { content: "secret", embeds: [{ title: "secret" }] });
  await owner.post(`/channels/${guild.channelId}/messages`, { content: `for <@${bot.id}>` });
  await expect.poll(said).toEqual(["", `for <@${bot.id}>`]);
  expect(JSON.stringify(events())).not.toContain("secret");
  await setFlags(bot, ApplicationFlags.GatewayMessageContent);
  await owner.post(`/channels/${guild.channelId}/messages`, { content: "open" });
  await expect.poll(said).toEqual(["", `for <@${bot.id}>`, "open"]);
});

test("members' events go only to applications with the privileged intent", async () => {
  const guild = await platform.guild(owner);
  const { bot, events } = await listening(["GUILD_MEMBER_ADD", "GUILD_UPDATE"], guild.id);
  await setFlags(bot, ApplicationFlags.GatewayMessageContentLimited);
  await platform.join(owner, guild, await platform.person("unseen"));
  await owner.patch(`/guilds/${guild.id}`, { name: "between" });
  await expect.poll(() => events().map(({ type }) => type)).toEqual(["GUILD_UPDATE"]);
  await setFlags(bot, ApplicationFlags.GatewayGuildMembersLimited);
  await platform.join(owner, guild, await platform.person("seen"));
  await expect.poll(() => events().map(({ type }) => type)).toEqual(["GUILD_UPDATE", "GUILD_MEMBER_ADD"]);
});

test("a guild's end is told to the applications that were in it", async () => {
  const guild = await platform.guild(owner);
  const { events } = await listening(["GUILD_DELETE"], guild.id);
  await owner.delete(`/guilds/${guild.id}`);
  await expect.poll(() => events()).toMatchObject([{ type: "GUILD_DELETE", data: { id: guild.id } }]);
});

test("whose URL is switched off, its owner's sessions are told, with the reason", async () => {
  const guild = await platform.guild(owner);
  const socket = await platform.socket(owner);
  const { bot, receiver } = await listening(["GUILD_UPDATE"], guild.id);
  receiver.answer = (_request, response) => response.writeHead(410).end();
  await owner.patch(`/guilds/${guild.id}`, { name: "gone" });
  const told = await socket.event("EVENT_ENDPOINT_DISABLED");
  expect(told.d).toEqual({ application_id: bot.id, reason: "The URL answered 410 Gone." });
  expect(await bot.get("/applications/@me")).toMatchObject({ event_webhooks_status: 3 });
  const health = await owner.get(`/applications/${bot.id}/event-webhooks`);
  expect(health).toMatchObject({ status: 3, disabled_reason: "The URL answered 410 Gone." });
  // Switched on again, it is verified again.
  expect((await bot.request("PATCH", "/applications/@me", { event_webhooks_status: 2 })).status).toBe(400);
});

test("an application's first secret takes no other's place, its second does", async () => {
  const bot = await platform.bot(owner);
  const path = `/applications/${bot.id}/event-webhooks`;
  expect(await bot.get(path)).toMatchObject({ has_secret: false, previous_secret_until: null });
  await bot.post(`${path}/secret`);
  expect(await bot.get(path)).toMatchObject({ has_secret: true, previous_secret_until: null });
  await bot.post(`${path}/secret`);
  expect(await bot.get(path)).toMatchObject({ has_secret: true, previous_secret_until: expect.any(String) });
});
