import type { Counters } from "./counters.ts";
import type { FullCounters } from "./full-counters.ts";

/** Invalid requests by address, over all processes. */
export interface InvalidRequests {
  /** The counter of an address. */
  key(address: string): string;
  add(address: string): void;
  /** Counts what is not counted yet. */
  stop(): Promise<void>;
}

/** So long they are collected: a flood of them is one command every so often. */
const FLUSH_MS = 50;
/** Addresses that are remembered: beyond that, what this process knows is learnt anew from Redis. */
const MANY = 10_000;

export function createInvalidRequests(
  counters: Counters,
  full: FullCounters,
  limit: number,
  windowMs: number,
): InvalidRequests {
  /** Not told to Redis yet. */
  let pending = new Map<string, number>();
  /** All that is known of, Redis' count and what came since, so that one process notices the limit at once. */
  const tally = new Map<string, { count: number; until: number }>();
  let timer: NodeJS.Timeout | undefined;

  function remember(key: string, count: number, until: number): void {
    if (tally.size >= MANY) tally.clear();
    tally.set(key, { count, until });
    if (count >= limit) full.add(key, limit, until - performance.now());
  }

  async function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    const counts = pending;
    pending = new Map();
    if (counts.size === 0) return;
    for (const [key, { count, resetMs }] of await counters.addAll(counts, windowMs)) {
      remember(key, count + (pending.get(key) ?? 0), performance.now() + resetMs);
    }
  }

  const key = (address: string) => `invalid:${address}`;
  return {
    key,
    add: (address) => {
      const name = key(address);
      pending.set(name, (pending.get(name) ?? 0) + 1);
      const now = performance.now();
      const known = tally.get(name);
      if (known === undefined || known.until <= now) remember(name, 1, now + windowMs);
      else remember(name, known.count + 1, known.until);
      timer ??= setTimeout(() => void flush(), FLUSH_MS);
    },
    stop: flush,
  };
}
