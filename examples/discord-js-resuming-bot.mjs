// A discord.js bot that archives every message to a file and misses none while it restarts, however it ended.
//   GUILDHALL_URL=http://localhost:3000 BOT_TOKEN=… STATE=./archive node examples/discord-js-resuming-bot.mjs
import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { Client, Events, GatewayIntentBits } from "discord.js";
import { KeptSession } from "./kept-session.mjs";

const { GUILDHALL_URL = "http://localhost:3000", BOT_TOKEN, STATE = "./archive" } = process.env;

const kept = new KeptSession(STATE);
const client = new Client({
  intents: [GatewayIntentBits.Guilds, GatewayIntentBits.GuildMessages, GatewayIntentBits.MessageContent],
  rest: { api: `${GUILDHALL_URL}/api` },
  ws: kept.options,
});

client.on(
  Events.MessageCreate,
  kept.handled(async ({ id, channel, author, content }) => {
    const line = JSON.stringify({ id, channel: channel.name, author: author.username, content });
    await appendFile(join(STATE, "messages.jsonl"), `${line}\n`);
  }),
);
client.once(Events.ClientReady, ({ user }) => console.log(`ready as ${user.tag}`));
client.on(Events.ShardResume, () => console.log("the session goes on, all that was missed has come"));

process.once("SIGTERM", () => kept.leave());
await client.login(BOT_TOKEN);
