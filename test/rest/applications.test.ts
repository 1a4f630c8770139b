import postgres from "postgres";
import nacl from "tweetnacl";
import { afterAll, describe, expect, test } from "vitest";
import { loadSecret, unseal } from "../../core/secret.ts";
import { setVerified } from "../../src/store/applications.ts";
import { Client } from "../harness/client.ts";
import { png } from "../harness/forms.ts";
import { addApi, startPlatform } from "../harness/platform.ts";
import { refused } from "./refused.ts";

const platform = await startPlatform();
const sql = postgres(platform.stores.databaseUrl, { max: 1 });
afterAll(() => sql.end());
const owner = await platform.person("owner");
const other = await platform.person("other");

test("an application, its bot and the bot's token", async () => {
  const application = await owner.post("/applications", { name: "Helper", description: "helps" });
  expect(application).toMatchObject({
    name: "Helper",
    description: "helps",
    owner: { id: owner.id },
    verify_key: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  const { token } = await owner.post(`/applications/${application.id}/bot`);
  const [id, time, secret] = token.split(".");
  expect(Buffer.from(id, "base64").toString()).toBe(application.id);
  expect(time).toBeTruthy();
  expect(Buffer.from(secret, "base64url").length).toBeGreaterThanOrEqual(32);
  expect((await owner.get("/applications")).map(({ id: each }: { id: string }) => each)).toEqual([application.id]);
  const { bot } = await owner.get(`/applications/${application.id}`);
  expect(bot).toMatchObject({ id: application.id, username: "Helper", bot: true });
});

test("the bot sees its application under every name it goes by", async () => {
  const bot = await platform.bot(owner);
  const mine = await bot.get("/applications/@me");
  expect(mine.id).toBe(bot.id);
  expect(await bot.get("/oauth2/applications/@me")).toEqual(mine);
  expect(await bot.get(`/applications/${bot.id}`)).toEqual(mine);
  expect((await owner.request("GET", "/applications/@me")).body.code).toBe(20002);
});

test("others can't see, change or take over an application", async () => {
  const bot = await platform.bot(owner);
  for (const [method, path] of [
    ["GET", `/applications/${bot.id}`],
    ["PATCH", `/applications/${bot.id}`],
    ["POST", `/applications/${bot.id}/bot`],
  ] as const) {
    expect((await other.request(method, path, method === "GET" ? undefined : {})).body.code).toBe(10002);
  }
  expect((await bot.request("GET", "/users/@me")).status).toBe(200);
});

test("a bot is added with no more permissions than who adds it has", async () => {
  const guild = await platform.guild(owner);
  await platform.join(owner, guild, other);
  const role = await owner.post(`/guilds/${guild.id}/roles`, { name: "manager", permissions: String(1 << 5) });
  const add = (as: typeof owner, id: string) =>
    as.request("POST", `/oauth2/authorize?client_id=${id}&scope=bot&permissions=8`, {
      guild_id: guild.id,
      authorize: true,
    });
  const bot = await platform.bot(other);
  expect((await add(other, bot.id)).body.code).toBe(50013);
  await owner.put(`/guilds/${guild.id}/members/${other.id}/roles/${role.id}`);
  expect((await add(other, bot.id)).status).toBe(200);
  const roles = await owner.get(`/guilds/${guild.id}/roles`);
  const managed = roles.find(({ tags }: { tags?: { bot_id: string } }) => tags?.bot_id === bot.id);
  expect(managed).toBeUndefined();
  expect((await bot.request("PATCH", `/guilds/${guild.id}`, { name: "taken over" })).body.code).toBe(50013);

  const trusted = await platform.bot(owner, guild.id, "8");
  const member = await owner.get(`/guilds/${guild.id}/members/${trusted.id}`);
  expect(member.roles).toHaveLength(1);
  expect((await trusted.request("PATCH", `/guilds/${guild.id}`, { name: "renamed" })).status).toBe(200);
});

test("a banned bot can't be added, nor one twice, nor to a guild that one is not in", async () => {
  const guild = await platform.guild(owner);
  const bot = await platform.bot(owner, guild.id, "8");
  const body = { guild_id: guild.id, authorize: true };
  const path = `/oauth2/authorize?client_id=${bot.id}&scope=bot&permissions=8`;
  await owner.post(path, body);
  expect((await owner.get(`/guilds/${guild.id}?with_counts=true`)).approximate_member_count).toBe(2);
  expect((await other.request("POST", path, body)).body.code).toBe(50001);
  await owner.put(`/guilds/${guild.id}/bans/${bot.id}`);
  expect((await owner.request("POST", path, body)).body.code).toBe(40007);
});

describe("what an application says of itself", () => {
  test("is changed field by field, and taken back with null", async () => {
    const bot = await platform.bot(owner);
    const install = { scopes: ["bot"], permissions: "1024" };
    const changed = await bot.patch("/applications/@me", {
      name: "Renamed",
      description: { default: "Says pong", localizations: { de: "Sagt Pong" } },
      tags: ["a", "b", "a"],
      install_params: install,
      integration_types_config: { "0": { oauth2_install_params: { ...install, permissions: 1024 } } },
      custom_install_url: "https://example.com/install",
      terms_of_service_url: "https://example.com/terms",
      privacy_policy_url: "https://example.com/privacy",
      cover_image: `data:image/png;base64,${png(4, 4).toString("base64")}`,
    });
    expect(changed).toMatchObject({
      name: "Renamed",
      description: "Says pong",
      tags: ["a", "b"],
      install_params: install,
      integration_types_config: { "0": { oauth2_install_params: install } },
      terms_of_service_url: "https://example.com/terms",
      privacy_policy_url: "https://example.com/privacy",
      cover_image: expect.stringMatching(/^[0-9a-f]{32}$/),
      team: null,
      owner: { id: owner.id },
    });
    expect(changed.integration_types_config).not.toHaveProperty("1");
    const cover = await fetch(`${platform.url()}/cdn/app-icons/${bot.id}/${changed.cover_image}.png`);
    expect(cover.status).toBe(200);
    const cleared = await bot.patch("/applications/@me", {
      install_params: null,
      custom_install_url: null,
      terms_of_service_url: null,
      privacy_policy_url: null,
      cover_image: null,
      tags: null,
      description: null,
    });
    expect(cleared).toMatchObject({ description: "", tags: [], name: "Renamed" });
    for (const field of ["install_params", "terms_of_service_url", "privacy_policy_url", "cover_image"]) {
      expect(cleared).not.toHaveProperty(field);
    }
  });

  test.each([
    [{ name: "" }, "name"],
    [{ description: "x".repeat(401) }, "description"],
    [{ tags: ["a", "b", "c", "d", "e", "f"] }, "tags"],
    [{ install_params: { scopes: ["identify"] } }, "install_params"],
    [{ integration_types_config: {} }, "integration_types_config"],
    [{ integration_types_config: { "2": {} } }, "integration_types_config"],
    [{ terms_of_service_url: "javascript:alert(1)" }, "terms_of_service_url"],
    [{ cover_image: "data:image/png;base64,AAAA" }, "cover_image"],
  ])("%j is refused", async (body, field) => {
    const bot = await platform.bot(owner);
    const answer = await bot.request("PATCH", "/applications/@me", body);
    expect(answer.body).toMatchObject({ code: 50035, errors: { [field]: {} } });
  });

  test("its developer turns the limited privileged intents on and off, and no other flag", async () => {
    const bot = await platform.bot(owner);
    const flags = async (flags: number) => (await bot.patch("/applications/@me", { flags })).flags;
    const [presences, members, content] = [1 << 13, 1 << 15, 1 << 19];
    expect(await flags(presences)).toBe(presences);
    expect(await flags(0)).toBe(0);
    expect(await flags(presences | members | content | (1 << 12) | (1 << 17))).toBe(presences | members | content);
    await sql`update applications set flags = ${1 << 17} where id = ${bot.id}`;
    expect(await flags(members)).toBe(members | (1 << 17));
  });

  test("a flag tells that it has global commands, to its bot's sessions too", async () => {
    const bot = await platform.bot(owner);
    const badge = 1 << 23;
    const { id } = await bot.post(`/applications/${bot.id}/commands`, { name: "ping", description: "Says pong" });
    const { flags } = await bot.get("/applications/@me");
    expect(flags & badge).toBe(badge);
    const socket = await platform.socket(bot);
    expect((await socket.event("READY")).d.application).toEqual({ id: bot.id, flags });
    socket.close();
    expect((await bot.patch("/applications/@me", { flags: 0 })).flags).toBe(badge);
    await bot.delete(`/applications/${bot.id}/commands/${id}`);
    expect((await bot.get("/applications/@me")).flags).toBe(0);
  });

  test("global commands are for the ways in which it can be installed", async () => {
    const bot = await platform.bot(owner);
    const command = { name: "ping", description: "Says pong" };
    const path = `/applications/${bot.id}/commands`;
    expect(await bot.post(path, command)).toMatchObject({ integration_types: [0, 1] });
    await bot.patch("/applications/@me", { integration_types_config: { "0": {} } });
    const answer = await bot.request("POST", path, { ...command, name: "pong", integration_types: [0, 1] });
    expect(answer.body).toMatchObject({ code: 50035, errors: { integration_types: { "1": {} } } });
    expect(await bot.post(path, { ...command, name: "pong" })).toMatchObject({ integration_types: [0] });
  });
});

test("the private key is sealed, and only the platform's secret opens it", async () => {
  const bot = await platform.bot(owner);
  const { verify_key } = await bot.get("/applications/@me");
  const [row] = await sql<{ private_key: Buffer }[]>`select private_key from applications where id = ${bot.id}`;
  const sealed = row?.private_key ?? Buffer.alloc(0);
  const seed = unseal(await loadSecret(platform.config()), sealed);
  expect(seed).toHaveLength(32);
  expect(sealed.includes(seed)).toBe(false);
  expect(() => unseal(Buffer.alloc(32), sealed)).toThrow();
  // It is the key whose other half is told.
  const message = Buffer.from("message");
  const { secretKey } = nacl.sign.keyPair.fromSeed(seed);
  const signature = nacl.sign.detached(message, secretKey);
  expect(nacl.sign.detached.verify(message, signature, Buffer.from(verify_key, "hex"))).toBe(true);
  const [whole] = await sql<{ text: string }[]>`select a::text as text from applications a where id = ${bot.id}`;
  expect(whole?.text).not.toContain(seed.toString("hex"));
});

test("the bot can't reset its own token, or end its application", async () => {
  const bot = await platform.bot(owner);
  await refused(20001, bot, "POST", `/applications/${bot.id}/bot`, {});
  await refused(20001, bot, "DELETE", `/applications/${bot.id}`);
});

test("a bot changes its name, avatar and banner, and everybody sees it", async () => {
  const guild = await platform.guild(owner);
  const bot = await platform.bot(owner, guild.id);
  const image = `data:image/png;base64,${png(4, 4).toString("base64")}`;
  const changed = await bot.patch("/users/@me", { username: "Renamed bot", avatar: image, banner: image });
  expect(changed).toMatchObject({ id: bot.id, username: "Renamed bot", bot: true });
  const { avatar, banner } = changed;
  expect((await owner.get(`/guilds/${guild.id}/members/${bot.id}`)).user).toMatchObject({
    username: "Renamed bot",
    avatar,
    banner,
  });
  expect((await owner.get(`/applications/${bot.id}`)).bot).toMatchObject({ username: "Renamed bot", avatar });
});

describe("ending an application", () => {
  test("takes its commands, webhooks and token, its bot leaves, what it said stays", async () => {
    const guild = await platform.guild(owner);
    const bot = await platform.bot(owner, guild.id, "536873984");
    const message = await bot.post(`/channels/${guild.channelId}/messages`, { content: "I was here" });
    const webhook = await bot.post(`/channels/${guild.channelId}/webhooks`, { name: "hook" });
    await bot.post(`/applications/${bot.id}/guilds/${guild.id}/commands`, { name: "ping", description: "d" });
    const socket = await platform.socket(bot);
    const watcher = await platform.socket(owner);
    expect((await owner.request("DELETE", `/applications/${bot.id}`)).status).toBe(204);
    expect(await socket.closing()).toBe(4004);
    await watcher.event("GUILD_MEMBER_REMOVE", (d) => d.user.id === bot.id);
    expect((await bot.request("GET", "/users/@me")).status).toBe(401);
    await refused(10002, owner, "GET", `/applications/${bot.id}`);
    await refused(10002, owner, "DELETE", `/applications/${bot.id}`);
    await refused(10015, platform.anonymous(), "POST", `/webhooks/${webhook.id}/${webhook.token}`, { content: "x" });
    await refused(10007, owner, "GET", `/guilds/${guild.id}/members/${bot.id}`);
    const kept = await owner.get(`/channels/${guild.channelId}/messages/${message.id}`);
    expect(kept).toMatchObject({ content: "I was here", author: { id: bot.id, bot: true } });
    const [left] = await sql`select count(*)::int as n from application_commands where application_id = ${bot.id}`;
    expect(left?.n).toBe(0);
    watcher.close();
  });

  test("is for its owner", async () => {
    const bot = await platform.bot(owner);
    await refused(10002, other, "DELETE", `/applications/${bot.id}`);
    await owner.delete(`/applications/${bot.id}`);
  });
});

describe("bots that are not verified", () => {
  test("can be in so many guilds as the operator says", async () => {
    const api = await addApi(platform, { UNVERIFIED_BOT_GUILDS: "2" });
    const limited = new Client(platform, owner.token, owner.id);
    limited.api = platform.apis.indexOf(api);
    const bot = await platform.bot(owner);
    const add = async () => {
      const guild = await platform.guild(owner);
      const body = { guild_id: guild.id, authorize: true };
      return limited.request("POST", `/oauth2/authorize?client_id=${bot.id}&scope=bot`, body);
    };
    expect([(await add()).status, (await add()).status]).toEqual([200, 200]);
    const third = await add();
    expect(third.body).toMatchObject({ code: 30001, message: expect.stringContaining("2 guilds") });
    expect((await bot.get("/applications/@me")).approximate_guild_count).toBe(2);
    // People are not bots, and verified bots are free.
    await limited.post("/guilds", { name: "A person's" });
    await setVerified(sql, bot.id, true);
    expect((await add()).status).toBe(200);
    const { flags } = await bot.get("/applications/@me");
    expect(flags & ((1 << 12) | (1 << 14) | (1 << 18))).toBe((1 << 12) | (1 << 14) | (1 << 18));
    expect(flags & ((1 << 13) | (1 << 15) | (1 << 19))).toBe(0);
    // The full form is as good to the gateway.
    const socket = await platform.socket(bot);
    socket.close();
    await setVerified(sql, bot.id, false);
    expect((await bot.get("/applications/@me")).flags).toBe((1 << 13) | (1 << 15) | (1 << 19));
    expect((await add()).body.code).toBe(30001);
  });
});
