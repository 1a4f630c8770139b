import type { Sql } from "../../core/db.ts";
import { Breaker } from "./breaker.ts";
import { Lanes } from "./lanes.ts";
import { claimEndpoints, forgetDispatcher, releaseLeases, renewLeases, surveyEndpoints } from "./leases.ts";
import type { DispatcherLimits } from "./limits.ts";
import { hasSurplus, isShort, type Spread, shuffled, toGive, toTake } from "./shares.ts";

/** Leases that change hands at once. Who is busy leaves more to others. */
const AT_ONCE = { most: 100, fewest: 10 };
const MAX_FLOORS = 10_000;

/** The endpoints whose lease this process has, with what it has to send to each. */
export class Held {
  readonly #sql: Sql;
  readonly #worker: string;
  readonly #limits: DispatcherLimits;
  /** Added by `share`, removed when the lease is lost or let go. */
  readonly #lanes = new Map<string, Lanes>();
  /** Floors of endpoints that this process has had; cleared when full. */
  readonly #floors = new Map<string, number>();
  /** What the others were told last, and performance.now() of when they have to be told again. */
  #told = { endpoints: 0, until: 0 };
  #others = 0;
  /** Endpoints that nobody had at the last look, with performance.now() of the first at which it was so. */
  #waiting = new Map<string, number>();

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

  /** What counts as this dispatcher's: what is only probed now and then is no work that others could help with. */
  #mine(): Lanes[] {
    return this.all().filter(({ breaker }) => breaker.openUntil === null);
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

  /**
   * Takes its share of the endpoints that have something due and that nobody has, and begins to give up what it has
   * beyond its share when somebody else has too few.
   * @param places that are free
   * @returns whether more may change hands at once
   */
  async share(places: number): Promise<boolean> {
    const limit = Math.max(AT_ONCE.fewest, Math.min(AT_ONCE.most, places));
    const { spread, waiting } = await this.#survey(limit);
    const overlooked = this.#noteWaiting(waiting);
    const count = Math.min(limit, Math.max(toTake(spread), overlooked.length));
    if (count > 0) await this.#claim([...new Set([...overlooked, ...shuffled(waiting)])].slice(0, count));
    if (hasSurplus(spread)) this.#giveUp(spread);
    return waiting.length > 0 || isShort(spread) || hasSurplus(spread);
  }

  async #survey(limit: number): Promise<{ spread: Spread; waiting: string[] }> {
    const { leaseMs } = this.#limits;
    const now = performance.now();
    const mine = this.#mine().length;
    const tells = mine !== this.#told.endpoints || now >= this.#told.until;
    const self = { worker: this.#worker, endpoints: mine };
    const look = { tells, leaseMs, limit: limit * (1 + this.#others), floors: this.#floors };
    const { waiting, ...others } = await surveyEndpoints(this.#sql, self, look);
    if (tells) this.#told = { endpoints: mine, until: now + leaseMs / 3 };
    this.#others = others.others;
    return { spread: { mine, ...others, waiting: waiting.length }, waiting };
  }

  /** @returns those that others, whose share they would be, have left for a while: they may be slow, or have died */
  #noteWaiting(endpointIds: readonly string[]): string[] {
    const now = performance.now();
    this.#waiting = new Map(endpointIds.map((id) => [id, this.#waiting.get(id) ?? now]));
    return endpointIds.filter((id) => now - (this.#waiting.get(id) ?? now) > this.#limits.leaseMs / 30);
  }

  async #claim(endpointIds: readonly string[]): Promise<void> {
    const { leaseMs, breaker, pollMs } = this.#limits;
    const now = performance.now();
    const self = { worker: this.#worker, endpoints: this.#mine().length };
    const leases = await claimEndpoints(this.#sql, self, endpointIds, leaseMs);
    this.#told.endpoints = self.endpoints + leases.length;
    for (const lease of leases) {
      const lanes = new Lanes(lease, new Breaker(breaker), now + leaseMs);
      [lanes.pauseMs] = pollMs;
      this.#lanes.set(lease.endpoint_id, lanes);
    }
  }

  /** Those that have nothing to send at once, of the others some; those that would be long about it last. */
  #giveUp(spread: Spread): void {
    const mine = this.#mine();
    const staying = mine.filter(({ leaving }) => !leaving);
    const idle = staying.filter(({ emptySince }) => emptySince !== null);
    const busy = staying.filter(({ emptySince }) => emptySince === null);
    const count = toGive({ ...spread, mine: spread.mine - idle.length }, mine.length - staying.length);
    const wellFirst = shuffled(busy).sort((a, b) => Number(a.sick) - Number(b.sick));
    for (const lanes of [...idle, ...wellFirst.slice(0, Math.min(count, AT_ONCE.most))]) lanes.leave();
  }

  /** Postgres was away: if it crashed, outcomes of its last moments are undone, also below the floors. */
  forgetFloors(): void {
    this.#floors.clear();
    for (const lanes of this.#lanes.values()) lanes.floor = 0;
  }

  async letGo(some: readonly Lanes[]): Promise<void> {
    if (some.length === 0) return;
    if (this.#floors.size > MAX_FLOORS) this.#floors.clear();
    for (const { lease, floor } of some) {
      this.#lanes.delete(lease.endpoint_id);
      this.#floors.set(lease.endpoint_id, floor);
    }
    const ids = some.map(({ lease }) => lease.endpoint_id);
    const self = { worker: this.#worker, endpoints: this.#mine().length };
    await releaseLeases(this.#sql, self, ids);
    this.#told.endpoints = self.endpoints;
  }

  /** The others share what this dispatcher would have. */
  async leave(): Promise<void> {
    await forgetDispatcher(this.#sql, this.#worker);
  }
}
