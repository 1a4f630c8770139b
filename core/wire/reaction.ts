/** An emoji's reactions on a message. */
export interface ReactionRow extends EmojiRow {
  count: number;
  /** Whether the one who asks is among them. */
  me: boolean;
}

/** A custom emoji when it has an id, else the emoji's characters as its name. */
export interface EmojiRow {
  emoji_id: string | null;
  emoji_name: string;
  animated: boolean;
}

/** https://discord.com/developers/docs/resources/message#reaction-object */
export function wireReaction(row: ReactionRow) {
  return {
    emoji: wireEmoji(row),
    count: row.count,
    // Super reactions are bought at Discord; nobody makes any here.
    count_details: { burst: 0, normal: row.count },
    burst_colors: [],
    me: row.me,
    me_burst: false,
  };
}

/** A partial emoji, as reactions name it. */
export function wireEmoji(row: EmojiRow) {
  if (row.emoji_id === null) return { id: null, name: row.emoji_name };
  return { id: row.emoji_id, name: row.emoji_name, animated: row.animated };
}
