import { ChannelType } from "discord-api-types/v10";
import type { OverwriteFacts } from "../permissions.ts";
import { type UserRow, wireUser } from "./user.ts";

/** An overwrite as Postgres gives it inside JSON: bit fields as text, as they don't fit a double. */
export interface OverwriteRow {
  id: string;
  type: 0 | 1;
  allow: string;
  deny: string;
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
  default_auto_archive_duration: number | null;
  flags: number;
  version: string;
  last_message_id: string | null;
  overwrites: OverwriteRow[];
}

/** A guild's channel. https://discord.com/developers/docs/resources/channel#channel-object */
export function wireChannel(row: ChannelRow) {
  return {
    id: row.id,
    type: row.type,
    flags: row.flags,
    guild_id: row.server_id,
    name: row.name,
    position: row.position,
    parent_id: row.parent_id,
    permission_overwrites: row.overwrites,
    nsfw: row.nsfw,
    ...(row.type === ChannelType.GuildCategory ? {} : wireTextFields(row)),
    ...(row.type === ChannelType.GuildVoice ? wireVoiceFields(row) : {}),
  };
}

export type WireChannel = ReturnType<typeof wireChannel>;

function wireTextFields(row: ChannelRow) {
  return {
    topic: row.topic,
    rate_limit_per_user: row.rate_limit_per_user,
    last_message_id: row.last_message_id,
    ...(row.default_auto_archive_duration === null
      ? {}
      : { default_auto_archive_duration: row.default_auto_archive_duration }),
  };
}

const DEFAULT_BITRATE = 64_000;

function wireVoiceFields(row: ChannelRow) {
  return { bitrate: row.bitrate ?? DEFAULT_BITRATE, user_limit: row.user_limit ?? 0, rtc_region: null };
}

export function overwriteFacts(rows: readonly OverwriteRow[]): OverwriteFacts[] {
  return rows.map((row) => ({ id: row.id, type: row.type, allow: BigInt(row.allow), deny: BigInt(row.deny) }));
}

/** A direct conversation, as one of the two sees it: the other is its recipient. */
export function wireDmChannel(row: { id: string; last_message_id: string | null }, recipient: UserRow) {
  return {
    id: row.id,
    type: ChannelType.DM,
    flags: 0,
    last_message_id: row.last_message_id,
    recipients: [wireUser(recipient)],
  };
}
