import {
  type AnyThreadChannel,
  ChannelType,
  Client,
  Events,
  type ForumChannel,
  GatewayIntentBits,
  type TextChannel,
  ThreadAutoArchiveDuration,
} from "discord.js";
import { afterAll, expect, test } from "vitest";
import { startPlatform } from "../harness/platform.ts";

const platform = await startPlatform({ gateways: 2 });
const { Guilds, GuildMembers, GuildMessages, MessageContent } = GatewayIntentBits;

/** A discord.js client, logged in. */
async function login(token: string): Promise<Client<true>> {
  const client = new Client({
    intents: [Guilds, GuildMembers, GuildMessages, MessageContent],
    rest: { api: `${platform.url()}/api` },
  });
  afterAll(() => client.destroy());
  const ready = new Promise<Client<true>>((resolve) => client.once(Events.ClientReady, resolve));
  await client.login(token);
  return ready;
}

/** The thread of the next such event of a client, if it is the one that is meant. */
const created = (client: Client) =>
  new Promise<AnyThreadChannel>((resolve) => client.once(Events.ThreadCreate, (thread) => resolve(thread)));
const updated = (client: Client, id: string) =>
  new Promise<AnyThreadChannel>((resolve) => {
    client.on(Events.ThreadUpdate, (_before, thread) => {
      if (thread.id === id) resolve(thread);
    });
  });
const deleted = (client: Client, id: string) =>
  new Promise<AnyThreadChannel>((resolve) => {
    client.on(Events.ThreadDelete, (thread) => {
      if (thread.id === id) resolve(thread);
    });
  });

test("discord.js starts threads, talks in them, archives, lists, opens and deletes them, and its cache follows", async () => {
  const owner = await platform.person("owner");
  const { id: guildId, channelId } = await platform.guild(owner);
  const bot = await platform.bot(owner, guildId, "8");
  await bot.patch("/applications/@me", { flags: (1 << 15) | (1 << 19) });
  const client = await login((bot.token ?? "").replace("Bot ", ""));
  const channel = (await client.channels.fetch(channelId)) as TextChannel;

  const started = created(client);
  const message = await channel.send("what do you think?");
  const thread = await message.startThread({
    name: "Opinions",
    autoArchiveDuration: ThreadAutoArchiveDuration.OneHour,
  });
  expect((await started).id).toBe(message.id);
  expect(thread).toMatchObject({ name: "Opinions", parentId: channelId, ownerId: bot.id, archived: false });
  expect((await thread.fetchStarterMessage())?.content).toBe("what do you think?");
  const said = await thread.send("a lot");
  expect(said.channel.id).toBe(thread.id);
  expect((await thread.messages.fetch()).map(({ type }) => type)).toEqual([0, 21]);
  await thread.members.add(owner.id);
  expect([...(await thread.members.fetch({ withMember: true })).keys()].sort()).toEqual([owner.id, bot.id].sort());
  expect((await message.fetch()).hasThread).toBe(true);

  const archived = updated(client, thread.id);
  await thread.setArchived(true);
  expect((await archived).archived).toBe(true);
  const list = await channel.threads.fetchArchived();
  expect([...list.threads.keys()]).toEqual([thread.id]);
  expect(list.hasMore).toBe(false);
  const opened = updated(client, thread.id);
  await owner.post(`/channels/${thread.id}/messages`, { content: "wait" });
  expect((await opened).archived).toBe(false);
  expect([...(await channel.threads.fetchActive()).threads.keys()]).toEqual([thread.id]);

  const hidden = await channel.threads.create({ name: "Staff", type: ChannelType.PrivateThread, invitable: false });
  expect(hidden).toMatchObject({ type: ChannelType.PrivateThread, invitable: false, joined: true });
  await hidden.leave();
  await hidden.join();

  const forum = (await channel.guild.channels.create({
    name: "forum",
    type: ChannelType.GuildForum,
    availableTags: [{ name: "help" }],
  })) as ForumChannel;
  const [tag] = forum.availableTags;
  const post = await forum.threads.create({
    name: "Help!",
    message: { content: "It broke" },
    appliedTags: tag === undefined ? [] : [tag.id],
  });
  expect(post.appliedTags).toEqual([tag?.id]);
  expect((await post.fetchStarterMessage())?.content).toBe("It broke");

  const other = await login((bot.token ?? "").replace("Bot ", ""));
  const cached = other.guilds.cache.get(guildId)?.channels.cache.filter((each) => each.isThread());
  expect([...(cached?.keys() ?? [])].sort()).toEqual([thread.id, hidden.id, post.id].sort());
  expect(cached?.get(hidden.id)).toMatchObject({ joined: true });
  const gone = deleted(other, thread.id);
  await thread.delete();
  await gone;
  expect(other.channels.cache.has(thread.id)).toBe(false);
});
