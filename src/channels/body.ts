import { ChannelType } from "discord-api-types/v10";
import { z } from "zod";
import { snowflake, text, trimmed } from "../fields.ts";
import type { ChannelPatch } from "../store/channels.ts";
import { MAX_OVERWRITES, overwrite } from "./overwrites.ts";

const { GuildText, GuildVoice, GuildCategory, GuildAnnouncement } = ChannelType;

/** https://discord.com/developers/docs/resources/channel#modify-channel-json-params-guild-channel */
export const channelPatch = z.object({
  name: trimmed(1, 100).optional(),
  type: z.literal([GuildText, GuildVoice, GuildCategory, GuildAnnouncement]).nullish(),
  position: z.int32().min(0).nullish(),
  topic: text(0, 1024).nullish(),
  nsfw: z.boolean().nullish(),
  rate_limit_per_user: z.number().int().min(0).max(21_600).nullish(),
  bitrate: z.number().int().min(8000).max(384_000).nullish(),
  user_limit: z.number().int().min(0).max(99).nullish(),
  default_auto_archive_duration: z.literal([60, 1440, 4320, 10_080]).nullish(),
  parent_id: snowflake.nullish(),
  permission_overwrites: z.array(overwrite).max(MAX_OVERWRITES).nullish(),
});
export const channelCreate = channelPatch.extend({ name: trimmed(1, 100) });

export type ChannelBody = z.infer<typeof channelPatch>;

/** The columns that a body sets for a channel of this type; what the type doesn't have is left out. */
export function columnsOf(type: number, body: ChannelBody): ChannelPatch {
  const columns: ChannelPatch = { name: body.name, position: body.position ?? undefined };
  if (type === GuildCategory) return columns;
  columns.parent_id = body.parent_id;
  columns.nsfw = orWhenNull(body.nsfw, false);
  columns.rate_limit_per_user = orWhenNull(body.rate_limit_per_user, 0);
  if (type === GuildVoice) return { ...columns, bitrate: body.bitrate, user_limit: body.user_limit };
  columns.name = body.name === undefined ? undefined : textName(body.name);
  return {
    ...columns,
    topic: body.topic,
    default_auto_archive_duration: body.default_auto_archive_duration,
  };
}

const orWhenNull = <T>(value: T | null | undefined, fallback: T): T | undefined => (value === null ? fallback : value);

/** Text channels are named in lower case and without spaces, as at Discord. */
const textName = (name: string): string => name.toLowerCase().replace(/\s+/g, "-");
