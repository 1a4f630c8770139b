import type { Counter, Outcome } from "./counters.ts";

/** Counters, above which those whose window is over are thrown out. */
const MANY = 20_000;

/**
 * Counts as core/lua/rate-limit.lua does, in this process alone: for as long as Redis is away.
 * @param now a clock that never steps back, in ms
 */
export class LocalCounters {
  readonly #now: () => number;
  readonly #windows = new Map<string, { count: number; endsAt: number }>();

  constructor(now: () => number) {
    this.#now = now;
  }

  take(counters: readonly Counter[]): Outcome {
    const now = this.#now();
    for (const [at, { key, limit }] of counters.entries()) {
      const window = this.#current(key, now);
      if (window !== undefined && window.count >= limit) return { refusedBy: at, resetMs: window.endsAt - now };
    }
    return { refusedBy: null, counts: counters.map((counter) => this.#count(counter, now)) };
  }

  /** @returns the count with these */
  add(key: string, count: number, windowMs: number): { count: number; resetMs: number } {
    const now = this.#now();
    const window = this.#current(key, now) ?? this.#begin(key, now, windowMs);
    window.count += count;
    return { count: window.count, resetMs: window.endsAt - now };
  }

  forget(key: string): void {
    this.#windows.delete(key);
  }

  #count({ key, windowMs }: Counter, now: number): { count: number; resetMs: number } {
    if (windowMs === 0) return { count: 0, resetMs: 0 };
    const window = this.#current(key, now) ?? this.#begin(key, now, windowMs);
    window.count += 1;
    return { count: window.count, resetMs: window.endsAt - now };
  }

  #current(key: string, now: number) {
    const window = this.#windows.get(key);
    return window !== undefined && window.endsAt > now ? window : undefined;
  }

  #begin(key: string, now: number, windowMs: number) {
    if (this.#windows.size >= MANY) this.#sweep(now);
    const window = { count: 0, endsAt: now + windowMs };
    this.#windows.set(key, window);
    return window;
  }

  #sweep(now: number): void {
    for (const [key, { endsAt }] of this.#windows) if (endsAt <= now) this.#windows.delete(key);
    // All still count: rather none is limited for a moment than that memory grows without end.
    if (this.#windows.size >= MANY) this.#windows.clear();
  }
}
