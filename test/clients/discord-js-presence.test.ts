import { ActivityType, ChannelType, Client, GatewayIntentBits, type GuildMember } from "discord.js";
import { afterAll, expect, test } from "vitest";
import { startPlatform } from "../harness/platform.ts";

const SOON = { timeout: 30_000 };
const platform = await startPlatform({ gateways: 2 });
const owner = await platform.person("owner");
const guild = await platform.guild(owner);
const bot = await platform.bot(owner, guild.id, "8");
const room = await owner.post(`/guilds/${guild.id}/channels`, { name: "Room", type: ChannelType.GuildVoice });

const { Guilds, GuildMembers, GuildPresences, GuildVoiceStates } = GatewayIntentBits;
const client = new Client({
  intents: [Guilds, GuildMembers, GuildPresences, GuildVoiceStates],
  rest: { api: `${platform.url()}/api` },
  presence: { status: "idle", activities: [{ name: "Chess", type: ActivityType.Competing }] },
});
afterAll(() => client.destroy());

async function ownerAsMember(): Promise<GuildMember> {
  return (await client.guilds.fetch(guild.id)).members.fetch(owner.id);
}

test("discord.js' caches show presences and voice states as they are, at first and as they change", async () => {
  const person = await platform.socket(owner, { gateway: 1 });
  person.send(4, { guild_id: guild.id, channel_id: room.id, self_mute: true, self_deaf: false });
  await person.event("VOICE_STATE_UPDATE", (d) => d.channel_id === room.id);
  const ready = new Promise((resolve) => client.once("clientReady", resolve));
  await client.login(bot.token?.replace("Bot ", ""));
  await ready;
  const member = await ownerAsMember();
  expect(member.presence?.status).toBe("online");
  expect([member.voice.channelId, member.voice.selfMute]).toEqual([room.id, true]);

  const own = await person.event("PRESENCE_UPDATE", (d) => d.user.id === bot.id && d.status === "idle");
  expect(own.d.activities).toEqual([{ created_at: expect.any(Number), name: "Chess", type: 5 }]);
  client.user?.setPresence({
    status: "dnd",
    activities: [{ name: "Custom", type: ActivityType.Custom, state: "Busy" }],
  });
  const changed = await person.event("PRESENCE_UPDATE", (d) => d.user.id === bot.id && d.status === "dnd");
  expect(changed.d.activities).toMatchObject([{ name: "Custom", type: 4, state: "Busy" }]);

  person.send(3, { status: "dnd", activities: [{ name: "Go", type: 0 }], since: null, afk: false });
  await expect.poll(() => member.presence?.activities[0]?.name, SOON).toBe("Go");
  expect(member.presence?.clientStatus).toEqual({ web: "dnd" });
  person.send(4, { guild_id: guild.id, channel_id: null, self_mute: false, self_deaf: false });
  await expect.poll(() => member.voice.channelId, SOON).toBeNull();
  person.close(1000);
  await expect.poll(() => member.presence?.status, SOON).toBe("offline");
});
