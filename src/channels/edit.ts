import { AuditLogEvent, ChannelType } from "discord-api-types/v10";
import type { Transaction } from "../../core/db.ts";
import type { Event } from "../../core/event-log.ts";
import type { NextId } from "../../core/snowflake.ts";
import { type ChannelRow, type DefaultReaction, type ForumTag, wireChannel } from "../../core/wire/channel.ts";
import { demand, type LockedInGuild, type LockedInGuildChannel } from "../access.ts";
import { auditChange } from "../audit/entry.ts";
import { channelFields, wholeChannelFields } from "../audit/fields.ts";
import { auditOverwrites } from "../audit/overwrites.ts";
import { ApiError, invalidField } from "../errors.ts";
import { guildUpdate } from "../guilds.ts";
import { sightsIn } from "../sights.ts";
import {
  type ChannelPatch,
  deleteChannel,
  deleteThreadsOf,
  endOfList,
  findChannel,
  insertChannel,
  listChildren,
  replaceOverwrites,
  updateChannel,
} from "../store/channels.ts";
import { findGuild, forgetChannel } from "../store/guilds.ts";
import { type ChannelBody, columnsOf, isForum, SPOILER_CHANNEL } from "./body.ts";
import { channelEvent, emitUpdates } from "./event.ts";
import { checkOverwrites, heldIn, sameOverwrites, setOverwrites } from "./overwrites.ts";
import { newParent } from "./parent.ts";
import { emojiOf, tagsOf } from "./tags.ts";

const MAX_CHANNELS = 500;
const { GuildText, GuildCategory, GuildAnnouncement } = ChannelType;
type Emit = (event: Event) => void;

/** Makes a channel; without overwrites of its own it gets those of its category. */
export async function createChannel(
  tx: Transaction,
  emit: Emit,
  where: LockedInGuild,
  nextId: NextId,
  body: ChannelBody & { name: string },
) {
  const id = nextId();
  const type = body.type ?? GuildText;
  const columns = { ...columnsOf(type, body), ...forumColumns(type, [], body, nextId) };
  checkSpoiler(columns.flags ?? 0, columns.nsfw ?? false);
  const end = await endOfList(tx, where.guild.id, type === GuildCategory);
  if (end.count >= MAX_CHANNELS) throw new ApiError("MAX_CHANNELS");
  const parent = columns.parent_id ? await newParent(tx, where, columns.parent_id) : null;
  const overwrites = body.permission_overwrites
    ? await checkOverwrites(tx, where, where.permissions, [], body.permission_overwrites)
    : (parent?.overwrites ?? []);
  await insertChannel(tx, {
    ...columns,
    id,
    server_id: where.guild.id,
    type,
    name: columns.name ?? body.name,
    position: columns.position ?? end.position,
  });
  await replaceOverwrites(tx, [id], overwrites);
  const row = await reread(tx, id);
  emit(channelEvent("CHANNEL_CREATE", row));
  emit(auditChange(row.server_id, AuditLogEvent.ChannelCreate, id, null, wholeChannelFields(row)));
  return wireChannel(row);
}

export async function patchChannel(
  tx: Transaction,
  emit: Emit,
  where: LockedInGuildChannel,
  nextId: NextId,
  body: ChannelBody,
) {
  const { channel } = where;
  const type = newType(channel, body.type ?? channel.type);
  const columns = {
    ...columnsOf(type, body, channel.flags),
    ...forumColumns(type, channel.available_tags, body, nextId),
  };
  checkSpoiler(columns.flags ?? channel.flags, columns.nsfw ?? channel.nsfw);
  if (columns.parent_id && columns.parent_id !== channel.parent_id) await newParent(tx, where, columns.parent_id);
  const overwrites = body.permission_overwrites
    ? await checkOverwrites(tx, where, heldIn(where), channel.overwrites, body.permission_overwrites)
    : channel.overwrites;
  const shows = !sameOverwrites(overwrites, channel.overwrites);
  if (shows) demand(where.permissions, ["MANAGE_ROLES"]);
  const seen = shows ? await sightsIn(tx, channel.server_id) : undefined;
  const changed = shows ? await setOverwrites(tx, channel, overwrites) : [channel.id];
  await updateChannel(tx, channel.id, { ...columns, type });
  await emitUpdates(tx, emit, changed, seen);
  const row = await reread(tx, channel.id);
  emit(auditChange(row.server_id, AuditLogEvent.ChannelUpdate, row.id, channelFields(channel), channelFields(row)));
  if (shows) await auditOverwrites(tx, emit, channel, channel.overwrites, overwrites);
  return wireChannel(row);
}

/** What names tags and emoji, which need ids and must be there. */
function forumColumns(type: number, before: readonly ForumTag[], body: ChannelBody, nextId: NextId): ChannelPatch {
  if (!isForum(type)) return {};
  const { available_tags: tags, default_reaction_emoji: emoji } = body;
  return {
    ...(tags === undefined ? {} : { available_tags: tagsOf(before, tags ?? [], nextId) }),
    ...(emoji === undefined ? {} : { default_reaction_emoji: defaultReactionOf(emoji) }),
  };
}

function defaultReactionOf(wanted: ChannelBody["default_reaction_emoji"]): DefaultReaction | null {
  const emoji = wanted ? emojiOf(wanted) : null;
  return emoji?.emoji_name ? emoji : null;
}

/** https://discord.com/developers/docs/resources/channel#channel-object-channel-flags (IS_SPOILER_CHANNEL) */
function checkSpoiler(flags: number, nsfw: boolean): void {
  if (nsfw && (flags & SPOILER_CHANNEL) !== 0) {
    throw invalidField(["flags"], "BASE_TYPE_INVALID", "An age-restricted channel can't be a spoiler channel.");
  }
}

/** Text and announcement channels can be turned into each other. */
function newType(channel: ChannelRow, wanted: number): number {
  const convertible = [channel.type, wanted].every((type) => type === GuildText || type === GuildAnnouncement);
  if (wanted !== channel.type && !convertible) throw new ApiError("WRONG_CHANNEL_TYPE");
  return wanted;
}

/** Deletes a channel with its threads, messages, invites and webhooks; a category's channels stay, without a category. */
export async function removeChannel(tx: Transaction, emit: Emit, { guild, channel }: LockedInGuildChannel) {
  const settings = await findGuild(tx, guild.id);
  const needed = [settings?.rules_channel_id, settings?.public_updates_channel_id].includes(channel.id);
  if (needed && settings?.features.includes("COMMUNITY")) throw new ApiError("NEEDED_BY_COMMUNITY");
  const orphans = (await listChildren(tx, channel)).map((child) => child.id);
  for (const id of orphans) await updateChannel(tx, id, { parent_id: null });
  await deleteThreadsOf(tx, channel.id);
  const version = await deleteChannel(tx, channel.id);
  await emitUpdates(tx, emit, orphans);
  emit(channelEvent("CHANNEL_DELETE", channel, undefined, version));
  emit(auditChange(guild.id, AuditLogEvent.ChannelDelete, channel.id, wholeChannelFields(channel), null));
  const forgotten = await forgetChannel(tx, guild.id, channel.id);
  if (forgotten !== undefined) emit(await guildUpdate(tx, forgotten));
  return wireChannel(channel);
}

async function reread(tx: Transaction, id: string): Promise<ChannelRow> {
  const row = await findChannel(tx, id);
  if (row === undefined) throw new ApiError("UNKNOWN_CHANNEL");
  return row;
}
