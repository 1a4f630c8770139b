import { expect, test } from "vitest";
import { startPlatform } from "../harness/platform.ts";
import { startBot } from "./bot-process.ts";

const platform = await startPlatform({ gateways: 2 });

test("an unmodified discord.js bot answers a person, who is on another gateway node", async () => {
  const person = await platform.person();
  const guild = await platform.guild(person, "Bot guild");
  const bot = await platform.bot(person, guild.id, "68608");
  const socket = await platform.socket(person, { gateway: 1 });
  const process = startBot("node", ["examples/discord-js-bot.mjs"], {
    GUILDHALL_URL: platform.url(),
    BOT_TOKEN: bot.token?.replace("Bot ", ""),
  });
  try {
    expect(await process.says("ready as")).toContain("Bot guild");
    const asked = await person.post(`/channels/${guild.channelId}/messages`, { content: "!ping" });
    const question = await socket.event("MESSAGE_CREATE", (d) => d.id === asked.id);
    const answer = await socket.event("MESSAGE_CREATE", (d) => d.content === "pong");
    expect(answer.d.author).toMatchObject({ id: bot.id, bot: true });
    expect(answer.d.referenced_message.id).toBe(asked.id);
    expect(answer.s).toBeGreaterThan(question.s ?? 0);
  } finally {
    await process.stop();
  }
});
