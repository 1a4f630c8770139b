import type { Scenarios } from "../world.ts";

export const roleScenarios: Scenarios = {
  list_guild_roles: ({ bot, guildId }) => bot.request("GET", `/guilds/${guildId}/roles`),
  get_guild_role: async ({ bot, guildId, newRole }) =>
    bot.request("GET", `/guilds/${guildId}/roles/${(await newRole()).id}`),
  create_guild_role: async ({ bot, guildId }) => [
    await bot.request("POST", `/guilds/${guildId}/roles`, {}),
    await bot.request("POST", `/guilds/${guildId}/roles`, {
      name: "Coloured",
      permissions: "1024",
      colors: { primary_color: 0x3498db, secondary_color: null, tertiary_color: null },
      hoist: true,
      mentionable: true,
    }),
  ],
  update_guild_role: async ({ bot, guildId, newRole }) =>
    bot.request("PATCH", `/guilds/${guildId}/roles/${(await newRole()).id}`, { name: "renamed", hoist: true }),
  bulk_update_guild_roles: async ({ owner, guildId, newRole }) => {
    const [lower, upper] = [await newRole(), await newRole()];
    // The owner, as a bot moves no role above its own.
    return owner.request("PATCH", `/guilds/${guildId}/roles`, [
      { id: lower.id, position: 1 },
      { id: upper.id, position: 2 },
    ]);
  },
  delete_guild_role: async ({ bot, guildId, newRole }) =>
    bot.request("DELETE", `/guilds/${guildId}/roles/${(await newRole()).id}`),
};
