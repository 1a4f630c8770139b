import { wireTime } from "./time.ts";

/** What a message asks: all that stays as it was made. */
export interface Poll {
  question: { text: string };
  answers: { answer_id: number; poll_media: { text: string; emoji?: object } }[];
  allow_multiselect: boolean;
  layout_type: number;
}

/** A message's poll as it stands. */
export interface PollRow {
  asked: Poll;
  /** In JSON from Postgres it is text. */
  expires_at: Date | string;
  ended: boolean;
  /** Answers that somebody voted for; `me` for who asks. */
  counts: { id: number; count: number; me: boolean }[];
}

/** https://discord.com/developers/docs/resources/poll#poll-object */
export function wirePoll({ asked, expires_at: expiresAt, ended, counts }: PollRow) {
  return {
    ...asked,
    expiry: wireTime(new Date(expiresAt)),
    results: {
      is_finalized: ended,
      answer_counts: counts.map(({ id, count, me }) => ({ id, count, me_voted: me })),
    },
  };
}

type WirePoll = ReturnType<typeof wirePoll>;

/** The same for everybody: nobody's own votes are marked. */
export function impersonalPoll({ results, ...poll }: WirePoll): WirePoll {
  const counts = results.answer_counts.map((count) => ({ ...count, me_voted: false }));
  return { ...poll, results: { ...results, answer_counts: counts } };
}
