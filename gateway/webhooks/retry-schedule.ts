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

/**
 * How long to wait after an attempt failed, or undefined when it was the last.
 * @param attempt 1 for the first
 * @param retryAfter the answer's Retry-After: honoured in seconds, up to twice the usual delay, so that an endpoint
 *   can neither hurry the sender nor park it
 * @param random 0 up to 1
 */
export function retryDelayMs(
  delaysMs: readonly number[],
  attempt: number,
  retryAfter: string | undefined,
  random: number,
): number | undefined {
  const usual = delaysMs[attempt - 1];
  if (usual === undefined) return undefined;
  const jittered = usual * (1 - JITTER + 2 * JITTER * random);
  const asked = /^\d+$/.test(retryAfter ?? "") ? Number(retryAfter) * SECOND : 0;
  return Math.round(Math.max(jittered, Math.min(asked, 2 * usual)));
}
