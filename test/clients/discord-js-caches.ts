import type { Guild, TextChannel } from "discord.js";
import { expect } from "vitest";
import type { Client, Json } from "../harness/client.ts";

/** Holds discord.js's caches against what REST says to the same bot. */

export async function expectCacheIsRest(of: Guild, bot: Client): Promise<void> {
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

export async function expectMessagesAreRest(channel: TextChannel, bot: Client): Promise<void> {
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
