import type { Scenarios } from "../world.ts";

export const guildScenarios: Scenarios = {
  get_guild: async ({ bot, guildId }) => [
    await bot.request("GET", `/guilds/${guildId}`),
    await bot.request("GET", `/guilds/${guildId}?with_counts=true`),
  ],
  list_guild_audit_log_entries: async ({ bot, guildId, channelId, newRole, newWebhook }) => {
    await newRole();
    await newWebhook();
    await bot.post(`/channels/${channelId}/threads`, { name: "audited", type: 11 });
    return [
      await bot.request("GET", `/guilds/${guildId}/audit-logs`),
      await bot.request("GET", `/guilds/${guildId}/audit-logs?user_id=${bot.id}&action_type=30&after=0&limit=5`),
    ];
  },
  update_guild: ({ bot, guildId, channelId }) =>
    bot.request("PATCH", `/guilds/${guildId}`, {
      name: "Contract",
      description: "A guild to be looked at",
      verification_level: 1,
      preferred_locale: "de",
      rules_channel_id: channelId,
      afk_timeout: 900,
    }),
};
