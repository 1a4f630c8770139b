import { expect } from "vitest";
import type { Platform } from "../harness/platform.ts";
import { startBot } from "./bot-process.ts";

/**
 * A person uses the command, the button and the modal of a bot that has `/greet`. The bot is on the first gateway,
 * the person on a plain socket on the second. The bot must print `ready as …` when its command is there.
 */
export async function expectGreeting(platform: Platform, command: string, args: readonly string[]): Promise<void> {
  const person = await platform.person("ada");
  const { username } = await person.get("/users/@me");
  const guild = await platform.guild(person, "Bot guild");
  const bot = await platform.bot(person, guild.id, "0");
  const socket = await platform.socket(person, { gateway: 1 });
  const process = startBot(command, args, {
    GUILDHALL_URL: platform.url(),
    BOT_TOKEN: bot.token?.replace("Bot ", ""),
  });
  try {
    await process.says("ready as");
    const [greet] = await person.get(`/applications/${bot.id}/commands`);
    const use = (type: number, nonce: string, data: object, more: object = {}) =>
      person.post("/interactions", {
        type,
        application_id: bot.id,
        guild_id: guild.id,
        channel_id: guild.channelId,
        nonce,
        data,
        ...more,
      });
    const user = { type: 6, name: "user", value: person.id };
    const language = (value: string, focused?: true) => ({ type: 3, name: "language", value, focused });

    await use(4, "suggest", { id: greet.id, options: [user, language("ger", true)] });
    const suggested = await socket.event("APPLICATION_COMMAND_AUTOCOMPLETE_RESPONSE", (d) => d.nonce === "suggest");
    expect(suggested.d.choices).toEqual([{ name: "German", value: "German" }]);

    await use(2, "greet", { id: greet.id, options: [user, language("German")] });
    await socket.event("INTERACTION_SUCCESS", (d) => d.nonce === "greet");
    const greeted = await socket.event("MESSAGE_UPDATE", (d) => d.content === `Hallo ${username}`);
    expect(greeted.d).toMatchObject({
      flags: 0,
      author: { id: bot.id },
      interaction_metadata: { user: { id: person.id } },
    });
    const sent = await socket.event("MESSAGE_CREATE", (d) => d.content === "Sent.");
    expect(sent.d.flags).toBe(64);

    const on = { message_id: greeted.d.id };
    await use(3, "press", { component_type: 2, custom_id: "reply" }, on);
    const modal = await socket.event("INTERACTION_MODAL_CREATE", (d) => d.nonce === "press");
    expect(modal.d).toMatchObject({ custom_id: "reply", title: "Reply" });
    const [row] = modal.d.components;
    const input = { type: 4, custom_id: "text", value: "Servus" };
    const filled = row.type === 18 ? { type: 18, component: input } : { type: 1, components: [input] };
    await use(5, "submit", { id: modal.d.id, custom_id: "reply", components: [filled] });
    const replied = await socket.event("MESSAGE_UPDATE", (d) => d.id === greeted.d.id && d.components.length === 0);
    expect(replied.d.content).toBe(`Hallo ${username}\n${username}: Servus`);
  } finally {
    await process.stop();
  }
}
