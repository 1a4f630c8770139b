import { expect, test } from "vitest";
import { startPlatform } from "../harness/platform.ts";

const platform = await startPlatform({ gateways: 2 });

test("a message posted over REST reaches sockets on every gateway node", async () => {
  const person = await platform.person();
  const guild = await platform.guild(person);
  const bot = await platform.bot(person, guild.id, "8");
  const one = await platform.socket(person, { gateway: 0 });
  const other = await platform.socket(bot, { gateway: 1 });
  const posted = await person.post(`/channels/${guild.channelId}/messages`, { content: "hello" });
  for (const socket of [one, other]) {
    const event = await socket.event("MESSAGE_CREATE", (d) => d.id === posted.id);
    expect(event.d).toMatchObject({ content: "hello", guild_id: guild.id, author: { id: person.id } });
  }
});
