import type { Breaker } from "./breaker.ts";
import type { Lease } from "./leases.ts";
import type { Look, QueuedDelivery } from "./queue.ts";

/** A guild's first attempts, in the order of their events: one is under way at a time. */
interface Lane {
  guildId: string;
  rows: QueuedDelivery[];
  busy: boolean;
  /** Whether it is in the line of those that may send. */
  inLine: boolean;
}

/** An order of a guild that a failed delivery holds up, at endpoints that asked for that. */
interface Block {
  /** The delivery that failed. */
  id: string;
  /** performance.now() of when it is tried again. */
  until: number;
}

/** An endpoint that takes longer to answer counts among the sick. */
const SLOW_MS = 1000;
/** While there is more to read than there is room for, how often is looked for what became visible late. */
const LOOK_BACK_MS = 1000;

/**
 * What one endpoint has to send, in the memory of the dispatcher that holds its lease. First attempts go out one after
 * the other for each guild, in the order of the events; guilds take turns. Retries go beside them.
 */
export class Lanes {
  readonly lease: Lease;
  readonly breaker: Breaker;
  /** performance.now() up to which the lease is sure to be held. */
  heldUntil: number;
  /** Nothing waits below this id, as far as is known: see `looked`. */
  floor = 0;
  /** performance.now() of the next look for more. */
  lookAt = 0;
  /** The look after which it was last found empty began then; null while it is not. */
  emptySince: number | null = null;
  /** performance.now() of the next look for what is too old. */
  settleAt = 0;
  pauseMs = 0;
  /** Of the last attempt. */
  latencyMs = 0;
  /** By guild; one that has nothing and nothing under way is not here. */
  readonly #lanes = new Map<string, Lane>();
  /** Guilds that have something and nothing under way. One that was emptied meanwhile is passed over. */
  #line: Lane[] = [];
  #firstWaiting = 0;
  #due: QueuedDelivery[] = [];
  /** Nothing more is sent: it is let go once what is under way is written. */
  #leaving = false;
  readonly #blocked = new Map<string, Block>();
  /** Ids of those that are here in any form, until their outcome is written. */
  readonly #firsts = new Set<string>();
  readonly #retries = new Set<string>();
  /** The highest id of a first attempt that was read. */
  #readUpTo = 0;
  /** performance.now() of the next look from the floor on. */
  #lookBackAt = 0;
  #underWay = 0;
  #retriesUnderWay = 0;

  constructor(lease: Lease, breaker: Breaker, heldUntil: number) {
    this.lease = lease;
    this.breaker = breaker;
    this.heldUntil = heldUntil;
  }

  get empty(): boolean {
    return this.#firsts.size + this.#retries.size === 0;
  }

  get waiting(): number {
    return this.#firstWaiting + this.#due.length;
  }

  get sick(): boolean {
    return this.breaker.failing || this.latencyMs > SLOW_MS;
  }

  get leaving(): boolean {
    return this.#leaving;
  }

  /** Somebody else goes on with it; what has not been sent is read there. */
  leave(): void {
    this.#leaving = true;
    this.letWait();
  }

  /**
   * What to read, so that at most `most` of each kind wait. Goes on where the last look ended; now and then, and after
   * something was let go, it begins at the floor again. @returns undefined when there is no room
   */
  look(now: number, most: number): Look | undefined {
    const first = Math.max(0, most - this.#firstWaiting);
    const due = Math.max(0, most - this.#due.length);
    if (first + due === 0) return undefined;
    const blocked = this.blockedGuilds(now);
    const back = now >= this.#lookBackAt;
    if (back) this.#lookBackAt = now + LOOK_BACK_MS;
    const from = back ? this.floor : Math.max(this.floor, this.#readUpTo + 1);
    // Behind what was read there is no first attempt that is known.
    const known = back ? [...this.#firsts, ...this.#retries] : [...this.#retries];
    return { endpointId: this.lease.endpoint_id, from, first, due, known, blocked, oldest: this.#oldest() };
  }

  /** Guilds that wait, in the form that the queue is asked with. None goes on before its failure is written. */
  blockedGuilds(now: number): string[] {
    for (const [guildId, { id, until }] of this.#blocked) {
      if (until > now || this.#firsts.has(id)) continue;
      this.#blocked.delete(guildId);
      this.#lookBackAt = 0;
    }
    return [...this.#blocked.keys()].map((guildId) => `${this.lease.endpoint_id}:${guildId}`);
  }

  /** Takes rows that were read; of one that must wait in its place, all of its guild wait. */
  add(rows: readonly QueuedDelivery[], now: number): void {
    for (const row of rows) {
      const { id, state } = row;
      if (state === "first") this.#readUpTo = Math.max(this.#readUpTo, Number(id));
      if (this.#firsts.has(id) || this.#retries.has(id) || this.#blocked.has(row.server_id)) continue;
      if (state !== "first") {
        this.#due.push(row);
        this.#retries.add(id);
      } else if (row.due_in_ms > 0) this.block(row, now + row.due_in_ms);
      else this.#append(row);
    }
  }

  #append(row: QueuedDelivery): void {
    let lane = this.#lanes.get(row.server_id);
    if (lane === undefined) {
      lane = { guildId: row.server_id, rows: [], busy: false, inLine: false };
      this.#lanes.set(row.server_id, lane);
    }
    // One that became visible late is not left to the end.
    const at = lane.rows.findLastIndex(({ id }) => Number(id) < Number(row.id));
    lane.rows.splice(at + 1, 0, row);
    this.#firsts.add(row.id);
    this.#firstWaiting += 1;
    this.#offer(lane);
  }

  #offer(lane: Lane): void {
    if (lane.busy || lane.inLine || lane.rows.length === 0) return;
    lane.inLine = true;
    this.#line.push(lane);
  }

  /**
   * What a look found has been added. Everything below `settledBelow` can be seen by now: of what is neither known now
   * nor was before the look, there is nothing below the lowest that is or was.
   * @param whole whether there was no more
   */
  looked({ from, oldest }: Look, whole: boolean, settledBelow: number): void {
    if (whole) this.#lookBackAt = 0;
    // What waits behind a block was not read.
    if (from !== this.floor || this.#blocked.size > 0) return;
    this.floor = Math.max(this.floor, Math.min(settledBelow, oldest, this.#oldest()));
  }

  #oldest(): number {
    let oldest = Number.POSITIVE_INFINITY;
    for (const id of this.#firsts) oldest = Math.min(oldest, Number(id));
    return oldest;
  }

  /** The next to send, now under way; undefined when nothing may be sent. @param most at once */
  next(now: number, most: number): QueuedDelivery | undefined {
    const allowed = this.breaker.allows(now, most);
    if (this.#leaving || this.#underWay >= allowed || now >= this.heldUntil) return undefined;
    const lane = this.#first();
    // Half of the places are for first attempts, which retries must not hold up.
    const mayRetry = lane === undefined || this.#retriesUnderWay < Math.ceil(allowed / 2);
    if (this.#due.length > 0 && mayRetry && (lane === undefined || this.#retriesUnderWay === 0)) {
      this.#underWay += 1;
      this.#retriesUnderWay += 1;
      return this.#due.shift();
    }
    if (lane === undefined) return undefined;
    this.#line.shift();
    lane.inLine = false;
    lane.busy = true;
    this.#firstWaiting -= 1;
    this.#underWay += 1;
    return lane.rows.shift();
  }

  /** The guild whose turn it is. */
  #first(): Lane | undefined {
    for (;;) {
      const lane = this.#line[0];
      if (lane === undefined || lane.rows.length > 0) return lane;
      lane.inLine = false;
      this.#line.shift();
    }
  }

  /** The answer has come, or there was none: the next of its guild may go. */
  ended(row: QueuedDelivery): void {
    this.#underWay -= 1;
    if (row.state !== "first") {
      this.#retriesUnderWay -= 1;
      return;
    }
    const lane = this.#lanes.get(row.server_id);
    if (lane === undefined) return;
    lane.busy = false;
    this.#offer(lane);
    if (lane.rows.length === 0) this.#lanes.delete(row.server_id);
  }

  /** Its outcome is written, or there is none: a look may find it again if it is still due. */
  forget(row: QueuedDelivery): void {
    this.#retries.delete(row.id);
    this.#firsts.delete(row.id);
  }

  /** Nothing is sent for a while: what has not been sent is read again then. */
  letWait(): void {
    for (const lane of this.#lanes.values()) this.#empty(lane);
    for (const row of this.#due) this.#retries.delete(row.id);
    this.#due = [];
  }

  /** Those behind it wait; they are read again when it is tried. */
  block(row: QueuedDelivery, until: number): void {
    this.#blocked.set(row.server_id, { id: row.id, until });
    const lane = this.#lanes.get(row.server_id);
    if (lane !== undefined) this.#empty(lane);
    this.#lookBackAt = 0;
    this.lookAt = Math.min(this.lookAt, until);
  }

  /** Takes the rows out again, as if they had not been read. */
  #empty(lane: Lane): void {
    for (const row of lane.rows) this.#firsts.delete(row.id);
    this.#firstWaiting -= lane.rows.length;
    lane.rows = [];
    if (!lane.busy) this.#lanes.delete(lane.guildId);
    this.#lookBackAt = 0;
  }
}
