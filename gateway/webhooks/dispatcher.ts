import { randomUUID } from "node:crypto";
import { setMaxListeners } from "node:events";
import type { Config } from "../../core/config.ts";
import type { Sql } from "../../core/db.ts";
import { openEgress } from "../../core/egress.ts";
import { parseNetworks } from "../../core/egress-rules.ts";
import type { Logger } from "../../core/log.ts";
import { attempt, unsignable } from "./attempt.ts";
import { BREAKER_RULES, Breaker, type BreakerRules } from "./breaker.ts";
import { createFinisher, type Outcome } from "./finish.ts";
import { disableEndpoint, hasFailedForDays, noteFailing, notePause } from "./health.ts";
import { Lanes } from "./lanes.ts";
import { eventPayload, reasonToDrop } from "./payload.ts";
import {
  claimEndpoints,
  newestDelivery,
  type QueuedDelivery,
  readQueue,
  releaseLeases,
  renewLeases,
  settleUnsent,
} from "./queue.ts";
import { RETRY_DELAYS_MS, retryDelayMs } from "./retry-schedule.ts";
import { type Target, Targets } from "./targets.ts";
import { startUpkeep } from "./upkeep.ts";

export interface DispatcherLimits {
  /** Attempts under way at once, of all endpoints. Those that fail get half of it at most. */
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
  /** How long a delivery's number may be given and the delivery not be seen: a transaction ends in less. */
  settledAfterMs: number;
  /** How long `stop` waits for attempts under way before it breaks them off. */
  stopGraceMs: number;
  /** How often an endpoint is sent an invalid signature, which it must refuse. */
  probeEveryMs: number;
}

const HOUR_MS = 3600_000;
const DEFAULTS: DispatcherLimits = {
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

/** Rows in memory for an endpoint, of each kind, and for all. */
const WINDOW = 64;
const MAX_IN_MEMORY = 5000;
const CLAIMS = 100;

export interface DispatcherOptions {
  sql: Sql;
  /** Opens sealed keys: core/secret.ts. */
  secret: Buffer;
  config: Pick<Config, "egressAllow" | "webhookLogDays">;
  log: Logger;
  limits?: Partial<DispatcherLimits>;
}

export interface Dispatcher {
  /** Takes nothing more, and resolves when nothing is under way; what was broken off is due at once for others. */
  stop(): Promise<void>;
}

/**
 * Sends the deliveries of outgoing webhooks, at least once each. Any number of processes may run one: an endpoint is
 * leased by one of them at a time, which keeps its order and its limits in memory; no lock is held while an answer is
 * waited for. A process that dies lets its leases lapse, and one that comes late finds its lease gone.
 */
export function startDispatcher(options: DispatcherOptions): Dispatcher {
  const { sql, secret, log } = options;
  const limits = { ...DEFAULTS, ...options.limits };
  const egress = openEgress({ allow: parseNetworks(options.config.egressAllow) });
  const worker = randomUUID();
  const breakOff = new AbortController();
  setMaxListeners(limits.total * 2, breakOff.signal);
  const targets = new Targets(sql, secret);
  const finisher = createFinisher(sql, worker, limits.leaseMs);
  /** Endpoints whose lease this process has. Added by `claim`, removed when the lease is lost or let go. */
  const held = new Map<string, Lanes>();
  /** Floors of endpoints that it has had; cleared when full. */
  const floors = new Map<string, number>();
  /** Deliveries that are being sent or whose outcome is being written. At most `limits.total` and a batch. */
  const underWay = new Set<Promise<void>>();
  let sending = 0;
  let sendingToFailing = 0;
  /** Numbers that deliveries had, and when: for what must be visible by now. */
  let numbers: { at: number; newest: number }[] = [];
  let stopping = false;
  let away = false;
  let wake = () => {};

  async function run(): Promise<void> {
    let renewAt = 0;
    let claimAt = 0;
    let claimPauseMs = limits.pollMs[0];
    while (!stopping) {
      const now = performance.now();
      try {
        if (now >= renewAt) {
          await renew(now);
          renewAt = now + limits.leaseMs / 3;
        }
        if (now >= claimAt) {
          const claimed = await claim();
          claimPauseMs = claimed > 0 ? limits.pollMs[0] : Math.min(claimPauseMs * 2, limits.pollMs[1]);
          claimAt = now + claimPauseMs;
        }
        await look();
        away = false;
      } catch (error) {
        if (!away) log.warn({ err: String(error) }, "webhook deliveries can't be read");
        away = true;
        await pause(limits.pollMs[1]);
      }
      for (const lanes of held.values()) send(lanes);
      await pause(nextTurn(Math.min(claimAt, renewAt)) - performance.now());
    }
  }

  const wantsLook = (lanes: Lanes) => lanes.waiting <= WINDOW / 2;

  const nextTurn = (latest: number) =>
    [...held.values()].reduce((next, lanes) => (wantsLook(lanes) ? Math.min(next, lanes.lookAt) : next), latest);

  async function renew(now: number): Promise<void> {
    const still = new Map<string, string>();
    if (held.size > 0) {
      for (const { endpoint_id, fence } of await renewLeases(sql, worker, [...held.keys()], limits.leaseMs)) {
        still.set(endpoint_id, fence);
      }
    }
    for (const [id, lanes] of held) {
      if (still.get(id) === lanes.lease.fence) lanes.heldUntil = now + limits.leaseMs;
      else held.delete(id);
    }
  }

  async function claim(): Promise<number> {
    const limit = Math.min(CLAIMS, limits.total - sending);
    if (limit <= 0) return 0;
    const now = performance.now();
    const leases = await claimEndpoints(sql, { worker, leaseMs: limits.leaseMs, limit, floors });
    for (const lease of leases) {
      const lanes = new Lanes(lease, new Breaker(limits.breaker), now + limits.leaseMs);
      lanes.pauseMs = limits.pollMs[0];
      held.set(lease.endpoint_id, lanes);
    }
    return leases.length;
  }

  /** Reads what waits at endpoints that have room, and lets go of those that have long had nothing. */
  async function look(): Promise<void> {
    const now = performance.now();
    const settledBelow = await settledNumber(now);
    const inMemory = [...held.values()].reduce((sum, lanes) => sum + lanes.known.size, 0);
    let budget = MAX_IN_MEMORY - inMemory;
    const turn = [...held.values()].filter((lanes) => wantsLook(lanes) && lanes.lookAt <= now);
    for (const lanes of turn) if (lanes.breaker.allows(now, 1) === 0) await settleOverdue(lanes, now);
    const due = turn.filter((lanes) => lanes.breaker.allows(now, 1) > 0);
    const looks = due.flatMap((lanes) => {
      const { first, due: others } = lanes.room(Math.min(WINDOW, Math.max(0, budget)));
      if (first + others === 0) return [];
      budget -= first + others;
      return [{ lanes, endpointId: lanes.lease.endpoint_id, floor: lanes.floor, first, due: others }];
    });
    if (looks.length === 0) return;
    const known = looks.flatMap(({ lanes }) => [...lanes.known]);
    const blocked = looks.flatMap(({ lanes }) => lanes.blockedGuilds(now));
    const rows = await readQueue(sql, looks, known, blocked);
    const byEndpoint = new Map<string, QueuedDelivery[]>(looks.map(({ endpointId }) => [endpointId, []]));
    for (const row of rows) byEndpoint.get(row.endpoint_id)?.push(row);
    for (const { lanes, endpointId, first, due: others } of looks) {
      const found = byEndpoint.get(endpointId) ?? [];
      lanes.add(found, now);
      const firstFound = found.filter(({ state }) => state === "first").length;
      const whole = firstFound < first;
      if (whole) lanes.looked(settledBelow);
      const more = !whole || (others > 0 && found.length - firstFound >= others);
      lanes.pauseMs = found.length > 0 ? limits.pollMs[0] : Math.min(lanes.pauseMs * 2, limits.pollMs[1]);
      lanes.lookAt = more ? now : now + lanes.pauseMs;
      if (found.length > 0 || lanes.known.size > 0) lanes.emptySince = null;
      else lanes.emptySince ??= now;
      if (lanes.blockedGuilds(now).length > 0) await settleOverdue(lanes, now);
    }
    await letGo(
      [...held.values()].filter((lanes) => lanes.emptySince !== null && now - lanes.emptySince > limits.idleMs),
    );
  }

  /** Below this, all deliveries that there are can be seen. */
  async function settledNumber(now: number): Promise<number> {
    if (now - (numbers.at(-1)?.at ?? 0) >= limits.pollMs[1])
      numbers.push({ at: now, newest: await newestDelivery(sql) });
    const old = numbers.filter(({ at }) => at <= now - limits.settledAfterMs);
    numbers = numbers.slice(Math.max(0, old.length - 1));
    return old.at(-1)?.newest ?? 0;
  }

  /** While nothing can be sent, what gets too old must be given up all the same. */
  async function settleOverdue(lanes: Lanes, now: number): Promise<void> {
    lanes.lookAt = Math.min(now + limits.pollMs[1], Math.max(now, lanes.breaker.openUntil ?? Number.POSITIVE_INFINITY));
    if (now < lanes.settleAt) return;
    lanes.settleAt = now + Math.min(60_000, limits.maxAgeMs / 10);
    const why = {
      state: "dead",
      reason: "the endpoint has not answered in time",
      olderThanMs: limits.maxAgeMs,
    } as const;
    const settled = await settleUnsent(sql, { ...lanes.lease, worker }, why);
    if (settled > 0) await exhausted(lanes);
  }

  async function letGo(idle: readonly Lanes[]): Promise<void> {
    if (idle.length === 0) return;
    if (floors.size > 10_000) floors.clear();
    for (const { lease, floor } of idle) {
      held.delete(lease.endpoint_id);
      floors.set(lease.endpoint_id, floor);
    }
    await releaseLeases(
      sql,
      worker,
      idle.map(({ lease }) => lease.endpoint_id),
    );
  }

  /** Sends what an endpoint may be sent now. */
  function send(lanes: Lanes): void {
    while (!stopping && sending < limits.total) {
      const { failing } = lanes.breaker;
      if (failing && sendingToFailing >= limits.total / 2) return;
      const row = lanes.next(performance.now(), limits.perEndpoint);
      if (row === undefined) return;
      sending += 1;
      if (failing) sendingToFailing += 1;
      const answered = () => {
        const wasFull = sending >= limits.total || sendingToFailing >= limits.total / 2;
        sending -= 1;
        if (failing) sendingToFailing -= 1;
        lanes.ended(row);
        if (wasFull) for (const other of held.values()) send(other);
        else send(lanes);
        if (wantsLook(lanes) && lanes.lookAt <= performance.now()) wake();
      };
      const done = deliver(lanes, row, answered)
        .catch((error) => log.warn({ err: String(error), delivery: row.id }, "webhook delivery left to its lease"))
        .finally(() => {
          lanes.forget(row);
          underWay.delete(done);
        });
      underWay.add(done);
    }
  }

  /** @param answered is called once, as soon as the next may be sent */
  async function deliver(lanes: Lanes, row: QueuedDelivery, answered: () => void): Promise<void> {
    let target: Target | undefined;
    let outcome: Outcome | undefined;
    try {
      target = await targets.of(row);
      outcome = target === undefined ? undefined : await decide(row, target);
      if (outcome !== undefined) judge(lanes, row, outcome);
      // Before the next is sent, and before the row is finished: should this process die between the two, the URL is
      // asked again and says so again.
      if (outcome?.attempt?.status === 410 && target?.url) {
        await disable(row.endpoint_id, target.url, "The URL answered 410 Gone.");
      }
    } finally {
      answered();
    }
    if (outcome === undefined || target === undefined) return;
    const kept = await finisher.finish({ lease: lanes.lease, delivery: row, outcome });
    const seen = { delivery: row.id, endpoint: row.endpoint_id, attempt: row.attempts + 1 };
    if (!kept) log.info(seen, "webhook delivery finished after its lease: the result is not written");
    else log.debug({ ...seen, state: outcome.state, status: outcome.attempt?.status }, "webhook delivery");
    await noteHealth(lanes, outcome, target);
  }

  async function decide(row: QueuedDelivery, target: Target): Promise<Outcome | undefined> {
    const { data } = row;
    if (data === null) return { state: "dead", error: "the event is no longer kept", attempt: null };
    const reason = reasonToDrop(row, target, Date.now());
    if (reason !== undefined || target.url === null) {
      // What a URL missed that the platform switched off can be replayed.
      const state = target.status === 3 ? "dead" : "dropped";
      return { state, error: reason ?? "the endpoint has no URL", attempt: null };
    }
    if (row.age_ms > limits.maxAgeMs && row.state !== "replay") {
      return { state: "dead", error: "the endpoint has not answered in time", attempt: null };
    }
    // Another process may have the right secret.
    if (target.keys === null) return unsignable(retryDelayMs(limits.retryDelaysMs, row.attempts + 1));
    const { timeoutMs, retryDelaysMs } = limits;
    const manual = row.state === "replay";
    const inPlace = target.strictOrder && row.state === "first";
    const body = eventPayload({ ...row, data }, target);
    const sendable = { id: row.id, url: target.url, keys: target.keys, body, attempts: row.attempts, manual, inPlace };
    return attempt(sendable, { egress, timeoutMs, retryDelaysMs, signal: breakOff.signal });
  }

  /** What follows for those that wait, before the next is sent. */
  function judge(lanes: Lanes, row: QueuedDelivery, outcome: Outcome): void {
    const now = performance.now();
    if (outcome.state === "pending" && outcome.inPlace) lanes.block(row, now + outcome.retryInMs);
    if (outcome.attempt === null) return;
    if (!lanes.breaker.record(outcome.state === "delivered", now)) return;
    const { openUntil } = lanes.breaker;
    if (openUntil !== null) {
      lanes.letWait();
      lanes.lookAt = now;
    }
    const { endpoint_id: id } = lanes.lease;
    notePause(sql, id, openUntil === null ? null : openUntil - now).catch((error) =>
      log.warn({ err: String(error), endpoint: id }, "the state of an endpoint could not be written"),
    );
  }

  async function noteHealth(lanes: Lanes, outcome: Outcome, target: Target): Promise<void> {
    if (outcome.attempt === null) return;
    const failed = outcome.state !== "delivered";
    if (failed !== target.failing) await noteFailing(sql, lanes.lease.endpoint_id, failed);
    if (outcome.state === "dead") await exhausted(lanes, target.url);
  }

  /** A delivery was given up: after days of nothing else the endpoint is switched off. */
  async function exhausted(lanes: Lanes, knownUrl?: string | null): Promise<void> {
    const { endpoint_id: id } = lanes.lease;
    if (!(await hasFailedForDays(sql, id, limits.disableAfterMs))) return;
    const place = { endpoint_id: id, server_id: "0", channel_id: null, loadedAt: performance.now() };
    const url = knownUrl ?? (await targets.of(place))?.url ?? null;
    if (url === null) return;
    const days = Math.round(limits.disableAfterMs / (24 * HOUR_MS));
    await disable(id, url, `Nothing could be delivered for ${days} days.`);
  }

  async function disable(endpointId: string, url: string, reason: string): Promise<void> {
    await disableEndpoint(sql, endpointId, url, reason);
    targets.forget(endpointId);
    log.info({ endpoint: endpointId, reason }, "an endpoint of outgoing webhooks was disabled");
  }

  function pause(ms: number): Promise<void> {
    if (ms <= 0) return new Promise((resolve) => setImmediate(resolve));
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
      if (stopping) wake();
    });
  }

  const stopUpkeep = startUpkeep({
    sql,
    egress,
    targets,
    log,
    keepDays: options.config.webhookLogDays,
    probeEveryMs: limits.probeEveryMs,
  });
  const loop = run();
  return {
    stop: async () => {
      stopping = true;
      wake();
      await stopUpkeep();
      await loop;
      const timer = setTimeout(() => breakOff.abort(), limits.stopGraceMs);
      await Promise.all(underWay);
      clearTimeout(timer);
      await finisher.idle();
      await releaseLeases(sql, worker, [...held.keys()]).catch(() => {});
      await egress.close();
    },
  };
}
