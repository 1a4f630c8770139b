import { describe, expect, test } from "vitest";
import { Permission } from "../../core/permissions.ts";
import type { Client, Json } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import { Code, refused } from "./refused.ts";

const platform = await startPlatform();
const owner = await platform.person("owner");
const guild = await platform.guild(owner);
const member = await joined();
const bot = await platform.bot(owner, guild.id);
const commands = `/applications/${bot.id}/guilds/${guild.id}/commands`;

async function joined(): Promise<Client> {
  const newcomer = await platform.person("member");
  await platform.join(owner, guild, newcomer);
  return newcomer;
}

async function give(client: Client, ...permissions: (keyof typeof Permission)[]): Promise<string> {
  const bits = permissions.reduce((all, name) => all | Permission[name], 0n);
  const role = await owner.post(`/guilds/${guild.id}/roles`, { name: "given", permissions: String(bits) });
  await owner.put(`/guilds/${guild.id}/members/${client.id}/roles/${role.id}`);
  return role.id;
}

const made = (name: string, fields: object = {}): Promise<Json> =>
  bot.post(commands, { name, description: "A command", ...fields });
const allow = (id: string, type: number, permission = true) => ({ id, type, permission });
const set = (as: Client, id: string, permissions: object[]) =>
  as.request("PUT", `${commands}/${id}/permissions`, { permissions });

describe("rules for a command", () => {
  test("are set, told and taken back; without any there are none to get", async () => {
    const { id } = await made("ruled");
    await refused(Code.UnknownApplicationCommandPermissions, bot, "GET", `${commands}/${id}/permissions`);
    const socket = await platform.socket(bot);
    const permissions = [
      allow(guild.id, 1, false),
      allow(member.id, 2),
      allow(guild.channelId, 3),
      allow((BigInt(guild.id) - 1n).toString(), 3, false),
    ];
    const answer = await set(owner, id, permissions);
    const object = { id, application_id: bot.id, guild_id: guild.id, permissions };
    expect(answer).toMatchObject({ status: 200, body: object });
    expect((await socket.next(({ t }) => t === "APPLICATION_COMMAND_PERMISSIONS_UPDATE")).d).toEqual(object);
    expect(await bot.get(`${commands}/${id}/permissions`)).toEqual(object);
    expect(await owner.get(`${commands}/permissions`)).toEqual([object]);
    expect((await set(owner, id, [])).body.permissions).toEqual([]);
    await refused(Code.UnknownApplicationCommandPermissions, bot, "GET", `${commands}/${id}/permissions`);
    socket.close();
  });

  test("of all of an application's commands go by its id", async () => {
    expect((await set(owner, bot.id, [allow(member.id, 2, false)])).body).toMatchObject({ id: bot.id });
    expect(await bot.get(`${commands}/${bot.id}/permissions`)).toMatchObject({ id: bot.id });
    expect((await bot.get(`${commands}/permissions`))[0]).toMatchObject({ id: bot.id });
    await set(owner, bot.id, []);
  });

  test("of a global command are a guild's own", async () => {
    const other = await platform.guild(owner);
    const app = await platform.bot(owner, guild.id);
    await owner.post(`/oauth2/authorize?client_id=${app.id}&scope=bot`, { guild_id: other.id, authorize: true });
    const { id } = await app.post(`/applications/${app.id}/commands`, { name: "global", description: "d" });
    const path = (guildId: string) => `/applications/${app.id}/guilds/${guildId}/commands/${id}/permissions`;
    await owner.put(path(guild.id), { permissions: [allow(member.id, 2)] });
    await refused(Code.UnknownApplicationCommandPermissions, app, "GET", path(other.id));
    expect(await app.get(path(guild.id))).toMatchObject({ id, guild_id: guild.id });
  });

  test("go when it is renamed or deleted, and stay when it is changed", async () => {
    const { id } = await made("before");
    const path = `${commands}/${id}/permissions`;
    await set(owner, id, [allow(member.id, 2)]);
    await bot.patch(`${commands}/${id}`, { description: "Changed" });
    expect(await bot.get(path)).toMatchObject({ permissions: [{ id: member.id }] });
    await bot.patch(`${commands}/${id}`, { name: "after" });
    await refused(Code.UnknownApplicationCommandPermissions, bot, "GET", path);
    await set(owner, id, [allow(member.id, 2)]);
    await bot.delete(`${commands}/${id}`);
    await refused(Code.UnknownApplicationCommand, bot, "GET", path);
    expect((await bot.get(`${commands}/permissions`)).map((each: Json) => each.id)).not.toContain(id);
  });

  test("100 at most, one for each, and of this guild", async () => {
    const { id } = await made("many");
    const roles = Array.from({ length: 101 }, (_, i) => allow(String(i + 1), 1));
    await refused(50035, owner, "PUT", `${commands}/${id}/permissions`, { permissions: roles });
    const elsewhere = await platform.guild(owner);
    const stranger = await platform.person("stranger");
    for (const rule of [
      allow(elsewhere.id, 1),
      allow(elsewhere.channelId, 3),
      allow(stranger.id, 2),
      allow(member.id, 1),
      allow(guild.channelId, 2),
      allow((BigInt(elsewhere.id) - 1n).toString(), 3),
    ]) {
      const answer = await set(owner, id, [allow(member.id, 2), rule]);
      expect(answer.body).toMatchObject({ code: 50035, errors: { permissions: { "1": { id: {} } } } });
    }
    const twice = await set(owner, id, [allow(member.id, 2), allow(member.id, 2, false)]);
    expect(twice.body.code).toBe(50035);
  });
});

describe("who sets rules", () => {
  test("is a person with MANAGE_GUILD and MANAGE_ROLES, not the bot", async () => {
    const { id } = await made("managed");
    const rule = [allow(member.id, 2)];
    expect((await set(bot, id, rule)).body.code).toBe(20001);
    expect((await set(member, id, rule)).body.code).toBe(50013);
    const half = await joined();
    await give(half, "MANAGE_GUILD");
    expect((await set(half, id, rule)).body.code).toBe(50013);
    await give(half, "MANAGE_ROLES");
    expect((await set(half, id, rule)).status).toBe(200);
    // Who manages the guild reads them too, others don't.
    expect((await half.request("GET", `${commands}/${id}/permissions`)).status).toBe(200);
    await refused(Code.UnknownApplication, member, "GET", `${commands}/${id}/permissions`);
  });

  test("can't make them for roles, members and channels that they don't manage, or commands they can't use", async () => {
    const manager = await joined();
    const own = await give(manager, "MANAGE_GUILD", "MANAGE_ROLES");
    const [open, closed] = [await made("open"), await made("closed", { default_member_permissions: "0" })];
    const higher = await owner.post(`/guilds/${guild.id}/roles`, { name: "higher", permissions: "0" });
    await owner.request("PATCH", `/guilds/${guild.id}/roles`, [{ id: higher.id, position: 50 }]);
    expect((await set(manager, open.id, [allow(member.id, 2)])).status).toBe(200);
    for (const rule of [
      allow(higher.id, 1),
      allow(own, 1),
      allow(owner.id, 2),
      allow(guild.channelId, 3),
      allow((BigInt(guild.id) - 1n).toString(), 3),
    ]) {
      expect((await set(manager, open.id, [rule])).body.code, JSON.stringify(rule)).toBe(50013);
    }
    expect((await set(manager, closed.id, [allow(manager.id, 2)])).body.code).toBe(50013);
    await give(manager, "MANAGE_CHANNELS");
    expect((await set(manager, open.id, [allow(guild.channelId, 3)])).status).toBe(200);
  });
});

describe("the index of commands", () => {
  const index = (client: Client, query = "") =>
    client.get(`/guilds/${guild.id}/application-command-index?application_id=${app.id}&limit=100${query}`);
  const names = async (client: Client, query = "") =>
    (await index(client, query)).application_commands.map(({ name }: Json) => name).sort();
  let app: Client;

  test("has what the member may use, of bots that are in the guild", async () => {
    app = await platform.bot(owner, guild.id);
    const [global, local] = [`/applications/${app.id}/commands`, `/applications/${app.id}/guilds/${guild.id}/commands`];
    const d = { description: "d" };
    await app.put(global, [
      { ...d, name: "all", name_localizations: { de: "alle" } },
      { ...d, name: "dm-only", contexts: [1] },
      { ...d, name: "adult", nsfw: true },
      { name: "Menu", type: 2 },
    ]);
    const [, admin, chosen] = await app.put(local, [
      { ...d, name: "mine" },
      { ...d, name: "admin", default_member_permissions: "0" },
      { ...d, name: "chosen", default_member_permissions: "0" },
    ]);
    expect(await names(member)).toEqual(["Menu", "adult", "all", "mine"]);
    expect(await names(owner)).toEqual(["Menu", "admin", "adult", "all", "chosen", "mine"]);
    const put = (id: string, permissions: object[]) => owner.put(`${local}/${id}/permissions`, { permissions });
    await put(chosen.id, [allow(member.id, 2)]);
    await put(admin.id, [allow(guild.channelId, 3)]);
    expect(await names(member)).toEqual(["Menu", "adult", "all", "chosen", "mine"]);
    expect(await names(member, `&channel_id=${guild.channelId}`)).toEqual(["Menu", "all", "chosen", "mine"]);
    const adults = await owner.post(`/guilds/${guild.id}/channels`, { name: "adults", nsfw: true });
    expect(await names(member, `&channel_id=${adults.id}`)).toEqual(["Menu", "adult", "all", "chosen", "mine"]);
    const thread = await owner.post(`/channels/${adults.id}/threads`, { name: "thread", type: 11 });
    await put(chosen.id, [allow(member.id, 2), allow(adults.id, 3, false)]);
    expect(await names(member, `&channel_id=${thread.id}`)).toEqual(["Menu", "adult", "all", "mine"]);
    const { applications, application_commands } = await index(member, "&query=AL");
    expect(applications).toMatchObject([{ id: app.id, bot_id: app.id }]);
    expect(application_commands).toMatchObject([{ name: "all", application_id: app.id }]);
    const german = await member.request(
      "GET",
      `/guilds/${guild.id}/application-command-index?application_id=${app.id}&query=all`,
      undefined,
      { "accept-language": "de" },
    );
    expect(german.body.application_commands[0]).toMatchObject({ name_localized: "alle" });
  });

  test("comes in pages", async () => {
    const all: string[] = [];
    for (let after: string | null = "0"; after !== null; ) {
      const page: Json = await member.get(
        `/guilds/${guild.id}/application-command-index?application_id=${app.id}&limit=2&after=${after}`,
      );
      all.push(...page.application_commands.map(({ name }: Json) => name));
      after = page.next_after;
    }
    expect(all.sort()).toEqual(await names(member));
  });

  test("is of a channel that the member sees, in this guild", async () => {
    const hidden = await owner.post(`/guilds/${guild.id}/channels`, {
      name: "hidden",
      permission_overwrites: [{ id: guild.id, type: 0, deny: "1024", allow: "0" }],
    });
    const elsewhere = await platform.guild(owner);
    const path = `/guilds/${guild.id}/application-command-index`;
    await refused(Code.MissingAccess, member, "GET", `${path}?channel_id=${hidden.id}`);
    await refused(Code.UnknownChannel, owner, "GET", `${path}?channel_id=${elsewhere.channelId}`);
    await refused(Code.MissingAccess, await platform.person("stranger"), "GET", path);
  });

  test("has nothing of a bot that has left", async () => {
    await owner.delete(`/guilds/${guild.id}/members/${app.id}`);
    expect(await names(owner)).toEqual([]);
    await refused(Code.MissingAccess, app, "GET", `/applications/${app.id}/guilds/${guild.id}/commands`);
  });
});
