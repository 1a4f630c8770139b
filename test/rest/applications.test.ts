import { expect, test } from "vitest";
import { startPlatform } from "../harness/platform.ts";

const platform = await startPlatform();
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
