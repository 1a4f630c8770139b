import { ChannelFlags } from "discord-api-types/v10";
import { z } from "zod";
import { has, Permission } from "../../core/permissions.ts";
import type { ChannelRow, ForumTag } from "../../core/wire/channel.ts";
import { ApiError } from "../errors.ts";
import { snowflake, text, trimmed } from "../fields.ts";

const MAX_TAGS = 20;
const MAX_APPLIED = 5;
const emoji = { emoji_id: snowflake.nullish(), emoji_name: text(0, 100).nullish() };

/** https://discord.com/developers/docs/resources/channel#forum-tag-object */
export const forumTags = z
  .array(z.object({ id: snowflake.nullish(), name: trimmed(1, 20), moderated: z.boolean().nullish(), ...emoji }))
  .max(MAX_TAGS);
export const defaultReaction = z.object(emoji);
export const appliedTags = z.array(snowflake).max(MAX_APPLIED);

/**
 * A forum's tags after a request: those that name the id of one it has are that one changed, others are new.
 * @throws 10087 for an id that none of its tags has, 40061 for two of the same name
 */
export function tagsOf(
  before: readonly ForumTag[],
  wanted: z.infer<typeof forumTags>,
  nextId: () => string,
): ForumTag[] {
  const known = new Set(before.map((tag) => tag.id));
  const tags = wanted.map((tag): ForumTag => {
    if (tag.id && !known.has(tag.id)) throw new ApiError("UNKNOWN_TAG");
    return { id: tag.id || nextId(), name: tag.name, moderated: tag.moderated ?? false, ...emojiOf(tag) };
  });
  if (new Set(tags.map((tag) => tag.name)).size < tags.length) throw new ApiError("TAG_NAMES_NOT_UNIQUE");
  if (new Set(tags.map((tag) => tag.id)).size < tags.length) throw new ApiError("UNKNOWN_TAG");
  return tags;
}

/** An emoji of a request: a guild's own by id, else a unicode one by name. @throws 10014 while guilds have none */
export function emojiOf(wanted: z.infer<typeof defaultReaction>): Pick<ForumTag, "emoji_id" | "emoji_name"> {
  if (wanted.emoji_id && wanted.emoji_id !== "0") throw new ApiError("UNKNOWN_EMOJI");
  return { emoji_id: null, emoji_name: wanted.emoji_name || null };
}

/**
 * The tags of a post after a request.
 * @param before those that it has
 * @param permissions what the caller may do in the forum: moderated tags are given and taken by who manages threads
 * @throws 10087 for a tag that the forum doesn't have, 40066 or 40067 for a post without one where there must be one
 */
export function applicableTags(
  forum: ChannelRow,
  before: readonly string[],
  wanted: readonly string[],
  permissions: bigint,
): string[] {
  const known = new Map(forum.available_tags.map((tag) => [tag.id, tag]));
  const tags = [...new Set(wanted)];
  if (tags.some((id) => !known.has(id))) throw new ApiError("UNKNOWN_TAG");
  const moderates = has(permissions, Permission.MANAGE_THREADS);
  const changed = [...tags.filter((id) => !before.includes(id)), ...before.filter((id) => !tags.includes(id))];
  if (!moderates && changed.some((id) => known.get(id)?.moderated === true)) throw new ApiError("MISSING_PERMISSIONS");
  if (tags.length === 0 && (forum.flags & ChannelFlags.RequireTag) !== 0 && !moderates) {
    const free = forum.available_tags.some((tag) => !tag.moderated);
    throw new ApiError(free ? "TAG_REQUIRED" : "NO_TAGS_FOR_MEMBERS");
  }
  return tags;
}
