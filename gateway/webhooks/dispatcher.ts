import { randomUUID } from "node:crypto";
import { setMaxListeners } from "node:events";
import type { Config } from "../../core/config.ts";
import type { Sql } from "../../core/db.ts";
import { openEgress } from "../../core/egress.ts";
import { parseNetworks } from "../../core/egress-rules.ts";
import type { Logger } from "../../core/log.ts";
import { attempt, reasonToDrop } from "./attempt.ts";
import { claimDue, type Delivery, disableUrl, finish, loadTarget, type Outcome } from "./deliveries.ts";
import { RETRY_DELAYS_MS } from "./retry-schedule.ts";

export interface DispatcherLimits {
  /** Attempts under way at once, of all applications. */
  total: number;
  /** Of one application. One whose last attempt failed is tried one at a time until it answers again. */
  perApplication: number;
  /** For one attempt, from the name's lookup to the answer's end. */
  timeoutMs: number;
  /** After this long without a word a delivery is taken from its worker. Must exceed `timeoutMs` by far. */
  leaseMs: number;
  retryDelaysMs: readonly number[];
  /** With nothing to do, the pause between two looks doubles from the first to the second. */
  pollMs: readonly [shortest: number, longest: number];
  /** How long `stop` waits for attempts under way before it breaks them off. */
  stopGraceMs: number;
}

const DEFAULTS: DispatcherLimits = {
  total: 200,
  perApplication: 4,
  timeoutMs: 10_000,
  leaseMs: 60_000,
  retryDelaysMs: RETRY_DELAYS_MS,
  pollMs: [250, 1000],
  stopGraceMs: 2000,
};

export interface DispatcherOptions {
  sql: Sql;
  /** Opens the applications' private keys: core/secret.ts. */
  secret: Buffer;
  config: Pick<Config, "egressAllow">;
  log: Logger;
  limits?: Partial<DispatcherLimits>;
}

export interface Dispatcher {
  /** Takes nothing more, and resolves when nothing is under way; what was broken off is due at once for others. */
  stop(): Promise<void>;
}

/**
 * Sends the deliveries of outgoing webhooks, at least once each, in no promised order. Any number of processes may run
 * one: rows are leased with FOR UPDATE SKIP LOCKED in a statement of its own, so no lock is held while an endpoint is
 * waited for; a process that dies lets its leases lapse, and one that comes late finds its lease gone.
 */
export function startDispatcher(options: DispatcherOptions): Dispatcher {
  const { sql, secret, log } = options;
  const limits = { ...DEFAULTS, ...options.limits };
  const egress = openEgress({ allow: parseNetworks(options.config.egressAllow) });
  const worker = randomUUID();
  const breakOff = new AbortController();
  setMaxListeners(limits.total, breakOff.signal);
  /** Attempts under way. At most `limits.total`. */
  const underWay = new Set<Promise<void>>();
  /** How many of them, by application. */
  const running = new Map<string, number>();
  /** Applications whose last attempt failed; out again with the first success, or when there is nothing to send. */
  const failing = new Set<string>();
  let stopping = false;
  let away = false;
  let wake = () => {};

  async function run(): Promise<void> {
    const [shortest, longest] = limits.pollMs;
    let pauseMs = shortest;
    while (!stopping) {
      const claimed = await claim();
      for (const delivery of claimed) start(delivery);
      pauseMs = claimed.length > 0 ? shortest : Math.min(pauseMs * 2, longest);
      if (claimed.length === 0) await pause(pauseMs);
    }
  }

  async function claim(): Promise<Delivery[]> {
    const { leaseMs, perApplication } = limits;
    const limit = limits.total - underWay.size;
    if (limit <= 0) return [];
    try {
      const claimed = await claimDue(sql, { worker, leaseMs, limit, perApplication, rooms: rooms() });
      away = false;
      return claimed;
    } catch (error) {
      if (!away) log.warn({ err: String(error) }, "webhook deliveries can't be read");
      away = true;
      return [];
    }
  }

  function room(applicationId: string): number {
    const most = failing.has(applicationId) ? 1 : limits.perApplication;
    return Math.max(0, most - (running.get(applicationId) ?? 0));
  }

  function rooms(): Map<string, number> {
    return new Map([...running.keys(), ...failing].map((applicationId) => [applicationId, room(applicationId)]));
  }

  function start(delivery: Delivery): void {
    const id = delivery.application_id;
    running.set(id, (running.get(id) ?? 0) + 1);
    const done = deliver(delivery)
      .catch((error) => log.warn({ err: String(error), delivery: delivery.id }, "webhook delivery left to its lease"))
      .finally(() => {
        const wasFull = room(id) === 0 || underWay.size >= limits.total;
        underWay.delete(done);
        const left = (running.get(id) ?? 1) - 1;
        if (left > 0) running.set(id, left);
        else running.delete(id);
        if (wasFull) wake();
      });
    underWay.add(done);
  }

  async function deliver(delivery: Delivery): Promise<void> {
    const outcome = await decide(delivery);
    if (outcome.state === "pending" || outcome.state === "dead") failing.add(delivery.application_id);
    else failing.delete(delivery.application_id);
    const kept = await finish(sql, worker, delivery, outcome);
    const seen = { delivery: delivery.id, application: delivery.application_id, attempt: delivery.attempts };
    if (!kept) log.info(seen, "webhook delivery finished after its lease: the result is not written");
    else log.debug({ ...seen, state: outcome.state, status: outcome.status }, "webhook delivery");
  }

  async function decide(delivery: Delivery): Promise<Outcome> {
    // One that takes its worker down each time must not be picked up for ever.
    if (delivery.attempts > limits.retryDelaysMs.length + 1) return ended("dead", "no attempt of it ever ended");
    const target = await loadTarget(sql, delivery);
    if (target === undefined || target.url === null) return ended("dropped", "the application has no enabled URL");
    const reason = reasonToDrop(delivery, target, Date.now());
    if (reason !== undefined) return ended("dropped", reason);
    const { timeoutMs, retryDelaysMs } = limits;
    const how = { secret, egress, timeoutMs, retryDelaysMs, signal: breakOff.signal };
    const outcome = await attempt(delivery, target.url, target.sealedSeed, how);
    // Before the row is finished: should this process die between the two, the URL is asked again and says so again.
    if (outcome.status === 410) await disableUrl(sql, delivery.application_id, target.url);
    return outcome;
  }

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
      if (stopping) wake();
    });
  }

  const loop = run();
  return {
    stop: async () => {
      stopping = true;
      wake();
      await loop;
      const timer = setTimeout(() => breakOff.abort(), limits.stopGraceMs);
      await Promise.all(underWay);
      clearTimeout(timer);
      await egress.close();
    },
  };
}

function ended(state: "dead" | "dropped", reason: string): Outcome {
  return { state, status: null, error: reason };
}
