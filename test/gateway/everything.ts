import { Permission } from "../../core/permissions.ts";
import type { Client } from "../harness/client.ts";
import type { Platform } from "../harness/platform.ts";

interface Cast {
  owner: Client;
  member: Client;
  /** Who some of it happens to; it has every permission but ADMINISTRATOR. */
  bot: Client;
  /** Members who view none of the channels. */
  blind: readonly Client[];
}

const denyView = { allow: "0", deny: String(Permission.VIEW_CHANNEL) };
export const hiddenFrom = ({ id }: Client) => ({ id, type: 1, ...denyView });

/** Does everything that can be changed in a guild, so that each event happens at least once. */
export async function changeEverything(
  platform: Platform,
  { owner, member, bot, blind }: Cast,
  guild: { id: string; channelId: string },
): Promise<void> {
  const hidden = { permission_overwrites: blind.map(hiddenFrom) };
  const channels = `/guilds/${guild.id}/channels`;
  const membersPath = `/guilds/${guild.id}/members`;
  await owner.patch(`/guilds/${guild.id}`, { name: "Renamed" });
  const role = await owner.post(`/guilds/${guild.id}/roles`, { name: "role" });
  await owner.patch(`/guilds/${guild.id}/roles/${role.id}`, { name: "renamed" });
  for (const { id } of [member, bot]) await owner.put(`${membersPath}/${id}/roles/${role.id}`);
  await owner.delete(`/guilds/${guild.id}/roles/${role.id}`);
  const channel = await owner.post(channels, { name: "channel", type: 0, ...hidden });
  await owner.patch(`/channels/${channel.id}`, { topic: "topic" });
  await changeMessages(owner, channel.id);
  const two = [await say(owner, channel.id), await say(owner, channel.id)];
  await owner.post(`/channels/${channel.id}/messages/bulk-delete`, { messages: two });
  await changeThread(owner, member, bot, channel.id);
  await owner.post(`/channels/${channel.id}/webhooks`, { name: "hook" });
  const invite = await owner.post(`/channels/${channel.id}/invites`, {});
  await owner.delete(`/invites/${invite.code}`);
  await owner.delete(`/channels/${channel.id}`);
  const { id: helper } = await owner.post("/applications", { name: "Helper" });
  await owner.post(`/applications/${helper}/bot`);
  await admit(owner, helper, guild.id, "applications.commands");
  await admit(owner, helper, guild.id, "bot");
  await owner.delete(`${membersPath}/${helper}`);
  await owner.put(`/guilds/${guild.id}/bans/${member.id}`);
  await owner.delete(`/guilds/${guild.id}/bans/${member.id}`);
  await platform.join(owner, guild, member);
  const room = await owner.post(channels, { name: "room", type: 2, ...hidden });
  await speak(platform, member, guild.id, room.id);
  await owner.patch("/users/@me", { global_name: "Somebody" });
  await bot.patch("/users/@me", { username: "Renamed" });
  const other = await platform.guild(owner, "Another");
  await admit(owner, bot.id, other.id, "bot");
  await owner.delete(`/guilds/${other.id}/members/${bot.id}`);
}

/** Everything that can happen in a conversation of the two. */
export async function changeConversation(owner: Client, other: Client): Promise<void> {
  const dm = await owner.post("/users/@me/channels", { recipient_id: other.id });
  await changeMessages(owner, dm.id, false);
}

const admit = (owner: Client, application: string, guildId: string, scope: string) =>
  owner.post(`/oauth2/authorize?client_id=${application}&scope=${scope}`, { guild_id: guildId, authorize: true });

const say = async (owner: Client, channelId: string): Promise<string> =>
  (await owner.post(`/channels/${channelId}/messages`, { content: "hello" })).id;

/** @param manages whether the channel is one in which reactions of others can be removed */
async function changeMessages(owner: Client, channelId: string, manages = true): Promise<void> {
  const messages = `/channels/${channelId}/messages`;
  const id = await say(owner, channelId);
  await owner.patch(`${messages}/${id}`, { content: "edited" });
  const reactions = `${messages}/${id}/reactions`;
  for (const emoji of ["👍", "🔥", "🎉"]) await owner.put(`${reactions}/${emoji}/@me`);
  await owner.put(`${messages}/pins/${id}`);
  for (const one of manages ? ["/👍/@me", "/🔥", ""] : ["/👍/@me"]) await owner.delete(`${reactions}${one}`);
  await owner.delete(`${messages}/${id}`);
  const poll = await owner.post(messages, {
    poll: { question: { text: "?" }, answers: [{ poll_media: { text: "!" } }] },
  });
  for (const ids of [[1], []])
    await owner.put(`/channels/${channelId}/polls/${poll.id}/answers/@me`, { answer_ids: ids });
  await owner.post(`/channels/${channelId}/typing`);
}

async function changeThread(owner: Client, member: Client, bot: Client, channelId: string): Promise<void> {
  const thread = await owner.post(`/channels/${channelId}/threads`, { name: "thread", type: 11 });
  await owner.patch(`/channels/${thread.id}`, { name: "renamed" });
  await member.put(`/channels/${thread.id}/thread-members/@me`);
  await owner.put(`/channels/${thread.id}/thread-members/${bot.id}`);
  for (const archived of [true, false]) await owner.patch(`/channels/${thread.id}`, { archived });
  // The channel goes out of the bot's sight, and comes back with what is in it.
  await owner.put(`/channels/${channelId}/permissions/${bot.id}`, { type: 1, ...denyView });
  await owner.delete(`/channels/${channelId}/permissions/${bot.id}`);
  await owner.delete(`/channels/${thread.id}`);
}

async function speak(platform: Platform, member: Client, guildId: string, room: string): Promise<void> {
  const socket = await platform.socket(member);
  socket.send(3, { status: "dnd", activities: [], since: null, afk: false });
  socket.send(4, { guild_id: guildId, channel_id: room, self_mute: false, self_deaf: false });
  await socket.event("VOICE_STATE_UPDATE");
  socket.close(1000);
}
