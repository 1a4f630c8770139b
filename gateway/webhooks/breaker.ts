export interface BreakerRules {
  /** How far back is looked. */
  windowMs: number;
  /** Opens at this share of failures… */
  share: number;
  /** …among at least as many attempts. */
  fewest: number;
  /** How long it stays open; doubles with each probe that fails, up to the second. */
  openMs: readonly [shortest: number, longest: number];
}

export const BREAKER_RULES: BreakerRules = { windowMs: 300_000, share: 0.7, fewest: 10, openMs: [15_000, 300_000] };
/** More results than this say no more. */
const MAX_RESULTS = 100;

/**
 * Keeps a dead endpoint from costing more than a probe now and then. Closed, everything passes; open, nothing; half
 * open, one attempt at a time, whose success closes it. Pure but for what it remembers: times are given.
 */
export class Breaker {
  readonly #rules: BreakerRules;
  #results: { at: number; ok: boolean }[] = [];
  /** Among the results. */
  #failures = 0;
  #openUntil: number | null = null;
  #openForMs = 0;
  #lastFailed = false;

  constructor(rules: BreakerRules) {
    this.#rules = rules;
  }

  /** Attempts that may be under way at once, of `most`. After a failure one, until something succeeds. */
  allows(now: number, most: number): number {
    if (this.#openUntil !== null) return now < this.#openUntil ? 0 : 1;
    return this.#lastFailed ? 1 : most;
  }

  /** When it was opened until; null when it is closed. */
  get openUntil(): number | null {
    return this.#openUntil;
  }

  get failing(): boolean {
    return this.#lastFailed;
  }

  /** @returns whether it has opened, opened again, or closed by this */
  record(ok: boolean, now: number): boolean {
    this.#lastFailed = !ok;
    if (this.#openUntil !== null) {
      if (ok) {
        this.#openUntil = null;
        this.#results = [];
        this.#failures = 0;
        return true;
      }
      // What was under way when it opened says nothing new.
      if (now < this.#openUntil) return false;
      this.#open(now, Math.min(this.#openForMs * 2, this.#rules.openMs[1]));
      return true;
    }
    this.#remember(ok, now);
    const { fewest, share } = this.#rules;
    if (ok || this.#results.length < fewest || this.#failures / this.#results.length < share) return false;
    this.#open(now, this.#rules.openMs[0]);
    return true;
  }

  #remember(ok: boolean, now: number): void {
    this.#results.push({ at: now, ok });
    if (!ok) this.#failures += 1;
    for (let oldest = this.#results[0]; oldest !== undefined; oldest = this.#results[0]) {
      if (this.#results.length <= MAX_RESULTS && oldest.at > now - this.#rules.windowMs) return;
      this.#results.shift();
      if (!oldest.ok) this.#failures -= 1;
    }
  }

  #open(now: number, forMs: number): void {
    this.#openForMs = forMs;
    this.#openUntil = now + forMs;
  }
}
