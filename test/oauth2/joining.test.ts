import { GatewayIntentBits } from "discord-api-types/v10";
import { describe, expect, test } from "vitest";
import type { Client, Json } from "../harness/client.ts";
import { Site } from "../harness/oauth2.ts";
import { startPlatform } from "../harness/platform.ts";
import { Code, refused } from "../rest/refused.ts";

const platform = await startPlatform();
const owner = await platform.person("owner");
const site = await Site.register(platform, owner);
const KICK_MEMBERS = 1 << 1;
const MANAGE_GUILD = 1 << 5;
const VIEW_AUDIT_LOG = 1 << 7;

/** A guild that the site's bot is in, with these permissions. */
async function home(permissions: number) {
  const guild = await platform.guild(owner);
  await site.consent(owner, "bot identify", { permissions: String(permissions) }, { guild_id: guild.id });
  return guild;
}
const rolesOf = (guildId: string): Promise<Json[]> => owner.get(`/guilds/${guildId}/roles`);
const managedRole = async (guildId: string, botId: string) =>
  (await rolesOf(guildId)).find(({ tags }) => tags?.bot_id === botId);
const add = (as: Client, botId: string, guildId: string, permissions: number, scope = "bot") =>
  as.request("POST", `/oauth2/authorize?client_id=${botId}&scope=${scope}&permissions=${permissions}`, {
    guild_id: guildId,
    authorize: true,
  });

describe("guilds.join", () => {
  const CREATE_INSTANT_INVITE = 1;
  const ADMINISTRATOR = 8;

  test("makes a person a member, with nickname and roles, and says so once", async () => {
    const guild = await home(ADMINISTRATOR);
    const role = await owner.post(`/guilds/${guild.id}/roles`, { name: "guest" });
    const ada = await platform.person("ada");
    const { access_token } = await site.tokens(ada, "guilds.join");
    const socket = await platform.socket(site.bot);
    const path = `/guilds/${guild.id}/members/${ada.id}`;
    const body = { access_token, nick: "Ada", roles: [role.id], mute: true, deaf: true };
    const added = await site.bot.request("PUT", path, body);
    expect(added).toMatchObject({ status: 201, body: { nick: "Ada", roles: [role.id], mute: true, deaf: true } });
    const { d } = await socket.event("GUILD_MEMBER_ADD", (one) => one.user.id === ada.id);
    expect(d).toMatchObject({ guild_id: guild.id, nick: "Ada", roles: [role.id] });
    const again = await site.bot.request("PUT", path, { access_token, nick: "Other" });
    expect([again.status, again.body]).toEqual([204, null]);
    expect((await ada.get(`/guilds/${guild.id}/members/${ada.id}`)).nick).toBe("Ada");
    socket.close();
  });

  test("needs the bot's own right, and one for each field", async () => {
    const ada = await platform.person("ada");
    const { access_token } = await site.tokens(ada, "guilds.join");
    const poor = await home(CREATE_INSTANT_INVITE);
    const path = `/guilds/${poor.id}/members/${ada.id}`;
    const role = await owner.post(`/guilds/${poor.id}/roles`, { name: "guest" });
    await owner.patch(`/guilds/${poor.id}/roles/${poor.id}`, { permissions: "0" });
    for (const field of [{ nick: "A" }, { roles: [role.id] }, { mute: true }, { deaf: true }]) {
      await refused(Code.MissingPermissions, site.bot, "PUT", path, { access_token, ...field });
    }
    await refused(Code.OnlyBotsCanUseThisEndpoint, owner, "PUT", path, { access_token });
    expect((await site.bot.request("PUT", path, { access_token })).status).toBe(201);
    const without = await home(0);
    await owner.patch(`/guilds/${without.id}/roles/${without.id}`, { permissions: "0" });
    const there = `/guilds/${without.id}/members/${ada.id}`;
    await refused(Code.MissingPermissions, site.bot, "PUT", there, { access_token });
  });

  test("takes no token of another person, another application, another scope, or none", async () => {
    const guild = await home(ADMINISTRATOR);
    const [ada, bea] = [await platform.person("ada"), await platform.person("bea")];
    const { access_token } = await site.tokens(ada, "guilds.join");
    const { access_token: reading } = await site.tokens(bea, "identify guilds");
    const other = await Site.register(platform, owner);
    const { access_token: foreign } = await other.tokens(bea, "guilds.join");
    const path = `/guilds/${guild.id}/members/${bea.id}`;
    for (const token of [access_token, foreign, bea.token, "nonsense", ""]) {
      await refused(Code.InvalidOAuth2AccessToken, site.bot, "PUT", path, { access_token: token });
    }
    await refused(Code.MissingRequiredOAuth2Scope, site.bot, "PUT", path, { access_token: reading });
  });

  test("brings nobody back who is banned, and gives no role above the bot's", async () => {
    const guild = await home(ADMINISTRATOR);
    const ada = await platform.person("ada");
    const { access_token } = await site.tokens(ada, "guilds.join");
    const path = `/guilds/${guild.id}/members/${ada.id}`;
    const high = await owner.post(`/guilds/${guild.id}/roles`, { name: "high" });
    await owner.patch(`/guilds/${guild.id}/roles`, [{ id: high.id, position: 5 }]);
    await refused(Code.MissingPermissions, site.bot, "PUT", path, { access_token, roles: [high.id] });
    const { id: managed } = await managedRole(guild.id, site.id);
    expect((await site.bot.request("PUT", path, { access_token, roles: [managed] })).status).toBeGreaterThanOrEqual(
      400,
    );
    await refused(Code.UnknownMember, owner, "GET", path);
    await owner.put(`/guilds/${guild.id}/bans/${ada.id}`);
    await refused(Code.UserBannedFromThisGuild, site.bot, "PUT", path, { access_token });
  });
});

describe("a bot that joins", () => {
  test("has a managed role, just above @everyone, that nobody can give or delete", async () => {
    const guild = await platform.guild(owner);
    await owner.post(`/guilds/${guild.id}/roles`, { name: "older" });
    const bot = await platform.bot(owner, guild.id, String(KICK_MEMBERS), "Helper");
    const role = await managedRole(guild.id, bot.id);
    expect(role).toMatchObject({ name: "Helper", managed: true, position: 1, permissions: String(KICK_MEMBERS) });
    await refused(Code.InvalidRole, owner, "DELETE", `/guilds/${guild.id}/roles/${role.id}`);
    await refused(Code.InvalidRole, owner, "PUT", `/guilds/${guild.id}/members/${owner.id}/roles/${role.id}`);
    await owner.delete(`/guilds/${guild.id}/members/${bot.id}`);
    expect(await managedRole(guild.id, bot.id)).toBeUndefined();
  });

  test("that is added again gets what is granted now, of what the granter has", async () => {
    const guild = await platform.guild(owner);
    const bot = await platform.bot(owner, guild.id, String(KICK_MEMBERS | VIEW_AUDIT_LOG));
    await add(owner, bot.id, guild.id, MANAGE_GUILD);
    expect((await managedRole(guild.id, bot.id)).permissions).toBe(String(MANAGE_GUILD));
    const manager = await platform.person("manager");
    await platform.join(owner, guild, manager);
    const role = await owner.post(`/guilds/${guild.id}/roles`, { name: "m", permissions: String(MANAGE_GUILD) });
    await owner.patch(`/guilds/${guild.id}/roles`, [{ id: role.id, position: 5 }]);
    await owner.put(`/guilds/${guild.id}/members/${manager.id}/roles/${role.id}`);
    await add(owner, bot.id, guild.id, KICK_MEMBERS);
    // KICK_MEMBERS isn't the manager's to take, VIEW_AUDIT_LOG not to give.
    expect((await add(manager, bot.id, guild.id, MANAGE_GUILD | VIEW_AUDIT_LOG)).status).toBe(200);
    expect((await managedRole(guild.id, bot.id)).permissions).toBe(String(KICK_MEMBERS | MANAGE_GUILD));
  });

  test("keeps a role that is above the granter's as it is", async () => {
    const guild = await platform.guild(owner);
    const bot = await platform.bot(owner, guild.id, String(MANAGE_GUILD));
    const high = await managedRole(guild.id, bot.id);
    const manager = await platform.person("manager");
    await platform.join(owner, guild, manager);
    const role = await owner.post(`/guilds/${guild.id}/roles`, { name: "m", permissions: String(MANAGE_GUILD) });
    await owner.put(`/guilds/${guild.id}/members/${manager.id}/roles/${role.id}`);
    await owner.patch(`/guilds/${guild.id}/roles`, [{ id: high.id, position: 5 }]);
    expect((await add(manager, bot.id, guild.id, 0)).status).toBe(200);
    expect((await managedRole(guild.id, bot.id)).permissions).toBe(String(MANAGE_GUILD));
  });

  test("is its owner's alone unless it is public", async () => {
    const other = await platform.person("other");
    const theirs = await platform.guild(other);
    const bot = await platform.bot(owner);
    await owner.patch(`/applications/${bot.id}`, { bot_public: false });
    expect((await add(other, bot.id, theirs.id, 0)).body.code).toBe(Code.MissingPermissions);
    const own = await platform.guild(owner);
    expect((await add(owner, bot.id, own.id, 0)).status).toBe(200);
    await owner.patch(`/applications/${bot.id}`, { bot_public: true });
    expect((await add(other, bot.id, theirs.id, 0)).status).toBe(200);
  });

  test("wants the code grant where its application does", async () => {
    const strict = await Site.register(platform, owner);
    await owner.patch(`/applications/${strict.id}`, { bot_require_code_grant: true });
    const guild = await platform.guild(owner);
    const without = await add(owner, strict.id, guild.id, 0);
    expect([without.status, without.body.message]).toEqual([400, "Integration requires code grant"]);
    const back = await strict.consent(owner, "bot", { permissions: "2" }, { guild_id: guild.id });
    expect([back.searchParams.get("guild_id"), back.searchParams.get("permissions")]).toEqual([guild.id, "2"]);
    const { body } = await strict.exchange(back.searchParams.get("code") ?? "");
    expect(body).toMatchObject({ scope: "bot", guild: { id: guild.id, roles: expect.any(Array) } });
  });

  test("takes fewer permissions when the person leaves some out, and never more", async () => {
    const guild = await platform.guild(owner);
    const path = `/oauth2/authorize?client_id=${site.id}&scope=bot&permissions=${KICK_MEMBERS | MANAGE_GUILD}`;
    const permissions = String(KICK_MEMBERS | VIEW_AUDIT_LOG);
    await owner.post(path, { guild_id: guild.id, authorize: true, permissions });
    expect((await managedRole(guild.id, site.id)).permissions).toBe(String(KICK_MEMBERS));
  });

  test("needs a bot, and a guild that is managed", async () => {
    const { id } = await owner.post("/applications", { name: "Botless" });
    const guild = await platform.guild(owner);
    expect((await add(owner, id, guild.id, 0)).body.code).toBe(Code.OAuth2ApplicationDoesNotHaveBot);
    expect((await add(owner, id, guild.id, 0, "applications.commands")).status).toBe(200);
    const nowhere = await owner.request("POST", `/oauth2/authorize?client_id=${site.id}&scope=bot`, {
      authorize: true,
    });
    expect(nowhere.body.errors).toHaveProperty("guild_id");
    const stranger = await platform.person("stranger");
    expect((await add(stranger, site.id, guild.id, 0)).body.code).toBe(Code.MissingAccess);
  });
});

describe("an integration", () => {
  test("comes with its bot, says who added it, and goes with it; each with its events", async () => {
    const guild = await platform.guild(owner);
    const watching = await platform.bot(owner, guild.id, "8");
    const socket = await platform.socket(watching);
    const bot = await platform.bot(owner, guild.id, "8", "Helper");
    const created = (await socket.event("INTEGRATION_CREATE", (d) => d.application.id === bot.id)).d;
    await socket.event("GUILD_INTEGRATIONS_UPDATE", (d) => d.guild_id === guild.id);
    const { user, ...known } = (await owner.get(`/guilds/${guild.id}/integrations`))[1];
    const { integrations } = await owner.get(`/guilds/${guild.id}/audit-logs?action_type=80`);
    expect(integrations.find(({ id }: { id: string }) => id === known.id)).toEqual({
      id: known.id,
      type: "discord",
      name: known.name,
      account: known.account,
      application_id: known.application.id,
    });
    expect(created).toEqual({ ...known, guild_id: guild.id });
    expect(user.id).toBe(owner.id);
    expect(known).toMatchObject({
      type: "discord",
      name: "Helper",
      enabled: true,
      account: { id: bot.id, name: "Helper" },
      application: { id: bot.id, bot: { id: bot.id } },
      scopes: ["applications.commands", "bot"],
    });
    await bot.delete(`/users/@me/guilds/${guild.id}`);
    const gone = (await socket.event("INTEGRATION_DELETE", (d) => d.application_id === bot.id)).d;
    expect(gone).toEqual({ id: known.id, guild_id: guild.id, application_id: bot.id });
    expect(await owner.get(`/guilds/${guild.id}/integrations`)).toHaveLength(1);
    socket.close();
  });

  test("is told to those with the intent alone", async () => {
    const guild = await platform.guild(owner);
    const watching = await platform.bot(owner, guild.id, "8");
    const without = await platform.socket(watching, { intents: 53_608_447 & ~GatewayIntentBits.GuildIntegrations });
    const bot = await platform.bot(owner, guild.id);
    await without.event("GUILD_MEMBER_ADD", (d) => d.user.id === bot.id);
    const { id } = await owner.post(`/channels/${guild.channelId}/messages`, { content: "marker" });
    await without.event("MESSAGE_CREATE", (d) => d.id === id);
    expect(without.dispatches.filter(({ t }) => t?.includes("INTEGRATION"))).toEqual([]);
    without.close();
  });

  test("changes when its application is added with more", async () => {
    const guild = await platform.guild(owner);
    const watching = await platform.bot(owner, guild.id, "8");
    const socket = await platform.socket(watching);
    const bot = await platform.bot(owner);
    await add(owner, bot.id, guild.id, 0, "applications.commands");
    await add(owner, bot.id, guild.id, 0, "bot");
    const { d } = await socket.event("INTEGRATION_UPDATE", (one) => one.application.id === bot.id);
    expect(d.scopes).toEqual(["applications.commands", "bot"]);
    socket.close();
  });

  test("that is deleted takes its webhooks and its bot along", async () => {
    const guild = await platform.guild(owner);
    const { body } = await site.exchange(
      await site.code(owner, "bot webhook.incoming", {}, { guild_id: guild.id, webhook_channel_id: guild.channelId }),
    );
    const [integration] = await owner.get(`/guilds/${guild.id}/integrations`);
    expect(integration.scopes).toEqual(["applications.commands", "bot", "webhook.incoming"]);
    await owner.post(`/channels/${guild.channelId}/webhooks`, { name: "stays" });
    await owner.delete(`/guilds/${guild.id}/integrations/${integration.id}`);
    await refused(
      Code.UnknownWebhook,
      platform.anonymous(),
      "GET",
      `/webhooks/${body.webhook.id}/${body.webhook.token}`,
    );
    expect(await owner.get(`/guilds/${guild.id}/webhooks`)).toMatchObject([{ name: "stays" }]);
    await refused(Code.UnknownMember, owner, "GET", `/guilds/${guild.id}/members/${site.id}`);
    expect(await managedRole(guild.id, site.id)).toBeUndefined();
    await refused(Code.UnknownIntegration, owner, "DELETE", `/guilds/${guild.id}/integrations/${integration.id}`);
    const { audit_log_entries: entries } = await owner.get(`/guilds/${guild.id}/audit-logs`);
    const actions = entries.map(({ action_type }: Json) => action_type);
    expect(actions).toEqual(expect.arrayContaining([82, 80, 28, 20, 52]));
  });
});

describe("webhook.incoming", () => {
  test("makes a webhook where the person says, and the token's answer has it", async () => {
    const guild = await platform.guild(owner);
    const code = await site.code(owner, "webhook.incoming", {}, { webhook_channel_id: guild.channelId });
    const { webhook, scope } = (await site.exchange(code)).body;
    expect(scope).toBe("webhook.incoming");
    expect(webhook).toMatchObject({
      type: 1,
      guild_id: guild.id,
      channel_id: guild.channelId,
      application_id: site.id,
    });
    const sent = await fetch(`${webhook.url}?wait=true`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ content: "hello" }),
    });
    expect(sent.status).toBe(200);
  });

  test("needs MANAGE_WEBHOOKS in the channel, and the channel in the same guild as the bot", async () => {
    const [guild, other] = [await platform.guild(owner), await platform.guild(owner)];
    const member = await platform.person("member");
    await platform.join(owner, guild, member);
    const path = site.authorizationPath("webhook.incoming");
    const body = { authorize: true, webhook_channel_id: guild.channelId };
    await refused(Code.MissingPermissions, member, "POST", path, body);
    const both = site.authorizationPath("bot webhook.incoming");
    await refused(Code.UnknownChannel, owner, "POST", both, { ...body, guild_id: other.id });
    await refused(Code.UnknownMember, owner, "GET", `/guilds/${other.id}/members/${site.id}`);
  });
});
