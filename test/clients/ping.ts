import { expect } from "vitest";
import type { Platform } from "../harness/platform.ts";
import { type BotProcess, startBot } from "./bot-process.ts";

/**
 * A person asks a bot `!ping` and must get `pong` as a reply. The bot is on the first gateway, the person on a plain
 * socket on the second. The bot must print `ready as … in GUILD` when it has its guild.
 */
export async function expectPong(platform: Platform, command: string, args: readonly string[]): Promise<void> {
  const person = await platform.person();
  const guild = await platform.guild(person, "Bot guild");
  const bot = await platform.bot(person, guild.id, "68608");
  const socket = await platform.socket(person, { gateway: 1 });
  const process: BotProcess = startBot(command, args, {
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
}
