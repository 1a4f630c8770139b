const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** How long to wait after the first, second, … failed attempt. Together just under 24 hours. */
export const RETRY_DELAYS_MS: readonly number[] = [
  5 * SECOND,
  30 * SECOND,
  2 * MINUTE,
  10 * MINUTE,
  30 * MINUTE,
  HOUR,
  2 * HOUR,
  4 * HOUR,
  8 * HOUR,
  8 * HOUR,
];
/** Spread by a fifth either way: what failed together need not come back together. */
const JITTER = 0.2;
/** Who answers 429 is not called again sooner. */
const THROTTLED_MS = MINUTE;
/** What an endpoint may ask for, if the usual delay is shorter than half of it. */
const LONGEST_ASKED_MS = 15 * MINUTE;

export interface Answered {
  /** The answer's Retry-After: seconds or a date. */
  retryAfter?: string | undefined;
  /** Whether it was a 429. */
  throttled?: boolean;
}

/**
 * How long to wait after an attempt failed, or undefined when it was the last. Retry-After is honoured up to a quarter
 * of an hour or twice the usual delay, whichever is longer, so that an endpoint can neither hurry the sender nor park it.
 * @param attempt 1 for the first
 * @param random 0 up to 1
 * @param now milliseconds since 1970
 */
export function retryDelayMs(
  delaysMs: readonly number[],
  attempt: number,
  answered: Answered = {},
  random = Math.random(),
  now = Date.now(),
): number | undefined {
  const usual = delaysMs[attempt - 1];
  if (usual === undefined) return undefined;
  const jittered = usual * (1 - JITTER + 2 * JITTER * random);
  const least = answered.throttled === true ? THROTTLED_MS : 0;
  const asked = Math.min(askedMs(answered.retryAfter ?? "", now), Math.max(LONGEST_ASKED_MS, 2 * usual));
  return Math.round(Math.max(jittered, least, asked));
}

/** RFC 9110, section 10.2.3 */
function askedMs(retryAfter: string, now: number): number {
  if (/^\d{1,10}$/.test(retryAfter)) return Number(retryAfter) * SECOND;
  const date = Date.parse(retryAfter);
  return Number.isNaN(date) ? 0 : Math.max(0, date - now);
}
