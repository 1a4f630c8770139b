/** Entries, above which those that are over are thrown out. */
const MANY = 10_000;

/** Counters that are known to be full, and until when: whoever comes too soon is told so without asking Redis. */
export class FullCounters {
  readonly #now: () => number;
  readonly #full = new Map<string, { limit: number; until: number }>();

  /** @param now a clock that never steps back, in ms */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** @returns in how many ms it starts anew; 0 when it isn't known to be full for one with this limit */
  resetMs(key: string, limit: number): number {
    const found = this.#full.get(key);
    if (found === undefined || limit > found.limit) return 0;
    const left = found.until - this.#now();
    if (left > 0) return left;
    this.#full.delete(key);
    return 0;
  }

  add(key: string, limit: number, resetMs: number): void {
    const now = this.#now();
    if (this.#full.size >= MANY) this.#sweep(now);
    const known = this.#full.get(key);
    // Some callers have higher limits than others for the same counter.
    if (known !== undefined && known.until > now && known.limit > limit) return;
    this.#full.set(key, { limit, until: now + resetMs });
  }

  delete(key: string): void {
    this.#full.delete(key);
  }

  #sweep(now: number): void {
    for (const [key, { until }] of this.#full) if (until <= now) this.#full.delete(key);
    // Redis knows them all; this only spares asking.
    if (this.#full.size >= MANY) this.#full.clear();
  }
}
