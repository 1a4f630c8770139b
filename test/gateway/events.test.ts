import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { EVENTS, isEventName } from "../../core/events.ts";
import { Permission } from "../../core/permissions.ts";
import type { Client } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";

const platform = await startPlatform();

/** Does everything that can be changed, so that each event happens at least once; all in channels that `blind` can't view. */
async function changeEverything(
  owner: Client,
  member: Client,
  blind: Client,
  guild: { id: string; channelId: string },
): Promise<void> {
  const hidden = { permission_overwrites: [hiddenFrom(blind)] };
  const channels = `/guilds/${guild.id}/channels`;
  const members = `/guilds/${guild.id}/members/${member.id}`;
  await owner.patch(`/guilds/${guild.id}`, { name: "Renamed" });
  const role = await owner.post(`/guilds/${guild.id}/roles`, { name: "role" });
  await owner.patch(`/guilds/${guild.id}/roles/${role.id}`, { name: "renamed" });
  await owner.put(`${members}/roles/${role.id}`);
  await owner.delete(`/guilds/${guild.id}/roles/${role.id}`);
  const channel = await owner.post(channels, { name: "channel", type: 0, ...hidden });
  await owner.patch(`/channels/${channel.id}`, { topic: "topic" });
  const messages = `/channels/${channel.id}/messages`;
  const message = await owner.post(messages, { content: "one" });
  await owner.patch(`${messages}/${message.id}`, { content: "edited" });
  const reactions = `${messages}/${message.id}/reactions`;
  for (const emoji of ["👍", "🔥", "🎉"]) await owner.put(`${reactions}/${emoji}/@me`);
  await owner.put(`${messages}/pins/${message.id}`);
  for (const one of ["/👍/@me", "/🔥", ""]) await owner.delete(`${reactions}${one}`);
  await owner.delete(`${messages}/${message.id}`);
  const two = [await owner.post(messages, { content: "two" }), await owner.post(messages, { content: "three" })];
  await owner.post(`${messages}/bulk-delete`, { messages: two.map(({ id }) => id) });
  const thread = await owner.post(`/channels/${channel.id}/threads`, { name: "thread", type: 11 });
  await owner.patch(`/channels/${thread.id}`, { name: "renamed" });
  await owner.delete(`/channels/${thread.id}`);
  await owner.post(`/channels/${channel.id}/typing`);
  await owner.post(`/channels/${channel.id}/webhooks`, { name: "hook" });
  const invite = await owner.post(`/channels/${channel.id}/invites`, {});
  await owner.delete(`/invites/${invite.code}`);
  await owner.delete(`/channels/${channel.id}`);
  const { id: helper } = await owner.post("/applications", { name: "Helper" });
  await owner.post(`/applications/${helper}/bot`);
  const where = { guild_id: guild.id, authorize: true };
  for (const scope of ["applications.commands", "bot"]) {
    await owner.post(`/oauth2/authorize?client_id=${helper}&scope=${scope}`, where);
  }
  await owner.delete(`/guilds/${guild.id}/members/${helper}`);
  await owner.put(`/guilds/${guild.id}/bans/${member.id}`);
  await owner.delete(`/guilds/${guild.id}/bans/${member.id}`);
  await platform.join(owner, guild, member);
  const room = await owner.post(channels, { name: "room", type: 2, ...hidden });
  const socket = await platform.socket(member);
  socket.send(3, { status: "dnd", activities: [], since: null, afk: false });
  socket.send(4, { guild_id: guild.id, channel_id: room.id, self_mute: false, self_deaf: false });
  await socket.event("VOICE_STATE_UPDATE");
  socket.close(1000);
  await owner.patch("/users/@me", { global_name: "Somebody" });
}

const hiddenFrom = ({ id }: Client) => ({ id, type: 1, allow: "0", deny: String(Permission.VIEW_CHANNEL) });
/** Events of the platform's bots and endpoints, for one user each; the tests named here make them happen. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  INTERACTION_CREATE: "../interactions/commands.test.ts",
  INTERACTION_SUCCESS: "../interactions/commands.test.ts",
  INTERACTION_FAILURE: "../interactions/timing.test.ts",
  INTERACTION_MODAL_CREATE: "../interactions/components.test.ts",
  APPLICATION_COMMAND_AUTOCOMPLETE_RESPONSE: "../interactions/commands.test.ts",
  EVENT_ENDPOINT_DISABLED: "../webhooks/application-events.test.ts",
};
const told = Object.entries(EVENTS).filter(([name]) => !name.startsWith("$") && ELSEWHERE[name] === undefined);

test.each(Object.entries(ELSEWHERE))("%s is for one user alone, and is awaited in %s", (name, file) => {
  expect(isEventName(name) && EVENTS[name]).toMatchObject({ sees: "user", intent: 0 });
  expect(readFileSync(new URL(file, import.meta.url), "utf8")).toContain(`"${name}"`);
});

test("everything that changes is told to those who asked, and to nobody who did not", async () => {
  const owner = await platform.person("owner");
  const member = await platform.person("member");
  const guild = await platform.guild(owner);
  await platform.join(owner, guild, member);
  const blind = await platform.person("blind");
  await platform.join(owner, guild, blind);
  await owner.put(`/channels/${guild.channelId}/permissions/${blind.id}`, hiddenFrom(blind));
  const bot = await platform.bot(owner, guild.id, "8");
  const all = await platform.socket(owner);
  const unseeing = await platform.socket(blind);
  const nothing = await platform.socket(bot, { intents: 0 });
  const guildsOnly = await platform.socket(bot, { intents: 1 });
  const command = await bot.post(`/applications/${bot.id}/commands`, { name: "ping", description: "Says pong" });
  await owner.put(`/applications/${bot.id}/guilds/${guild.id}/commands/${command.id}/permissions`, {
    permissions: [{ id: member.id, type: 2, permission: false }],
  });
  await changeEverything(owner, member, blind, guild);
  await all.event("USER_UPDATE");
  await owner.delete(`/guilds/${guild.id}`);
  await all.event("GUILD_DELETE");

  // Each row of the table, a new one as well, has happened.
  const seen = new Set(all.dispatches.map(({ t }) => t));
  expect(told.map(([name]) => name).filter((name) => !seen.has(name))).toEqual([]);

  // Of what needs the view of a channel nothing came to who has none, of the rest all.
  await unseeing.event("GUILD_DELETE");
  await Promise.all([nothing.settled(), guildsOnly.settled(), unseeing.settled()]);
  const unseen = new Set(unseeing.dispatches.map(({ t }) => t));
  const namesBy = (sees: string) => told.filter(([, rule]) => rule.sees === sees).map(([name]) => name);
  expect(namesBy("channel").filter((name) => unseen.has(name))).toEqual([]);
  expect(namesBy("guild").filter((name) => !unseen.has(name))).toEqual([]);

  expect(nothing.dispatches.map(({ t }) => t)).toEqual([
    "READY",
    "APPLICATION_COMMAND_PERMISSIONS_UPDATE",
    "GUILD_DELETE",
  ]);
  const forGuilds = new Set(guildsOnly.dispatches.map(({ t }) => t));
  expect([...forGuilds].sort()).toEqual([
    "APPLICATION_COMMAND_PERMISSIONS_UPDATE",
    "CHANNEL_CREATE",
    "CHANNEL_DELETE",
    "CHANNEL_PINS_UPDATE",
    "CHANNEL_UPDATE",
    "GUILD_CREATE",
    "GUILD_DELETE",
    "GUILD_ROLE_CREATE",
    "GUILD_ROLE_DELETE",
    "GUILD_ROLE_UPDATE",
    "GUILD_UPDATE",
    "READY",
    "THREAD_CREATE",
    "THREAD_DELETE",
    "THREAD_UPDATE",
  ]);
});

test("a direct conversation's events go to the two of it", async () => {
  const one = await platform.person();
  const other = await platform.person();
  const sockets = [await platform.socket(one), await platform.socket(other)];
  const dm = await one.post("/users/@me/channels", { recipient_id: other.id });
  await one.post(`/channels/${dm.id}/typing`);
  const message = await one.post(`/channels/${dm.id}/messages`, { content: "hello" });
  await one.patch(`/channels/${dm.id}/messages/${message.id}`, { content: "edited" });
  await one.delete(`/channels/${dm.id}/messages/${message.id}`);
  for (const socket of sockets) await socket.event("MESSAGE_DELETE", (d) => d.id === message.id);
  const names = sockets.map((socket) => socket.dispatches.slice(1).map(({ t }) => t));
  const both = ["MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE"];
  expect(names).toEqual([
    ["CHANNEL_CREATE", ...both],
    ["TYPING_START", ...both],
  ]);
});
