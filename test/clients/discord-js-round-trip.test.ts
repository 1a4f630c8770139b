import {
  ApplicationCommandPermissionType,
  ChannelType,
  Client,
  EmbedBuilder,
  Events,
  type Guild,
  OverwriteType,
  Partials,
  PermissionFlagsBits,
  type TextChannel,
} from "discord.js";
import { afterAll, expect, test } from "vitest";
import { png } from "../harness/forms.ts";
import { startPlatform } from "../harness/platform.ts";
import * as caches from "./discord-js-caches.ts";
import { makeRoundTripPlace } from "./round-trip-place.ts";
import { missingFrom } from "./tier-1.ts";

/** All that discord.js can do of what the platform has, by its own methods; then its caches are what REST says. */
const platform = await startPlatform({ gateways: 2 });
const at = await makeRoundTripPlace(platform);
const { log, owner, target, bot, guild: place } = at;

const ALL_INTENTS = 53_608_447;
const client = new Client({
  intents: ALL_INTENTS,
  partials: [Partials.Channel],
  rest: { api: `${log.url}/api`, cdn: `${platform.url()}/cdn` },
});
afterAll(() => client.destroy());
const ready = new Promise((resolve) => client.once(Events.ClientReady, resolve));
await client.login(bot.token?.replace("Bot ", ""));
await ready;
const guild = await client.guilds.fetch(place.id);

/** Waits until the client has had every event up to now: the last one is a message of the owner's. */
async function settled(): Promise<void> {
  const marker = new Promise<void>((resolve) => {
    const listen = (message: { content: string }) => {
      if (message.content !== "marker") return;
      client.off(Events.MessageCreate, listen);
      resolve();
    };
    client.on(Events.MessageCreate, listen);
  });
  await owner.post(`/channels/${place.channelId}/messages`, { content: "marker" });
  await marker;
}

async function expectCacheIsRest(): Promise<void> {
  await settled();
  await caches.expectCacheIsRest(guild, bot);
}

async function expectMessagesAreRest(channel: TextChannel): Promise<void> {
  await settled();
  await caches.expectMessagesAreRest(channel, bot);
}

test("guild, roles, members, bans and invites", async () => {
  await guild.members.fetch();
  await guild.setName("Renamed", "a reason with ümlauts");
  await guild.edit({ description: "Described", verificationLevel: 1, afkTimeout: 900, icon: png(4, 4) });
  const role = await guild.roles.create({
    name: "Role",
    colors: { primaryColor: 0x3498db },
    hoist: true,
    permissions: ["KickMembers"],
  });
  const other = await guild.roles.create({ name: "Other", mentionable: true });
  await role.edit({ name: "Edited", permissions: [PermissionFlagsBits.BanMembers] });
  // A bot moves no role past its own, and new roles are made at the bottom.
  await owner.patch(`/guilds/${guild.id}/roles`, [{ id: guild.members.me?.roles.botRole?.id, position: 9 }]);
  await guild.roles.setPositions([
    { role: role.id, position: 1 },
    { role: other.id, position: 2 },
  ]);
  const member = await guild.members.fetch(target.id);
  await member.roles.add([role, other]);
  await member.roles.remove(other);
  await member.setNickname("Nick");
  await member.timeout(60_000, "cool down");
  await guild.members.me?.setNickname("Robot");
  await expectCacheIsRest();
  await member.timeout(null);
  const short = await guild.roles.create({ name: "Short" });
  await short.delete("not needed");
  const invite = await guild.invites.create(place.channelId, { maxAge: 60, maxUses: 1, unique: true });
  expect((await guild.invites.fetch()).has(invite.code)).toBe(true);
  expect((await client.fetchInvite(invite.code)).guild?.id).toBe(guild.id);
  await guild.invites.delete(invite.code);

  const spammer = await platform.person("spammer");
  await platform.join(owner, place, spammer);
  await guild.members.ban(spammer.id, { reason: "spam", deleteMessageSeconds: 60 });
  expect((await guild.bans.fetch(spammer.id)).reason).toBe("spam");
  expect([...(await guild.bans.fetch()).keys()]).toEqual([spammer.id]);
  await guild.bans.remove(spammer.id);
  const guest = await platform.person("guest");
  await platform.join(owner, place, guest);
  await (await guild.members.fetch(guest.id)).kick("out");
  const entries = await guild.fetchAuditLogs({ limit: 5 });
  expect(entries.entries.first()).toMatchObject({ reason: "out", executorId: bot.id, targetId: guest.id });
  await expectCacheIsRest();
});

test("channels of every type and their overwrites", async () => {
  const category = await guild.channels.create({ name: "category", type: ChannelType.GuildCategory });
  const types = [
    ChannelType.GuildText,
    ChannelType.GuildVoice,
    ChannelType.GuildAnnouncement,
    ChannelType.GuildStageVoice,
    ChannelType.GuildForum,
    ChannelType.GuildMedia,
  ] as const;
  for (const type of types) {
    const channel = await guild.channels.create({ name: `c${type}`, type, parent: category, reason: "setup" });
    await channel.permissionOverwrites.create(guild.roles.everyone, { SendMessages: false });
    await channel.permissionOverwrites.edit(target.id, { ViewChannel: true }, { type: OverwriteType.Member });
    await channel.edit({ name: `e${type}` });
  }
  const text = await guild.channels.create({ name: "text", topic: "topic", rateLimitPerUser: 5 });
  await text.setTopic("another");
  await text.permissionOverwrites.create(target.id, { SendMessages: true }, { type: OverwriteType.Member });
  await text.permissionOverwrites.delete(target.id);
  await text.setPosition(0);
  await text.setParent(category.id, { lockPermissions: true });
  const short = await guild.channels.create({ name: "short" });
  await short.delete();
  await expectCacheIsRest();
});

test("messages, files, reactions, pins and webhooks", async () => {
  const channel = (await guild.channels.create({ name: "talk" })) as TextChannel;
  await channel.sendTyping();
  const first = await channel.send({
    content: `hello <@${target.id}>`,
    embeds: [new EmbedBuilder().setTitle("T").setColor(1)],
  });
  const reply = await first.reply({ content: "reply", files: [{ attachment: Buffer.from("text"), name: "a.txt" }] });
  expect((await reply.fetchReference()).id).toBe(first.id);
  await first.forward(channel);
  await first.edit({ content: "edited" });
  await first.react("👍");
  await first.react("🔥");
  await target.put(`/channels/${channel.id}/messages/${first.id}/reactions/👍/@me`);
  await settled();
  await first.reactions.cache.get("🔥")?.remove();
  expect([...((await first.reactions.cache.get("👍")?.users.fetch())?.keys() ?? [])].sort()).toEqual(
    [bot.id, target.id].sort(),
  );
  await reply.pin();
  expect((await channel.messages.fetchPins()).items.map(({ message }) => message.id)).toEqual([reply.id]);
  await reply.unpin();
  await first.pin();
  const webhook = await channel.createWebhook({ name: "Hook", avatar: png(2, 2) });
  const posted = await webhook.send({ content: "posted", username: "Other name", embeds: [{ title: "E" }] });
  await webhook.editMessage(posted.id, { content: "changed" });
  const gone = await webhook.send("gone");
  await webhook.deleteMessage(gone.id);
  await webhook.edit({ name: "Renamed" });
  expect([...(await channel.fetchWebhooks()).keys()]).toEqual([webhook.id]);
  await expectMessagesAreRest(channel);
  await webhook.delete();
  const many = [await channel.send("1"), await channel.send("2"), await channel.send("3")];
  await channel.bulkDelete(many);
  await reply.delete();
  await first.reactions.removeAll();
  await expectMessagesAreRest(channel);
  expect((await channel.messages.fetch({ limit: 5 })).size).toBeGreaterThan(2);

  const dm = await (await client.users.fetch(target.id)).send("in private");
  expect((await dm.edit("still")).content).toBe("still");
  await dm.delete();
});

test("threads and posts of forums", async () => {
  const channel = (await guild.channels.create({ name: "threads" })) as TextChannel;
  const thread = await channel.threads.create({
    name: "public",
    autoArchiveDuration: 60,
    type: ChannelType.PublicThread,
  });
  await thread.members.add(target.id);
  await thread.send("first");
  await thread.setName("named");
  await thread.setLocked(true);
  await thread.members.remove(target.id);
  const hidden = await channel.threads.create({ name: "private", type: ChannelType.PrivateThread });
  await hidden.setArchived(true);
  const forum = await guild.channels.create({
    name: "forum",
    type: ChannelType.GuildForum,
    availableTags: [{ name: "tag" }],
  });
  const [tag] = forum.availableTags;
  const post = await forum.threads.create({ name: "post", message: { content: "body" } });
  await post.setAppliedTags([tag?.id ?? ""]);
  const news = await guild.channels.create({ name: "news", type: ChannelType.GuildAnnouncement });
  const headline = await news.send("news");
  await headline.crosspost();
  await news.addFollower(channel.id);
  await headline.startThread({ name: "of news" });
  await expectCacheIsRest();
});

test("commands, their rules, and interactions", async () => {
  const { application } = client;
  if (application === null) throw new Error("no application");
  for (const { commands } of [application, guild]) {
    const ping = { name: "ping", description: "Says pong" };
    const made = await commands.create(ping);
    await commands.edit(made, { description: "Changed" });
    expect((await commands.fetch(made.id, { force: true })).description).toBe("Changed");
    await commands.delete(made);
    await commands.set([ping]);
    expect((await commands.fetch({})).map(({ name }) => name)).toEqual(["ping"]);
  }
  const command = (await guild.commands.fetch()).first();
  if (command === undefined) throw new Error("no command");
  const rules = [{ id: target.id, type: ApplicationCommandPermissionType.User, permission: false }];
  await command.permissions.set({ permissions: rules, token: at.ownersToken });
  expect(await command.permissions.fetch({})).toEqual(rules);
  expect([...(await guild.commands.permissions.fetch({})).keys()]).toEqual([command.id]);

  const answered = new Promise<void>((resolve, reject) => {
    client.once(Events.InteractionCreate, async (interaction) => {
      if (!interaction.isChatInputCommand()) return;
      await interaction.reply("pong");
      expect((await interaction.editReply("edited")).content).toBe("edited");
      expect((await interaction.fetchReply()).content).toBe("edited");
      const more = await interaction.followUp("more");
      await more.edit("still more");
      await more.delete();
      await interaction.deleteReply();
    });
    client.once(Events.Error, reject);
    client.once(Events.MessageDelete, () => client.once(Events.MessageDelete, () => resolve()));
  });
  await at.invoke(command);
  await answered;
  await application.edit({ description: "Says pong" });
  expect((await application.fetch()).description).toBe("Says pong");
});

test("what it fetches instead of having it cached", async () => {
  const channel = (await client.channels.fetch(place.channelId, { force: true })) as TextChannel;
  const message = await channel.send("read me");
  expect((await channel.messages.fetch({ message: message.id, force: true })).content).toBe("read me");
  await message.pin();
  expect([...(await channel.messages.fetchPinned()).keys()]).toEqual([message.id]);
  const { code } = await guild.invites.create(channel.id);
  expect((await guild.invites.fetch({ channelId: channel.id })).has(code)).toBe(true);
  const fetched = await guild.fetch();
  expect([...(await guild.channels.fetch()).keys()].sort()).toEqual([...rooms(fetched)].sort());
  expect((await guild.roles.fetch()).size).toBe(guild.roles.cache.size);
  expect((await guild.roles.fetch(guild.id, { force: true }))?.name).toBe("@everyone");
  expect((await guild.members.fetch({ user: target.id, force: true })).id).toBe(target.id);
  expect((await guild.members.list({ limit: 100 })).size).toBe(guild.memberCount);
  expect((await guild.channels.fetchActiveThreads()).threads.size).toBeGreaterThan(0);
  expect((await client.users.fetch(target.id, { force: true })).id).toBe(target.id);
  expect([...(await client.guilds.fetch()).keys()].sort()).toEqual([guild.id, at.otherGuildId].sort());
});

const rooms = (of: Guild) => of.channels.cache.filter((channel) => !channel.isThread()).keys();

test("members come, are banned together, and the bot leaves", async () => {
  const member = await guild.members.add(at.guest.id, { accessToken: at.guest.accessToken });
  const role = await guild.roles.create({ name: "Given" });
  await member.roles.add(role);
  await member.roles.remove(role);
  await expectCacheIsRest();
  const { bannedUsers } = await guild.bans.bulkCreate([at.guest.id, at.victim.id], { reason: "both" });
  expect([...bannedUsers].sort()).toEqual([at.guest.id, at.victim.id].sort());
  await expectCacheIsRest();
  await client.user?.setUsername("Renamed bot");
  await (await client.guilds.fetch(at.otherGuildId)).leave();
  await expect.poll(() => client.guilds.cache.has(at.otherGuildId)).toBe(false);
});

test("reactions of others, members of threads and what is archived", async () => {
  const channel = await guild.channels.create({ name: "more" });
  const message = await channel.send("react");
  // It goes on counting a reaction of its own that it has removed (MessageReaction._remove), so this one's message goes.
  const short = await channel.send("react");
  await (await short.react("👍")).users.remove();
  await short.delete();
  await target.put(`/channels/${channel.id}/messages/${message.id}/reactions/🔥/@me`);
  await settled();
  await message.reactions.cache.get("🔥")?.users.remove(target.id);
  const thread = await message.startThread({ name: "of it" });
  await thread.leave();
  await thread.join();
  await thread.members.add(target.id);
  expect([...(await thread.members.fetch()).keys()].sort()).toEqual([bot.id, target.id].sort());
  expect((await thread.members.fetch({ member: target.id, force: true })).id).toBe(target.id);
  const hidden = await channel.threads.create({ name: "private", type: ChannelType.PrivateThread });
  for (const each of [thread, hidden]) await each.setArchived(true);
  for (const [options, only] of [
    [{}, thread],
    [{ type: "private" }, hidden],
    [{ type: "private", fetchAll: true }, hidden],
  ] as const) {
    expect([...(await channel.threads.fetchArchived(options)).threads.keys()]).toEqual([only.id]);
  }
  await expectCacheIsRest();
  await expectMessagesAreRest(channel);
});

test("webhooks as their maker and by their tokens", async () => {
  const channel = await guild.channels.create({ name: "hooks" });
  const webhook = await channel.createWebhook({ name: "Hook" });
  expect((await guild.fetchWebhooks()).has(webhook.id)).toBe(true);
  expect((await client.fetchWebhook(webhook.id)).token).toBe(webhook.token);
  expect((await client.fetchWebhook(webhook.id, webhook.token ?? "")).name).toBe("Hook");
  await webhook.edit({ channel: place.channelId });
  await webhook.edit({ channel: channel.id });
  const posted = await webhook.send("posted");
  expect((await webhook.fetchMessage(posted.id)).content).toBe("posted");
  // It looks for "ok" in JSON and takes Slack's plain text for false.
  await webhook.sendSlackMessage({ text: "like Slack" });
  await expectMessagesAreRest(channel);
  await client.deleteWebhook(webhook.id);
});

test("every operation of tier 1 was called, but for those that it has no method for", () => {
  expect(missingFrom("discord.js", log.done)).toEqual([]);
});
