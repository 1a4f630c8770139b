import { ChannelType } from "discord-api-types/v10";
import type { Scenarios } from "../world.ts";

/** One of each kind that can be made. */
const KINDS = [
  { name: "text", type: ChannelType.GuildText, topic: "About", nsfw: true, rate_limit_per_user: 5 },
  { name: "voice", type: ChannelType.GuildVoice, bitrate: 64_000, user_limit: 5 },
  { name: "category", type: ChannelType.GuildCategory },
  { name: "news", type: ChannelType.GuildAnnouncement, default_auto_archive_duration: 1440 },
  { name: "stage", type: ChannelType.GuildStageVoice, bitrate: 64_000, user_limit: 5000 },
  {
    name: "forum",
    type: ChannelType.GuildForum,
    default_thread_rate_limit_per_user: 5,
    default_reaction_emoji: { emoji_name: "👍" },
    default_sort_order: 1,
    default_forum_layout: 2,
    available_tags: [{ name: "help", moderated: true, emoji_name: "🔥" }],
  },
];

export const channelScenarios: Scenarios = {
  create_guild_channel: ({ bot, member, guildId }) =>
    Promise.all(
      KINDS.map((kind) =>
        bot.request("POST", `/guilds/${guildId}/channels`, {
          ...kind,
          permission_overwrites: [
            { id: guildId, type: 0, deny: "2048" },
            { id: member.id, type: 1, allow: "2048" },
          ],
        }),
      ),
    ),
  list_guild_channels: async ({ bot, guildId, newChannel }) => {
    await Promise.all(KINDS.map(newChannel));
    return bot.request("GET", `/guilds/${guildId}/channels`);
  },
  bulk_update_guild_channels: async ({ bot, guildId, newChannel }) => {
    const [first, second] = [await newChannel(), await newChannel()];
    return bot.request("PATCH", `/guilds/${guildId}/channels`, [
      { id: first.id, position: 1 },
      { id: second.id, position: 0 },
    ]);
  },
  get_channel: async ({ bot, newChannel, newMessage, channelId, dm }) => {
    await newMessage();
    const ids = await Promise.all(KINDS.map(async (kind) => (await newChannel(kind)).id));
    return Promise.all([...ids, channelId, (await dm()).id].map((id) => bot.request("GET", `/channels/${id}`)));
  },
  update_channel: async ({ bot, newChannel }) => {
    const category = await newChannel({ type: ChannelType.GuildCategory });
    const { id } = await newChannel();
    const change = { name: "renamed", topic: "New", parent_id: category.id, rate_limit_per_user: 10 };
    return bot.request("PATCH", `/channels/${id}`, change);
  },
  delete_channel: async ({ bot, newChannel, dm }) => [
    await bot.request("DELETE", `/channels/${(await newChannel()).id}`),
    await bot.request("DELETE", `/channels/${(await dm()).id}`),
  ],
  set_channel_permission_overwrite: async ({ bot, newChannel, newRole }) => {
    const [channel, role] = [await newChannel(), await newRole()];
    return bot.request("PUT", `/channels/${channel.id}/permissions/${role.id}`, { type: 0, allow: "1024", deny: "0" });
  },
  delete_channel_permission_overwrite: async ({ bot, guildId, newChannel }) => {
    const channel = await newChannel({ permission_overwrites: [{ id: guildId, type: 0, deny: "2048" }] });
    return bot.request("DELETE", `/channels/${channel.id}/permissions/${guildId}`);
  },
};
