import { ChannelType } from "discord-api-types/v10";
import type { OverwriteFacts } from "../permissions.ts";
import type { ThreadRow } from "./thread.ts";
import { wireTime } from "./time.ts";
import { type UserRow, wireUser } from "./user.ts";

/** An overwrite as Postgres gives it inside JSON: bit fields as text, as they don't fit a double. */
export interface OverwriteRow {
  id: string;
  type: 0 | 1;
  allow: string;
  deny: string;
}

/** A tag for posts of a forum, as it is stored and as it is sent. */
export interface ForumTag {
  id: string;
  name: string;
  moderated: boolean;
  emoji_id: string | null;
  emoji_name: string | null;
}

export interface DefaultReaction {
  emoji_id: string | null;
  emoji_name: string | null;
}

export interface ChannelRow {
  id: string;
  server_id: string;
  name: string;
  type: number;
  topic: string | null;
  position: number;
  parent_id: string | null;
  nsfw: boolean;
  rate_limit_per_user: number;
  bitrate: number | null;
  user_limit: number | null;
  rtc_region: string | null;
  video_quality_mode: number | null;
  default_auto_archive_duration: number | null;
  default_thread_rate_limit_per_user: number | null;
  default_reaction_emoji: DefaultReaction | null;
  default_sort_order: number | null;
  default_forum_layout: number | null;
  default_tag_setting: string | null;
  available_tags: ForumTag[];
  flags: number;
  version: string;
  last_message_id: string | null;
  last_pin_at: Date | null;
  /** A thread has its parent's. */
  overwrites: OverwriteRow[];
  /** What only a thread has. */
  thread: ThreadRow | null;
}

const { GuildCategory, GuildVoice, GuildStageVoice, GuildForum, GuildMedia } = ChannelType;

/** A guild's channel. https://discord.com/developers/docs/resources/channel#channel-object */
export function wireChannel(row: ChannelRow) {
  const { type } = row;
  return {
    id: row.id,
    type,
    flags: row.flags,
    guild_id: row.server_id,
    name: row.name,
    position: row.position,
    parent_id: row.parent_id,
    permission_overwrites: row.overwrites,
    nsfw: row.nsfw,
    ...(type === GuildCategory ? {} : wireTextFields(row)),
    ...(type === GuildVoice || type === GuildStageVoice ? wireVoiceFields(row) : {}),
    ...(type === GuildForum || type === GuildMedia ? wireForumFields(row) : {}),
  };
}

export type WireChannel = ReturnType<typeof wireChannel>;

function wireTextFields(row: ChannelRow) {
  return {
    topic: row.topic,
    rate_limit_per_user: row.rate_limit_per_user,
    last_message_id: row.last_message_id,
    ...wireLastPin(row),
    ...(row.default_auto_archive_duration === null
      ? {}
      : { default_auto_archive_duration: row.default_auto_archive_duration }),
    ...(row.default_thread_rate_limit_per_user === null
      ? {}
      : { default_thread_rate_limit_per_user: row.default_thread_rate_limit_per_user }),
  };
}

export function wireLastPin(row: { last_pin_at: Date | null }) {
  return row.last_pin_at === null ? {} : { last_pin_timestamp: wireTime(row.last_pin_at) };
}

const DEFAULT_BITRATE = 64_000;

function wireVoiceFields(row: ChannelRow) {
  return {
    bitrate: row.bitrate ?? DEFAULT_BITRATE,
    user_limit: row.user_limit ?? 0,
    rtc_region: row.rtc_region,
    ...(row.video_quality_mode === null ? {} : { video_quality_mode: row.video_quality_mode }),
  };
}

function wireForumFields(row: ChannelRow) {
  return {
    available_tags: row.available_tags,
    default_reaction_emoji: row.default_reaction_emoji,
    default_sort_order: row.default_sort_order,
    default_forum_layout: row.default_forum_layout ?? 0,
    default_tag_setting: row.default_tag_setting,
  };
}

export function overwriteFacts(rows: readonly OverwriteRow[]): OverwriteFacts[] {
  return rows.map((row) => ({ id: row.id, type: row.type, allow: BigInt(row.allow), deny: BigInt(row.deny) }));
}

/** A direct conversation, as one of the two sees it: the other is its recipient. */
export function wireDmChannel(
  row: { id: string; last_message_id: string | null; last_pin_at: Date | null },
  recipient: UserRow,
) {
  return {
    id: row.id,
    type: ChannelType.DM,
    flags: 0,
    last_message_id: row.last_message_id,
    ...wireLastPin(row),
    recipients: [wireUser(recipient)],
  };
}
