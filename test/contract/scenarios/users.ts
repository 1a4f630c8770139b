import type { Scenarios } from "../world.ts";

export const userScenarios: Scenarios = {
  get_my_user: async ({ bot, member }) => [
    await bot.request("GET", "/users/@me"),
    await member.request("GET", "/users/@me"),
  ],
  update_my_user: async ({ member }) => member.request("PATCH", "/users/@me", { global_name: "Member" }),
  get_user: async ({ bot, member }) => [
    await bot.request("GET", `/users/${member.id}`),
    await bot.request("GET", `/users/${bot.id}`),
  ],
  list_my_guilds: async ({ bot, owner }) => [
    await bot.request("GET", "/users/@me/guilds?limit=10"),
    await owner.request("GET", "/users/@me/guilds?with_counts=true"),
  ],
  leave_guild: async ({ guildId, newMember }) => (await newMember()).request("DELETE", `/users/@me/guilds/${guildId}`),
  create_dm: async ({ bot, member }) => bot.request("POST", "/users/@me/channels", { recipient_id: member.id }),
};
