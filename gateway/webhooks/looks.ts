import type { Sql } from "../../core/db.ts";
import type { Logger } from "../../core/log.ts";
import type { Held } from "./held.ts";
import type { Lanes } from "./lanes.ts";
import type { DispatcherLimits } from "./limits.ts";
import { type Progress, type QueuedDelivery, readProgress, readQueue, settleUnsent } from "./queue.ts";
import type { Targets } from "./targets.ts";

/** Rows in memory for an endpoint, of each kind; fewer when many endpoints have to share what there is for all. */
const WINDOW = { most: 64, fewest: 4 };
const MAX_IN_MEMORY = 5000;
/** Of how long nothing could be sent: why what is too old is given up. */
const NOT_IN_TIME = { state: "dead", reason: "the endpoint has not answered in time" } as const;

export interface Looking {
  sql: Sql;
  worker: string;
  limits: DispatcherLimits;
  held: Held;
  targets: Targets;
  log: Logger;
  /** Deliveries to an endpoint were given up. */
  exhausted(lanes: Lanes): Promise<void>;
}

/** Reads what waits at the endpoints that are held. */
export class Looks {
  readonly #of: Looking;
  /** How far writers had come, and when: for what must be visible by now. */
  #progress: (Progress & { at: number })[] = [];
  #settling: Promise<void> | undefined;

  constructor(of: Looking) {
    this.#of = of;
  }

  /** performance.now() of the next look, if that comes before `latest`. */
  nextAt(latest: number): number {
    let next = latest;
    for (const lanes of this.#of.held.all()) if (this.#hasRoom(lanes)) next = Math.min(next, lanes.lookAt);
    return next;
  }

  /** Whether an endpoint should be looked at, now that something was sent. */
  isDue(lanes: Lanes, now: number): boolean {
    return lanes.lookAt <= now && this.#hasRoom(lanes);
  }

  #window(): number {
    const share = Math.floor(MAX_IN_MEMORY / Math.max(1, this.#of.held.size));
    return Math.max(WINDOW.fewest, Math.min(WINDOW.most, share));
  }

  #hasRoom(lanes: Lanes): boolean {
    return !lanes.leaving && lanes.waiting <= this.#window() / 2;
  }

  /** Reads for endpoints that have room, and lets go of those that have long had nothing or that others shall have. */
  async look(): Promise<void> {
    const { sql, held, targets, limits } = this.#of;
    const now = performance.now();
    const settledBelow = await this.#settledNumber(now);
    const overdue: Lanes[] = [];
    const looks = held.all().flatMap((lanes) => {
      if (!this.isDue(lanes, now)) return [];
      if (lanes.breaker.allows(now, 1) === 0) {
        lanes.lookAt = Math.min(now + limits.pollMs[1], lanes.breaker.openUntil ?? now);
        overdue.push(lanes);
        return [];
      }
      const look = lanes.look(now, this.#window());
      if (look === undefined) return [];
      if (look.blocked.length > 0) overdue.push(lanes);
      return [{ lanes, look, found: [] as QueuedDelivery[] }];
    });
    this.#giveUpOverdue(overdue, now);
    if (looks.length > 0) {
      const byEndpoint = new Map(looks.map(({ look, found }) => [look.endpointId, found]));
      const rows = await readQueue(
        sql,
        looks.map(({ look }) => look),
      );
      for (const row of rows) {
        byEndpoint.get(row.endpoint_id)?.push(row);
        // Read for all of them at once, and there when the first is sent. Who sends it hears of a failure.
        void targets.of(row.place);
      }
      for (const { lanes, look, found } of looks) {
        lanes.add(found, now);
        const firstFound = found.filter(({ state }) => state === "first").length;
        const whole = firstFound < look.first;
        lanes.looked(look, whole, settledBelow);
        const more = !whole || (look.due > 0 && found.length - firstFound >= look.due);
        lanes.pauseMs = found.length > 0 ? limits.pollMs[0] : Math.min(lanes.pauseMs * 2, limits.pollMs[1]);
        lanes.lookAt = more ? now : now + lanes.pauseMs;
        if (found.length > 0 || !lanes.empty) lanes.emptySince = null;
        else lanes.emptySince ??= now;
      }
    }
    const isDone = ({ leaving, empty, emptySince }: Lanes) =>
      leaving ? empty : emptySince !== null && now - emptySince > limits.idleMs;
    await held.letGo(held.all().filter(isDone));
  }

  /**
   * Below this, all deliveries that there are can be seen: who may have taken a number has ended, or has had more than
   * the time there is for it. A writer takes a delivery's number in the same moment as its own, so at the next look it
   * had both.
   */
  async #settledNumber(now: number): Promise<number> {
    const { sql, limits } = this.#of;
    if (now - (this.#progress.at(-1)?.at ?? 0) >= limits.pollMs[1])
      this.#progress.push({ at: now, ...(await readProgress(sql)) });
    const oldestWriter = this.#progress.at(-1)?.oldestWriter ?? 0;
    const settled = this.#progress.findLastIndex(({ at }, i) => {
      const next = this.#progress[i + 1];
      return at <= now - limits.settledAfterMs || (next !== undefined && next.nextWriter <= oldestWriter);
    });
    this.#progress = this.#progress.slice(Math.max(0, settled));
    return settled < 0 ? 0 : (this.#progress[0]?.newest ?? 0);
  }

  /** While nothing can be sent, what gets too old must be given up all the same. Nobody else waits for that. */
  #giveUpOverdue(all: readonly Lanes[], now: number): void {
    const { limits, log } = this.#of;
    const lanes = all.filter(({ settleAt }) => settleAt <= now);
    if (lanes.length === 0 || this.#settling !== undefined) return;
    for (const each of lanes) each.settleAt = now + Math.min(60_000, limits.maxAgeMs / 10);
    this.#settling = this.#giveUp(lanes)
      .catch((error) => log.debug({ err: String(error) }, "what is too old will be given up later"))
      .finally(() => {
        this.#settling = undefined;
      });
  }

  async #giveUp(all: readonly Lanes[]): Promise<void> {
    const { sql, worker, limits, exhausted } = this.#of;
    const leases = all.map(({ lease }) => lease);
    const gone = await settleUnsent(sql, worker, leases, { ...NOT_IN_TIME, olderThanMs: limits.maxAgeMs });
    for (const lanes of all) if (gone.has(lanes.lease.endpoint_id)) await exhausted(lanes);
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    await this.#settling;
  }
}
