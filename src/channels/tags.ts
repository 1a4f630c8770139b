import { z } from "zod";
import type { ForumTag } from "../../core/wire/channel.ts";
import { ApiError } from "../errors.ts";
import { snowflake, text, trimmed } from "../fields.ts";

const MAX_TAGS = 20;
const emoji = { emoji_id: snowflake.nullish(), emoji_name: text(0, 100).nullish() };

/** https://discord.com/developers/docs/resources/channel#forum-tag-object */
export const forumTags = z
  .array(z.object({ id: snowflake.nullish(), name: trimmed(1, 20), moderated: z.boolean().nullish(), ...emoji }))
  .max(MAX_TAGS);
export const defaultReaction = z.object(emoji);

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
