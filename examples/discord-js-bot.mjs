// A discord.js bot that answers !ping with pong. Only the base URL differs from a bot at Discord.
//   GUILDHALL_URL=http://localhost:3000 BOT_TOKEN=… node examples/discord-js-bot.mjs
import { Client, Events, GatewayIntentBits } from "discord.js";

const { GUILDHALL_URL = "http://localhost:3000", BOT_TOKEN } = process.env;

const client = new Client({
  intents: [GatewayIntentBits.Guilds, GatewayIntentBits.GuildMessages, GatewayIntentBits.MessageContent],
  rest: { api: `${GUILDHALL_URL}/api` },
});

client.once(Events.ClientReady, ({ user, guilds }) => {
  console.log(`ready as ${user.tag} in ${guilds.cache.map((guild) => guild.name).join(", ")}`);
});

client.on(Events.MessageCreate, async (message) => {
  if (message.content === "!ping") await message.reply("pong");
});

await client.login(BOT_TOKEN);
