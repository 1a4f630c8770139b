import {
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
import type { Json } from "../harness/client.ts";
import { png } from "../harness/forms.ts";
import { startPlatform } from "../harness/platform.ts";

/** All that discord.js can do of what the platform has, by its own methods; then its caches are what REST says. */
const platform = await startPlatform({ gateways: 2 });
const owner = await platform.person("owner");
const target = await platform.person("target");
const place = await platform.guild(owner, "Round trip");
const bot = await platform.bot(owner, place.id, "8");
await bot.patch("/applications/@me", { flags: (1 << 13) | (1 << 15) | (1 << 19) });
await platform.join(owner, place, target);

const ALL_INTENTS = 53_608_447;
const client = new Client({
  intents: ALL_INTENTS,
  partials: [Partials.Channel],
  rest: { api: `${platform.url()}/api`, cdn: `${platform.url()}/cdn` },
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

async function expectCacheIsRest(of: Guild): Promise<void> {
  await settled();
  const rest = await bot.get(`/guilds/${of.id}`);
  expect({
    name: of.name,
    description: of.description,
    owner_id: of.ownerId,
    verification_level: of.verificationLevel,
    afk_timeout: of.afkTimeout,
    afk_channel_id: of.afkChannelId,
    system_channel_id: of.systemChannelId,
    preferred_locale: of.preferredLocale,
    icon: of.icon,
  }).toEqual(
    pick(
      rest,
      "name description owner_id verification_level afk_timeout afk_channel_id system_channel_id preferred_locale icon",
    ),
  );
  expect(
    byId(
      [...of.roles.cache.values()].map((role) => ({
        id: role.id,
        name: role.name,
        color: role.colors.primaryColor,
        hoist: role.hoist,
        mentionable: role.mentionable,
        managed: role.managed,
        permissions: String(role.permissions.bitfield),
        position: role.rawPosition,
      })),
    ),
  ).toEqual(
    byId(rest.roles.map((role: Json) => pick(role, "id name color hoist mentionable managed permissions position"))),
  );
  const channels: Json[] = await bot.get(`/guilds/${of.id}/channels`);
  const cached = [...of.channels.cache.values()].filter((channel) => !channel.isThread());
  expect(
    byId(
      cached.map((channel) => ({
        id: channel.id,
        type: channel.type,
        name: channel.name,
        parent_id: channel.parentId,
        position: channel.rawPosition,
        topic: "topic" in channel ? channel.topic : null,
        rate_limit_per_user: "rateLimitPerUser" in channel ? channel.rateLimitPerUser : null,
        overwrites: byId(
          [...channel.permissionOverwrites.cache.values()].map((overwrite) => ({
            id: overwrite.id,
            type: overwrite.type,
            allow: String(overwrite.allow.bitfield),
            deny: String(overwrite.deny.bitfield),
          })),
        ),
      })),
    ),
  ).toEqual(
    byId(
      channels.map((channel) => ({
        ...pick(channel, "id type name parent_id position"),
        topic: [2, 4, 13].includes(channel.type) ? null : (channel.topic ?? null),
        rate_limit_per_user: [4, 5].includes(channel.type) ? null : (channel.rate_limit_per_user ?? null),
        overwrites: byId(channel.permission_overwrites),
      })),
    ),
  );
  const { threads }: { threads: Json[] } = await bot.get(`/guilds/${of.id}/threads/active`);
  const cachedThreads = [...of.channels.cache.values()]
    .filter((channel) => channel.isThread())
    .filter((t) => !t.archived);
  expect(
    byId(
      cachedThreads.map((thread) => ({
        id: thread.id,
        name: thread.name,
        parent_id: thread.parentId,
        owner_id: thread.ownerId,
        type: thread.type,
        archived: thread.archived,
        locked: thread.locked,
        applied_tags: thread.appliedTags,
      })),
    ),
  ).toEqual(
    byId(
      threads.map((thread) => ({
        ...pick(thread, "id name parent_id owner_id type"),
        archived: thread.thread_metadata.archived,
        locked: thread.thread_metadata.locked,
        applied_tags: thread.applied_tags ?? [],
      })),
    ),
  );
  const members: Json[] = await bot.get(`/guilds/${of.id}/members?limit=100`);
  expect(
    byId(
      [...of.members.cache.values()].map((member) => ({
        id: member.id,
        username: member.user.username,
        bot: member.user.bot,
        nick: member.nickname,
        roles: [...member.roles.cache.keys()].filter((id) => id !== of.id).sort(),
        timeout: member.communicationDisabledUntil?.getTime() ?? null,
      })),
    ),
  ).toEqual(
    byId(
      members.map(({ user, nick, roles, communication_disabled_until: until }) => ({
        id: user.id,
        username: user.username,
        bot: user.bot === true,
        nick,
        roles: [...roles].sort(),
        timeout: until === null ? null : Date.parse(until),
      })),
    ),
  );
}

async function expectMessagesAreRest(channel: TextChannel): Promise<void> {
  await settled();
  const messages: Json[] = await bot.get(`/channels/${channel.id}/messages?limit=100`);
  const cached = channel.messages.cache;
  for (const rest of messages) {
    const message = cached.get(rest.id);
    expect(
      message && {
        id: message.id,
        content: message.content,
        type: message.type,
        pinned: message.pinned,
        edited: message.editedTimestamp,
        author: message.author.id,
        webhook_id: message.webhookId,
        embeds: message.embeds.map(({ title, description, color }) => ({ title, description, color })),
        attachments: message.attachments.map(({ id, name, size }) => ({ id, name, size })),
        reactions: message.reactions.cache.map(({ emoji, count, me }) => ({ name: emoji.name, count, me })),
        mentions: [...message.mentions.users.keys()].sort(),
      },
    ).toEqual({
      id: rest.id,
      content: rest.content,
      type: rest.type,
      pinned: rest.pinned,
      edited: rest.edited_timestamp === null ? null : Date.parse(rest.edited_timestamp),
      author: rest.author.id,
      webhook_id: rest.webhook_id ?? null,
      embeds: rest.embeds.map((embed: Json) => ({
        title: embed.title ?? null,
        description: embed.description ?? null,
        color: embed.color ?? null,
      })),
      attachments: rest.attachments.map((file: Json) => ({ id: file.id, name: file.filename, size: file.size })),
      reactions: (rest.reactions ?? []).map((one: Json) => ({ name: one.emoji.name, count: one.count, me: one.me })),
      mentions: rest.mentions.map(({ id }: Json) => id).sort(),
    });
  }
  const ids = new Set(messages.map(({ id }) => id));
  expect([...cached.keys()].filter((id) => !ids.has(id))).toEqual([]);
}

const pick = (from: Json, names: string): Json =>
  Object.fromEntries(names.split(" ").map((name) => [name, from[name]]));
const byId = <T extends { id: string }>(list: T[]) => [...list].sort((a, b) => (BigInt(a.id) < BigInt(b.id) ? -1 : 1));

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
  await expectCacheIsRest(guild);
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
  await expectCacheIsRest(guild);
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
  await expectCacheIsRest(guild);
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
  await expectCacheIsRest(guild);
});
