import { BREAKER_RULES, type BreakerRules } from "./breaker.ts";
import { RETRY_DELAYS_MS } from "./retry-schedule.ts";

export interface DispatcherLimits {
  /** Attempts under way at once, of all endpoints. Those that fail or are slow get half of it at most. */
  total: number;
  /** Of one endpoint. One whose last attempt failed is tried one at a time until it answers again. */
  perEndpoint: number;
  /** For one attempt, from the name's lookup to the answer's end. */
  timeoutMs: number;
  /** After this long without a word an endpoint is taken from its dispatcher. Must exceed `timeoutMs`. */
  leaseMs: number;
  retryDelaysMs: readonly number[];
  /** What has not been delivered for so long is dead. */
  maxAgeMs: number;
  /** An endpoint that has only failed for so long is switched off. */
  disableAfterMs: number;
  breaker: BreakerRules;
  /** With nothing to do, the pause between two looks doubles from the first to the second. */
  pollMs: readonly [shortest: number, longest: number];
  /** An endpoint that has had nothing for so long is let go. */
  idleMs: number;
  /** How long a delivery's number may be given and the delivery not be seen, at most: a transaction ends in less. */
  settledAfterMs: number;
  /** How long `stop` waits for attempts under way before it breaks them off. */
  stopGraceMs: number;
  /** How often an endpoint is sent an invalid signature, which it must refuse. */
  probeEveryMs: number;
}

const HOUR_MS = 3600_000;
export const DEFAULTS: DispatcherLimits = {
  total: 200,
  perEndpoint: 8,
  timeoutMs: 10_000,
  leaseMs: 15_000,
  retryDelaysMs: RETRY_DELAYS_MS,
  maxAgeMs: 25 * HOUR_MS,
  disableAfterMs: 5 * 24 * HOUR_MS,
  breaker: BREAKER_RULES,
  pollMs: [100, 1000],
  idleMs: 30_000,
  settledAfterMs: 30_000,
  stopGraceMs: 2000,
  probeEveryMs: 24 * HOUR_MS,
};

/** The limits of time for deliveries that are tried for so long; a day is what the defaults are made for. */
export function pacedBy(retrySeconds: number): Partial<DispatcherLimits> {
  const pace = retrySeconds / (24 * 3600);
  const { openMs } = DEFAULTS.breaker;
  return {
    retryDelaysMs: DEFAULTS.retryDelaysMs.map((ms) => ms * pace),
    maxAgeMs: DEFAULTS.maxAgeMs * pace,
    breaker: { ...DEFAULTS.breaker, openMs: [Math.min(openMs[0], openMs[1] * pace), openMs[1] * Math.min(1, pace)] },
  };
}
