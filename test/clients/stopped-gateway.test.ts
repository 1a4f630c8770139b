import { Client, Events, GatewayIntentBits } from "discord.js";
import { afterAll, expect, test } from "vitest";
import { startGatewayProcess } from "../harness/gateway-process.ts";
import { addApi, startPlatform } from "../harness/platform.ts";

const INTERVAL_MS = 1500;

const platform = await startPlatform();
const gateway = await startGatewayProcess(platform.stores, { HEARTBEAT_INTERVAL_MS: String(INTERVAL_MS) });
const person = await platform.person();
const guild = await platform.guild(person);
const bot = await platform.bot(person, guild.id, "8");
// An API that names this gateway.
await addApi(platform, { GATEWAY_URL: gateway.url });

const { Guilds, GuildMessages, MessageContent } = GatewayIntentBits;
const client = new Client({
  intents: [Guilds, GuildMessages, MessageContent],
  rest: { api: `${platform.url(1)}/api` },
});
afterAll(() => client.destroy());

test("discord.js finds a gateway that was stopped to be a zombie, reconnects and resumes: nothing lost or repeated", async () => {
  const seen: string[] = [];
  const said: string[] = [];
  client.on(Events.MessageCreate, ({ id }) => void seen.push(id));
  client.on(Events.Debug, (line) => void said.push(line));
  const ready = new Promise((resolve) => client.once(Events.ClientReady, resolve));
  const resumed = new Promise((resolve) => client.once(Events.ShardResume, resolve));
  await client.login(bot.token?.replace("Bot ", ""));
  await ready;
  const post = async (content: string) =>
    String((await person.post(`/channels/${guild.channelId}/messages`, { content })).id);
  const posted = [await post("before")];
  await expect.poll(() => seen).toEqual(posted);

  gateway.signal("SIGSTOP");
  for (let i = 0; i < 20; i++) posted.push(await post(`meanwhile ${i}`));
  await expect.poll(() => said.some((line) => line.includes("Zombie connection"))).toBe(true);
  gateway.signal("SIGCONT");
  await resumed;
  posted.push(await post("after"));
  await expect.poll(() => seen).toEqual(posted);
});
