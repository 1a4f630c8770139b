import type { Scenarios } from "../world.ts";

const soon = () => new Date(Date.now() + 3600_000).toISOString();

export const memberScenarios: Scenarios = {
  list_guild_members: ({ bot, guildId }) => bot.request("GET", `/guilds/${guildId}/members?limit=100`),
  get_guild_member: async ({ bot, owner, member, guildId }) => [
    await bot.request("GET", `/guilds/${guildId}/members/${owner.id}`),
    await bot.request("GET", `/guilds/${guildId}/members/${member.id}`),
    await bot.request("GET", `/guilds/${guildId}/members/${bot.id}`),
  ],
  get_my_guild_member: ({ member, guildId }) => member.request("GET", `/users/@me/guilds/${guildId}/member`),
  update_guild_member: async ({ bot, guildId, newMember, newRole }) => {
    const { id } = await newMember();
    const role = await newRole();
    const change = { nick: "Nick", roles: [role.id], communication_disabled_until: soon() };
    return bot.request("PATCH", `/guilds/${guildId}/members/${id}`, change);
  },
  update_my_guild_member: ({ bot, guildId }) =>
    bot.request("PATCH", `/guilds/${guildId}/members/@me`, { nick: "Ponger" }),
  add_guild_member_role: async ({ bot, member, guildId, newRole }) =>
    bot.request("PUT", `/guilds/${guildId}/members/${member.id}/roles/${(await newRole()).id}`),
  delete_guild_member_role: async ({ bot, member, guildId, newRole }) => {
    const { id } = await newRole();
    await bot.put(`/guilds/${guildId}/members/${member.id}/roles/${id}`);
    return bot.request("DELETE", `/guilds/${guildId}/members/${member.id}/roles/${id}`);
  },
  delete_guild_member: async ({ bot, guildId, newMember }) =>
    bot.request("DELETE", `/guilds/${guildId}/members/${(await newMember()).id}`),
};
