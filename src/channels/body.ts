import { ChannelFlags, ChannelType } from "discord-api-types/v10";
import { z } from "zod";
import { invalidField } from "../errors.ts";
import { snowflake, text, trimmed } from "../fields.ts";
import type { ChannelPatch } from "../store/channels.ts";
import { MAX_OVERWRITES, overwrite } from "./overwrites.ts";
import { defaultReaction, forumTags } from "./tags.ts";

const { GuildText, GuildVoice, GuildCategory, GuildAnnouncement, GuildStageVoice, GuildForum, GuildMedia } =
  ChannelType;

/** Minutes after which a thread without activity is archived. */
export const autoArchiveDuration = z.literal([60, 1440, 4320, 10_080]);
/** Seconds that somebody waits between two messages. */
export const slowmode = z.number().int().min(0).max(21_600);

/** https://discord.com/developers/docs/resources/channel#modify-channel-json-params-guild-channel */
export const channelPatch = z.object({
  name: trimmed(1, 100).optional(),
  type: z
    .literal([GuildText, GuildVoice, GuildCategory, GuildAnnouncement, GuildStageVoice, GuildForum, GuildMedia])
    .nullish(),
  position: z.int32().min(0).nullish(),
  topic: text(0, 4096).nullish(),
  nsfw: z.boolean().nullish(),
  rate_limit_per_user: slowmode.nullish(),
  bitrate: z.number().int().min(8000).max(384_000).nullish(),
  user_limit: z.number().int().min(0).max(10_000).nullish(),
  rtc_region: text(1, 64).nullish(),
  video_quality_mode: z.literal([1, 2]).nullish(),
  default_auto_archive_duration: autoArchiveDuration.nullish(),
  default_thread_rate_limit_per_user: slowmode.nullish(),
  default_reaction_emoji: defaultReaction.nullish(),
  default_sort_order: z.literal([0, 1]).nullish(),
  default_forum_layout: z.literal([0, 1, 2]).nullish(),
  default_tag_setting: z.literal(["match_all", "match_some"]).nullish(),
  available_tags: forumTags.nullish(),
  flags: z.int32().min(0).nullish(),
  parent_id: snowflake.nullish(),
  permission_overwrites: z.array(overwrite).max(MAX_OVERWRITES).nullish(),
});
export const channelCreate = channelPatch.extend({ name: trimmed(1, 100) });

export type ChannelBody = z.infer<typeof channelPatch>;

/** Channels that hold nothing but threads. */
export const isForum = (type: number): boolean => type === GuildForum || type === GuildMedia;
const isVoice = (type: number): boolean => type === GuildVoice || type === GuildStageVoice;

/**
 * The columns that a body sets for a channel of this type, tags and emoji excepted; what the type doesn't have is left out.
 * @param before the flags that it has
 * @throws 50035 for what other types may have, but not this one
 */
export function columnsOf(type: number, body: ChannelBody, before = 0): ChannelPatch {
  const columns: ChannelPatch = { name: body.name, position: body.position ?? undefined };
  if (type === GuildCategory) return columns;
  columns.parent_id = body.parent_id;
  columns.nsfw = orWhenNull(body.nsfw, false);
  columns.flags = typeof body.flags === "number" ? settableFlags(type, before, body.flags) : undefined;
  // Nobody waits in an announcement channel; one that was a text channel forgets what it had.
  columns.rate_limit_per_user = type === GuildAnnouncement ? 0 : orWhenNull(body.rate_limit_per_user, 0);
  if (isVoice(type)) return { ...columns, ...voiceColumns(type, body) };
  columns.name = body.name === undefined ? undefined : textName(body.name);
  const longest = isForum(type) ? 4096 : 1024;
  if ((body.topic?.length ?? 0) > longest) throw outOfRange("topic", "BASE_TYPE_BAD_LENGTH", longest);
  return {
    ...columns,
    topic: body.topic,
    default_auto_archive_duration: body.default_auto_archive_duration,
    default_thread_rate_limit_per_user: body.default_thread_rate_limit_per_user,
    ...(isForum(type) ? forumColumns(body) : {}),
  };
}

function voiceColumns(type: number, body: ChannelBody): ChannelPatch {
  const { bitrate, user_limit, rtc_region, video_quality_mode } = body;
  const stage = type === GuildStageVoice;
  if (stage && (bitrate ?? 0) > 64_000) throw outOfRange("bitrate", "NUMBER_TYPE_MAX", 64_000);
  if (!stage && (user_limit ?? 0) > 99) throw outOfRange("user_limit", "NUMBER_TYPE_MAX", 99);
  return { bitrate, user_limit, rtc_region, video_quality_mode };
}

function forumColumns(body: ChannelBody): ChannelPatch {
  return {
    default_sort_order: body.default_sort_order,
    default_forum_layout: body.default_forum_layout,
    default_tag_setting: body.default_tag_setting,
  };
}

/** The flags after a request: those that a channel of this type may have are as wanted, others as they were. */
function settableFlags(type: number, before: number, wanted: number): number {
  const settable =
    (isForum(type) ? ChannelFlags.RequireTag : 0) |
    (type === GuildMedia ? ChannelFlags.HideMediaDownloadOptions : 0) |
    (type === GuildStageVoice ? 0 : SPOILER_CHANNEL);
  return (before & ~settable) | (wanted & settable);
}

/** https://discord.com/developers/docs/resources/channel#channel-object-channel-flags */
export const SPOILER_CHANNEL = 1 << 21;

function outOfRange(field: keyof ChannelBody, code: "BASE_TYPE_BAD_LENGTH" | "NUMBER_TYPE_MAX", most: number) {
  const length = code === "BASE_TYPE_BAD_LENGTH";
  const message = length ? `Must be ${most} or fewer in length.` : `Value should be less than or equal to ${most}.`;
  return invalidField([field], code, message);
}

const orWhenNull = <T>(value: T | null | undefined, fallback: T): T | undefined => (value === null ? fallback : value);

/** Text channels are named in lower case and without spaces, as at Discord. */
const textName = (name: string): string => name.toLowerCase().replace(/\s+/g, "-");
