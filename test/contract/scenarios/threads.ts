import type { Scenarios, World } from "../world.ts";

const PRIVATE = 12;
const PUBLIC = 11;

const newThread = async ({ bot, channelId }: World, type = PUBLIC) =>
  bot.post(`/channels/${channelId}/threads`, { name: "thread", type, auto_archive_duration: 60 });

/** A thread of the bot's with the member in it. */
async function joined(world: World) {
  const thread = await newThread(world, PRIVATE);
  await world.bot.put(`/channels/${thread.id}/thread-members/${world.member.id}`);
  return thread;
}

async function archived(world: World, type: number) {
  const thread = await newThread(world, type);
  return world.bot.patch(`/channels/${thread.id}`, { archived: true });
}

export const threadScenarios: Scenarios = {
  create_thread_from_message: async ({ bot, channelId, newChannel, newMessage }) => {
    const message = await newMessage();
    const news = await newChannel({ type: 5 });
    const announcement = await bot.post(`/channels/${news.id}/messages`, { content: "news" });
    return [
      await bot.request("POST", `/channels/${channelId}/messages/${message.id}/threads`, { name: "from a message" }),
      await bot.request("POST", `/channels/${news.id}/messages/${announcement.id}/threads`, { name: "of news" }),
    ];
  },
  // What a post answers has its first message, of which the description knows nothing: see test/rest.
  create_thread: async ({ bot, channelId }) => [
    await bot.request("POST", `/channels/${channelId}/threads`, { name: "private", invitable: false }),
    await bot.request("POST", `/channels/${channelId}/threads`, { name: "public", type: 11, rate_limit_per_user: 5 }),
  ],
  join_thread: async (world) =>
    world.owner.request("PUT", `/channels/${(await newThread(world)).id}/thread-members/@me`),
  leave_thread: async (world) =>
    world.bot.request("DELETE", `/channels/${(await joined(world)).id}/thread-members/@me`),
  add_thread_member: async (world) =>
    world.bot.request("PUT", `/channels/${(await newThread(world)).id}/thread-members/${world.member.id}`),
  delete_thread_member: async (world) =>
    world.bot.request("DELETE", `/channels/${(await joined(world)).id}/thread-members/${world.member.id}`),
  get_thread_member: async (world) => {
    const path = `/channels/${(await joined(world)).id}/thread-members/${world.member.id}`;
    return [await world.bot.request("GET", path), await world.bot.request("GET", `${path}?with_member=true`)];
  },
  list_thread_members: async (world) => {
    const path = `/channels/${(await joined(world)).id}/thread-members`;
    return [await world.bot.request("GET", path), await world.bot.request("GET", `${path}?with_member=true&limit=1`)];
  },
  list_public_archived_threads: async (world) => {
    await archived(world, PUBLIC);
    return world.bot.request("GET", `/channels/${world.channelId}/threads/archived/public`);
  },
  list_private_archived_threads: async (world) => {
    await archived(world, PRIVATE);
    return world.bot.request("GET", `/channels/${world.channelId}/threads/archived/private?limit=1`);
  },
  list_my_private_archived_threads: async (world) => {
    await archived(world, PRIVATE);
    return world.bot.request("GET", `/channels/${world.channelId}/users/@me/threads/archived/private`);
  },
  get_active_guild_threads: async (world) => {
    await joined(world);
    return world.bot.request("GET", `/guilds/${world.guildId}/threads/active`);
  },
};
