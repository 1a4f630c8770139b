import type { Db } from "../../core/db.ts";
import { has, Permission } from "../../core/permissions.ts";
import type { InChannel } from "../access.ts";
import { findEmojiFor, type GuildEmojiRow } from "../store/reactions.ts";

/** Who uses an emoji, and where. */
export interface EmojiUser {
  userId: string;
  /** Null in a conversation, where every emoji of one's guilds may be used. */
  guildId: string | null;
  permissions: bigint;
}

/** The caller of a route of a channel. */
export function emojiUser(where: InChannel): EmojiUser {
  const { id: userId } = where.caller.user;
  if (where.type === "dm") return { userId, guildId: null, permissions: 0n };
  return { userId, guildId: where.guild.id, permissions: where.permissions };
}

/** A custom emoji, or why it can't be used: it is of no guild that the user is in, or of another than this one. */
export async function usableEmoji(
  sql: Db,
  id: string,
  { userId, guildId, permissions }: EmojiUser,
): Promise<GuildEmojiRow | "unknown" | "foreign"> {
  const found = await findEmojiFor(sql, id, userId);
  if (found === undefined) return "unknown";
  const foreign = guildId !== null && found.server_id !== guildId;
  return foreign && !has(permissions, Permission.USE_EXTERNAL_EMOJIS) ? "foreign" : found;
}
