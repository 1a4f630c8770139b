import type { Scenarios, World } from "../world.ts";

export const banScenarios: Scenarios = {
  ban_user_from_guild: async ({ bot, guildId, newMember }) => {
    const { id } = await newMember();
    return bot.request("PUT", `/guilds/${guildId}/bans/${id}`, { delete_message_seconds: 3600 });
  },
  bulk_ban_users_from_guild: async ({ bot, guildId, newMember, owner }) => {
    const people = [await newMember(), await newMember(), owner];
    return bot.request("POST", `/guilds/${guildId}/bulk-ban`, {
      user_ids: people.map(({ id }) => id),
      delete_message_seconds: 3600,
    });
  },
  list_guild_bans: async (world) => {
    await banned(world);
    return world.bot.request("GET", `/guilds/${world.guildId}/bans?limit=10`);
  },
  get_guild_ban: async (world) => world.bot.request("GET", `/guilds/${world.guildId}/bans/${await banned(world)}`),
  unban_user_from_guild: async (world) =>
    world.bot.request("DELETE", `/guilds/${world.guildId}/bans/${await banned(world)}`),
};

async function banned({ bot, guildId, newMember }: World): Promise<string> {
  const { id } = await newMember();
  const answer = await bot.request("PUT", `/guilds/${guildId}/bans/${id}`, {}, { "x-audit-log-reason": "spam" });
  if (answer.status !== 204) throw new Error(`the ban was answered with ${answer.status}`);
  return id;
}
