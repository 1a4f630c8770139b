import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { IncomingWebhook } from "@slack/webhook";
import { EmbedBuilder, WebhookClient } from "discord.js";
import { expect, test } from "vitest";
import type { Json } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import { pythonWithSenders } from "./toolchains.ts";

// Rate limits are on: each sender is told them, and those that wait by themselves go on when they may.
const platform = await startPlatform({ apis: 1, gateways: 0, env: { RATE_LIMITS: "on", RATE_LIMIT_FACTOR: "1" } });
const owner = await platform.person();
const guild = await platform.guild(owner);

async function newWebhook() {
  const { id: channelId } = await owner.post(`/guilds/${guild.id}/channels`, { name: "posts" });
  const { id, token, url } = await owner.post(`/channels/${channelId}/webhooks`, { name: "hook" });
  const posts = async (): Promise<Json[]> => (await owner.get(`/channels/${channelId}/messages`)).reverse();
  return { id: String(id), token: String(token), url: String(url), posts };
}

test("discord.js' WebhookClient posts, edits, reads and deletes", async () => {
  const { id, token, posts } = await newWebhook();
  const webhook = new WebhookClient({ id, token }, { rest: { api: `${platform.url()}/api`, version: "10" } });
  const first = await webhook.send({
    content: "from discord.js",
    username: "js",
    embeds: [new EmbedBuilder().setTitle("Embed").setColor("Aqua")],
    files: [{ attachment: Buffer.from("text of a file"), name: "note.txt" }],
  });
  await webhook.editMessage(first.id, { content: "edited by discord.js" });
  expect((await webhook.fetchMessage(first.id)).content).toBe("edited by discord.js");
  const second = await webhook.send("deleted");
  await webhook.deleteMessage(second.id);
  expect(await posts()).toMatchObject([
    { content: "edited by discord.js", author: { username: "js" }, embeds: [{ title: "Embed" }], attachments: [{}] },
  ]);
});

test("@slack/webhook posts texts, attachments and blocks", async () => {
  const { url, posts } = await newWebhook();
  const webhook = new IncomingWebhook(`${url}/slack`, { username: "slack" });
  expect(await webhook.send("from *Slack*")).toEqual({ text: "ok" });
  await webhook.send({
    text: "notification",
    blocks: [{ type: "section", text: { type: "mrkdwn", text: "a *block*" } }],
    attachments: [{ color: "good", text: "attached", fields: [{ title: "Field", value: "~value~" }] }],
  });
  expect(await posts()).toMatchObject([
    { content: "from **Slack**", author: { username: "slack" } },
    {
      content: "a **block**",
      embeds: [{ description: "attached", color: 0x2eb67d, fields: [{ value: "~~value~~" }] }],
    },
  ]);
});

const python = pythonWithSenders();
const senders: [name: string, posts: object[]][] = [
  ["discord_py", [{ content: "edited by discord.py", author: { username: "py" }, embeds: [{ title: "Embed" }] }]],
  [
    "discord_webhook",
    [0, 1, 2, 3, 4, 5, 6].map((i) => ({
      content: i === 6 ? "edited by discord-webhook" : `discord-webhook ${i}`,
      embeds: [{ title: "Embed", color: 0x03b2f8 }],
      attachments: [{ filename: "note.txt" }],
    })),
  ],
  ["apprise_discord", [{ embeds: [{ title: "From apprise", description: "**body** of it" }] }]],
  ["apprise_slack", [{ embeds: [{ title: "From apprise", description: "body for **Slack**" }] }]],
];
for (const [name, expected] of senders) {
  test.skipIf(python === null)(`${name.replace("_", " ")} posts`, async () => {
    const { url, posts } = await newWebhook();
    const env = { ...process.env, WEBHOOK_URL: url };
    await promisify(execFile)(python ?? "", ["test/clients/webhook_senders.py", name], { env });
    expect(await posts()).toMatchObject(expected);
  });
}
