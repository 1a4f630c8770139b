import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { REST, RESTEvents, Routes, WebhookClient } from "discord.js";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { registry } from "../../src/metrics.ts";
import type { Client } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import { go, pythonWithDiscord } from "./toolchains.ts";

// Each library's own limiter goes as fast as it may; by what it reads in the headers it must never be refused. discord.js
// and discord.py learn a route's bucket from its first answer and then begin a new queue beside the one that has no name
// yet, whoever the server is: so each route is used once before.
const platform = await startPlatform({ apis: 1, gateways: 0, env: { RATE_LIMITS: "on" } });
const owner = await platform.person();
const guild = await platform.guild(owner);
const MESSAGES = 12;
const run = promisify(execFile);

let channels: string[] = [];
beforeEach(async () => {
  channels = await Promise.all(
    ["first", "second"].map(async (name) => (await owner.post(`/guilds/${guild.id}/channels`, { name })).id),
  );
});

/** Answers of 429 so far, by any route. */
async function refusals(): Promise<number> {
  const metrics = await registry.getMetricsAsJSON();
  const answers = metrics.find(({ name }) => name === "guildhall_http_request_seconds")?.values ?? [];
  return answers
    .filter(
      ({ labels, ...rest }) =>
        labels.status === "429" && "metricName" in rest && rest.metricName === "guildhall_http_request_seconds_count",
    )
    .reduce((sum, { value }) => sum + value, 0);
}

async function expectPosted(bot: Client, count: number): Promise<void> {
  for (const channel of channels) {
    const messages = await owner.get(`/channels/${channel}/messages?limit=100`);
    const own = messages.filter(({ author }: { author: { id: string } }) => author.id === bot.id);
    expect(own).toHaveLength(count);
    for (const { reactions } of own) expect(reactions).toMatchObject([{ count: 1, emoji: { name: "👍" } }]);
  }
}

test("it is seen when somebody is refused", async () => {
  const before = await refusals();
  const bot = await platform.bot(owner, guild.id, "8");
  await Promise.all(Array.from({ length: 10 }, () => bot.request("POST", `/channels/${channels[0]}/typing`)));
  expect(await refusals()).toBe(before + 5);
});

test("discord.js", async () => {
  const before = await refusals();
  const bot = await platform.bot(owner, guild.id, "8");
  const rest = new REST({ api: `${platform.url()}/api`, version: "10" }).setToken(bot.token?.replace("Bot ", "") ?? "");
  const answered: number[] = [];
  rest.on(RESTEvents.Response, (_request, response) => answered.push(response.status));
  const one = async (channel: string, i: number) => {
    const message = await rest.post(Routes.channelMessages(channel), { body: { content: `discord.js ${i}` } });
    const { id } = message as { id: string };
    await rest.put(Routes.channelMessageOwnReaction(channel, id, encodeURIComponent("👍")));
    if (i % 2 === 0) await rest.delete(Routes.channelMessage(channel, id));
  };
  await one(guild.channelId, 0);
  await Promise.all(channels.flatMap((channel) => Array.from({ length: MESSAGES }, (_, i) => one(channel, i))));
  expect(answered.filter((status) => status >= 300)).toEqual([]);
  await expectPosted(bot, MESSAGES / 2);

  const hook = await owner.post(`/channels/${guild.channelId}/webhooks`, { name: "hook" });
  const webhook = new WebhookClient(
    { id: hook.id, token: hook.token },
    { rest: { api: `${platform.url()}/api`, version: "10" } },
  );
  await Promise.all(Array.from({ length: MESSAGES }, (_, i) => webhook.send(`webhook ${i}`)));
  expect(await refusals()).toBe(before);
});

const python = pythonWithDiscord();
test.skipIf(python === null)("discord.py", async () => {
  const before = await refusals();
  const bot = await platform.bot(owner, guild.id, "8");
  const hook = await owner.post(`/channels/${guild.channelId}/webhooks`, { name: "hook" });
  const env = { ...process.env, ...targetOf(bot), WEBHOOK: `${hook.id}/${hook.token}`, FIRST_CHANNEL: guild.channelId };
  const args = ["test/clients/discord_py_posts.py", String(MESSAGES), ...channels];
  const { stdout, stderr } = await run(python ?? "", args, { env });
  expect([stdout, stderr]).toEqual(["done\n", expect.not.stringContaining("rate limited")]);
  await expectPosted(bot, MESSAGES / 2);
  expect(await refusals()).toBe(before);
});

const compiler = go();
const dir = await mkdtemp(join(tmpdir(), "guildhall-discordgo-"));
afterAll(() => rm(dir, { recursive: true, force: true }));
beforeAll(async () => {
  if (compiler === null) return;
  await run(compiler, ["build", "-o", join(dir, "posts"), "."], { cwd: "test/clients/discordgo-posts" });
}, 300_000);

test.skipIf(compiler === null)("discordgo", async () => {
  const before = await refusals();
  const bot = await platform.bot(owner, guild.id, "8");
  const env = { ...process.env, ...targetOf(bot) };
  const { stdout } = await run(join(dir, "posts"), [String(MESSAGES), ...channels], { env });
  expect(stdout).toBe("done\n");
  await expectPosted(bot, MESSAGES / 2);
  expect(await refusals()).toBe(before);
});

function targetOf(bot: Client) {
  return { GUILDHALL_URL: platform.url(), BOT_TOKEN: bot.token?.replace("Bot ", "") ?? "" };
}
