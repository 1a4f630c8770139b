import { z } from "zod";
import type { Db } from "../../core/db.ts";
import type { Poll } from "../../core/wire/poll.ts";
import { wireEmoji } from "../../core/wire/reaction.ts";
import { ApiError } from "../errors.ts";
import { flag, snowflake, trimmed } from "../fields.ts";
import { type EmojiUser, usableEmoji } from "../reactions/custom-emoji.ts";
import { parseEmoji } from "../reactions/emoji.ts";

const HOUR_MS = 3600_000;
const DEFAULT_HOURS = 24;
const MAX_HOURS = 32 * 24;

const media = z.object({
  text: trimmed(1, 55),
  /** A custom one's id, or the characters of another. */
  emoji: z.object({ id: snowflake.nullish(), name: z.string().max(100).nullish() }).nullish(),
});

/** https://discord.com/developers/docs/resources/poll#poll-create-request-object */
export const pollCreate = z.object({
  question: z.object({ text: trimmed(1, 300) }),
  answers: z
    .array(z.object({ poll_media: media }))
    .min(1)
    .max(10),
  duration: z.number().int().min(1).max(MAX_HOURS).nullish(),
  allow_multiselect: flag.nullish(),
  layout_type: z.literal(1).nullish(),
});

export type PollCreate = z.infer<typeof pollCreate>;

/** A poll that is to be put into a message. */
export interface NewPoll {
  asked: Poll;
  expiresAt: Date;
}

/**
 * A poll as it is stored.
 * @param author whose emoji may be used; null where nobody is behind it, as with a webhook
 * @throws 520004 for an emoji that can't be used
 */
export async function composePoll(sql: Db, body: PollCreate, author: EmojiUser | null): Promise<NewPoll> {
  const answers = body.answers.map(async ({ poll_media: { text, emoji } }, i) => ({
    answer_id: i + 1,
    poll_media: { text, ...(emoji?.id || emoji?.name ? { emoji: await emojiOf(sql, emoji, author) } : {}) },
  }));
  const asked: Poll = {
    question: body.question,
    answers: await Promise.all(answers),
    allow_multiselect: body.allow_multiselect ?? false,
    layout_type: 1,
  };
  return { asked, expiresAt: new Date(Date.now() + (body.duration ?? DEFAULT_HOURS) * HOUR_MS) };
}

async function emojiOf(sql: Db, emoji: NonNullable<z.infer<typeof media>["emoji"]>, author: EmojiUser | null) {
  if (emoji.id) {
    const found = author === null ? "unknown" : await usableEmoji(sql, emoji.id, author);
    if (typeof found === "string") throw new ApiError("POLL_EMOJI");
    return wireEmoji(found);
  }
  const parsed = parseEmoji(emoji.name ?? "");
  if (parsed?.type !== "unicode") throw new ApiError("POLL_EMOJI");
  return { id: null, name: parsed.name };
}
