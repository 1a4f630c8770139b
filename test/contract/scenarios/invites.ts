import type { Scenarios } from "../world.ts";

export const inviteScenarios: Scenarios = {
  create_channel_invite: async ({ bot, channelId }) => [
    await bot.request("POST", `/channels/${channelId}/invites`, { max_age: 0 }),
    await bot.request("POST", `/channels/${channelId}/invites`, { max_age: 60, max_uses: 1, temporary: true }),
  ],
  list_channel_invites: async ({ bot, channelId, newInvite }) => {
    await newInvite();
    return bot.request("GET", `/channels/${channelId}/invites`);
  },
  list_guild_invites: async ({ bot, guildId, newInvite }) => {
    await newInvite();
    return bot.request("GET", `/guilds/${guildId}/invites`);
  },
  invite_resolve: async ({ bot, platform, newInvite }) => {
    const { code } = await newInvite();
    return [
      await platform.anonymous().request("GET", `/invites/${code}`),
      await bot.request("GET", `/invites/${code}?with_counts=true`),
    ];
  },
  invite_revoke: async ({ bot, newInvite }) => bot.request("DELETE", `/invites/${(await newInvite()).code}`),
};
