import type { Sql } from "../../core/db.ts";
import { Breaker } from "./breaker.ts";
import { Lanes } from "./lanes.ts";
import type { DispatcherLimits } from "./limits.ts";
import { claimEndpoints, releaseLeases, renewLeases } from "./queue.ts";

/** Leases that are taken at once. Who is busy leaves more to others. */
const CLAIMS = { most: 100, fewest: 10 };
const MAX_FLOORS = 10_000;

/** The endpoints whose lease this process has, with what it has to send to each. */
export class Held {
  readonly #sql: Sql;
  readonly #worker: string;
  readonly #limits: DispatcherLimits;
  /** Added by `claim`, removed when the lease is lost or let go. */
  readonly #lanes = new Map<string, Lanes>();
  /** Floors of endpoints that this process has had; cleared when full. */
  readonly #floors = new Map<string, number>();

  constructor(sql: Sql, worker: string, limits: DispatcherLimits) {
    this.#sql = sql;
    this.#worker = worker;
    this.#limits = limits;
  }

  get size(): number {
    return this.#lanes.size;
  }

  all(): Lanes[] {
    return [...this.#lanes.values()];
  }

  /** Endpoints that are held no longer are given up: others may have them. */
  async renew(): Promise<void> {
    const { leaseMs } = this.#limits;
    const now = performance.now();
    const ids = [...this.#lanes.keys()];
    const still = ids.length === 0 ? [] : await renewLeases(this.#sql, this.#worker, ids, leaseMs);
    const fences = new Map(still.map(({ endpoint_id, fence }) => [endpoint_id, fence]));
    for (const [id, lanes] of this.#lanes) {
      if (fences.get(id) === lanes.lease.fence) lanes.heldUntil = now + leaseMs;
      else this.#lanes.delete(id);
    }
  }

  /** Takes endpoints that have something due and that nobody has. @param places that are free @returns how many */
  async claim(places: number): Promise<number> {
    const { leaseMs, breaker, pollMs } = this.#limits;
    const now = performance.now();
    const limit = Math.max(CLAIMS.fewest, Math.min(CLAIMS.most, places));
    const claim = { worker: this.#worker, leaseMs, limit, floors: this.#floors };
    const leases = await claimEndpoints(this.#sql, claim);
    for (const lease of leases) {
      const lanes = new Lanes(lease, new Breaker(breaker), now + leaseMs);
      [lanes.pauseMs] = pollMs;
      this.#lanes.set(lease.endpoint_id, lanes);
    }
    return leases.length;
  }

  /** Postgres was away: if it crashed, outcomes of its last moments are undone, also below the floors. */
  forgetFloors(): void {
    this.#floors.clear();
    for (const lanes of this.#lanes.values()) lanes.floor = 0;
  }

  async letGo(idle: readonly Lanes[]): Promise<void> {
    if (idle.length === 0) return;
    if (this.#floors.size > MAX_FLOORS) this.#floors.clear();
    for (const { lease, floor } of idle) {
      this.#lanes.delete(lease.endpoint_id);
      this.#floors.set(lease.endpoint_id, floor);
    }
    const ids = idle.map(({ lease }) => lease.endpoint_id);
    await releaseLeases(this.#sql, this.#worker, ids);
  }
}
