import { AttachmentBuilder, Client, EmbedBuilder, Events, GatewayIntentBits, type Message } from "discord.js";
import { afterAll, expect, test } from "vitest";
import { png } from "../harness/forms.ts";
import { startPlatform } from "../harness/platform.ts";

const platform = await startPlatform();
const owner = await platform.person("owner");
const guild = await platform.guild(owner);
const bot = await platform.bot(owner, guild.id, "8");
const client = new Client({
  intents: [GatewayIntentBits.Guilds, GatewayIntentBits.GuildMessages, GatewayIntentBits.MessageContent],
  rest: { api: `${platform.url()}/api`, cdn: `${platform.url()}/cdn` },
});
afterAll(() => client.destroy());

const bytesAt = async (url: string) => Buffer.from(await (await fetch(url)).arrayBuffer());

test("discord.js sends, receives, edits and fetches files, and shows avatars from our CDN", async () => {
  const ready = new Promise<Client<true>>((resolve) => client.once(Events.ClientReady, resolve));
  await client.login(bot.token?.replace("Bot ", ""));
  const { user } = await ready;
  const channel = await client.channels.fetch(guild.channelId);
  if (channel === null || !channel.isSendable()) throw new Error("the channel is not there");

  const received = new Promise<Message>((resolve) => client.once(Events.MessageCreate, resolve));
  const picture = png(8, 6);
  const sent = await channel.send({
    content: "files",
    embeds: [new EmbedBuilder().setImage("attachment://chart.png")],
    files: [
      new AttachmentBuilder(picture, { name: "chart.png" }),
      new AttachmentBuilder(Buffer.from("secret"), { name: "notes.txt", description: "notes" }).setSpoiler(true),
    ],
  });
  const [file] = (await received).attachments.values();
  expect(file).toMatchObject({ name: "SPOILER_notes.txt", description: "notes", size: 6, spoiler: true });
  expect((await bytesAt(file?.url ?? "")).toString()).toBe("secret");
  const image = sent.embeds[0]?.image;
  expect(image).toMatchObject({ width: 8, height: 6 });
  expect((await bytesAt(image?.url ?? "")).equals(picture)).toBe(true);

  const edited = await sent.edit({
    embeds: [],
    attachments: [...sent.attachments.values()],
    files: [{ attachment: Buffer.from("x"), name: "x.txt" }],
  });
  expect(edited.attachments.map(({ name }) => name)).toEqual(["SPOILER_notes.txt", "x.txt"]);

  await user.setAvatar(picture);
  const url = user.displayAvatarURL({ size: 16 });
  expect(url).toContain(`${platform.url()}/cdn/avatars/${bot.id}/`);
  expect((await fetch(url)).headers.get("content-type")).toBe("image/webp");
  expect((await fetch(client.users.cache.get(bot.id)?.defaultAvatarURL ?? "")).status).toBe(200);
});
