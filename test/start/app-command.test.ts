import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { Client } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import { guildhall } from "./guildhall-process.ts";

const platform = await startPlatform();
const owner = await platform.person("owner");
const empty = mkdtempSync(join(tmpdir(), "guildhall-app-"));
afterAll(() => rmSync(empty, { recursive: true, force: true }));

const { DATABASE_URL, REDIS_URL, GUILDHALL_DATA } = platform.stores.env;
const env = { DATABASE_URL, REDIS_URL, GUILDHALL_DATA };
const app = (args: string[], change: NodeJS.ProcessEnv = {}) =>
  guildhall(["app", ...args], { ...env, ...change }).exit();
const tokenIn = (stdout: string) => stdout.trimEnd().split("\n").at(-1) ?? "";

test("app create makes an application of the guild's owner, whose bot is in the guild and can log in", async () => {
  const guild = await platform.guild(owner, "Workshop");
  const watcher = await platform.socket(owner);
  const { code, stdout, stderr } = await app(["create", "Ping bot", "--guild", guild.id]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const token = tokenIn(stdout);
  const bot = new Client(platform, `Bot ${token}`, Buffer.from(token.split(".")[0] ?? "", "base64url").toString());
  expect(stdout).toBe(
    `Ping bot is application ${bot.id}, and its bot is in Workshop. The bot's token, shown only now:\n\n${token}\n`,
  );
  await watcher.event("GUILD_MEMBER_ADD", (d) => d.user.id === bot.id);
  watcher.close();
  expect(await bot.get("/applications/@me")).toMatchObject({ name: "Ping bot", owner: { id: owner.id } });
  const socket = await platform.socket(bot);
  socket.close();
  expect(await bot.post(`/channels/${guild.channelId}/messages`, { content: "pong" })).toMatchObject({
    content: "pong",
  });
  // It has what it was given, and no more.
  expect((await bot.request("PATCH", `/guilds/${guild.id}`, { name: "mine" })).body.code).toBe(50013);
  expect(await owner.get("/applications")).toMatchObject([{ id: bot.id }]);
  expect((await bot.request("POST", `/applications/${bot.id}/commands`, { name: "p", description: "d" })).status).toBe(
    201,
  );
});

test("app create gives the permissions asked for", async () => {
  const guild = await platform.guild(owner);
  const { stdout } = await app(["create", "Admin", "--guild", guild.id, "--permissions", "8"]);
  const bot = new Client(platform, `Bot ${tokenIn(stdout)}`, null);
  expect((await bot.request("PATCH", `/guilds/${guild.id}`, { name: "mine" })).status).toBe(200);
});

test("app create lets no way in behind: the token that it asked with has ended", async () => {
  const guild = await platform.guild(owner);
  const before = await logins();
  await app(["create", "Gone", "--guild", guild.id]);
  expect(await logins()).toEqual(before);
});

async function logins(): Promise<unknown> {
  const { default: postgres } = await import("postgres");
  const sql = postgres(platform.stores.databaseUrl, { max: 1 });
  const [row] = await sql`select count(*)::int as tokens from access_tokens where user_id = ${owner.id}`;
  await sql.end();
  return row;
}

test("app verify says who is verified", async () => {
  const bot = await platform.bot(owner);
  expect((await app(["verify", bot.id])).stdout).toBe("Testbot is verified.\n");
  expect((await bot.get("/users/@me")).flags).toBe(1 << 16);
  expect((await app(["verify", bot.id, "off"])).stdout).toBe("Testbot is not verified.\n");
  expect((await bot.get("/applications/@me")).bot.flags).toBe(0);
});

test.each<[string, string[], NodeJS.ProcessEnv, RegExp]>([
  ["without a name", ["create", "--guild", "1"], {}, /^Usage: guildhall app create NAME/],
  ["without a guild", ["create", "Name"], {}, /^Usage:/],
  ["an option that there is not", ["create", "Name", "--guild", "1", "--admin"], {}, /^Usage:/],
  ["nothing to do", [], {}, /^Usage:/],
  ["a guild that is no id", ["create", "Name", "--guild", "x"], {}, /^--guild takes the id of a guild, not "x"\.\n$/],
  ["a guild that there is not", ["create", "Name", "--guild", "1"], {}, /^There is no guild 1\.\n$/],
  ["a name too long", ["create", "x".repeat(33), "--guild", "GUILD"], {}, /^Invalid Form Body/],
  ["an application that there is not", ["verify", "1"], {}, /^There is no application 1 that has a bot\.\n$/],
  [
    "without the platform's secret",
    ["create", "Name", "--guild", "GUILD"],
    { GUILDHALL_DATA: empty },
    /^Set GUILDHALL_SECRET/,
  ],
  [
    "with another secret",
    ["create", "Name", "--guild", "GUILD"],
    { GUILDHALL_SECRET: "x".repeat(64) },
    /^GUILDHALL_SECRET is not the platform's/,
  ],
  [
    "where nothing runs",
    ["create", "Name", "--guild", "1"],
    { GUILDHALL_DATA: empty, DATABASE_URL: undefined },
    /^Guildhall doesn't run on .*; start it, set GUILDHALL_DATA to its folder, or set DATABASE_URL\.\n$/,
  ],
])("app refuses in a line or two: %s", async (_, args, change, message) => {
  const guild = await platform.guild(owner);
  const before = await owner.get("/applications");
  const { code, stdout, stderr } = await app(
    args.map((each) => (each === "GUILD" ? guild.id : each)),
    change,
  );
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toMatch(message);
  expect(stderr).not.toContain("    at ");
  expect(await owner.get("/applications")).toEqual(before);
});
