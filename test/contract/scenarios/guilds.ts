import type { Scenarios } from "../world.ts";

export const guildScenarios: Scenarios = {
  get_guild: async ({ bot, guildId }) => [
    await bot.request("GET", `/guilds/${guildId}`),
    await bot.request("GET", `/guilds/${guildId}?with_counts=true`),
  ],
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
