import type { Breaker } from "./breaker.ts";
import type { Lease, QueuedDelivery } from "./queue.ts";

/** An order of a guild that a failed delivery holds up, at endpoints that asked for that. */
interface Block {
  /** The delivery that failed. */
  id: string;
  /** performance.now() of when it is tried again. */
  until: number;
}

/**
 * What one endpoint has to send, in the memory of the dispatcher that holds its lease. First attempts go out one after
 * the other for each guild, in the order of the events; guilds don't wait for each other. Retries go beside them.
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
  #first: QueuedDelivery[] = [];
  #due: QueuedDelivery[] = [];
  /** Guilds whose first attempt is under way. */
  readonly #busy = new Set<string>();
  readonly #blocked = new Map<string, Block>();
  /** Ids that are here in any form, until their outcome is written. */
  readonly #known = new Set<string>();
  #underWay = 0;
  #retriesUnderWay = 0;

  constructor(lease: Lease, breaker: Breaker, heldUntil: number) {
    this.lease = lease;
    this.breaker = breaker;
    this.heldUntil = heldUntil;
  }

  get known(): ReadonlySet<string> {
    return this.#known;
  }

  get underWay(): number {
    return this.#underWay;
  }

  get waiting(): number {
    return this.#first.length + this.#due.length;
  }

  /** Rows there is room for. */
  room(most: number): { first: number; due: number } {
    return { first: Math.max(0, most - this.#first.length), due: Math.max(0, most - this.#due.length) };
  }

  /** Guilds that wait, in the form that the queue is asked with. None goes on before its failure is written. */
  blockedGuilds(now: number): string[] {
    for (const [guildId, { id, until }] of this.#blocked) {
      if (until <= now && !this.#known.has(id)) this.#blocked.delete(guildId);
    }
    return [...this.#blocked.keys()].map((guildId) => `${this.lease.endpoint_id}:${guildId}`);
  }

  /** Takes rows that were read; of one that must wait in its place, all of its guild wait. */
  add(rows: readonly QueuedDelivery[], now: number): void {
    for (const row of rows) {
      if (this.#known.has(row.id) || this.#blocked.has(row.server_id)) continue;
      if (row.state !== "first") this.#due.push(row);
      else if (row.due_in_ms > 0) {
        this.block(row, now + row.due_in_ms);
        continue;
      } else this.#first.push(row);
      this.#known.add(row.id);
    }
    // One that became visible late is not left to the end.
    this.#first.sort((a, b) => Number(a.id) - Number(b.id));
  }

  /**
   * A look has read all that there is, and everything below `settledBelow` can be seen by now: what is not known from
   * here on does not exist below the lowest that is.
   */
  looked(settledBelow: number): void {
    const held = [...this.#known, ...[...this.#blocked.values()].map(({ id }) => id)].map(Number);
    this.floor = Math.max(this.floor, Math.min(settledBelow, ...held));
  }

  /** The next to send, now under way; undefined when nothing may be sent. @param most at once */
  next(now: number, most: number): QueuedDelivery | undefined {
    const allowed = this.breaker.allows(now, most);
    if (this.#underWay >= allowed || now >= this.heldUntil) return undefined;
    const retriesWait = this.#due.length > 0;
    // Half of the places are for first attempts, which retries must not hold up.
    const mayRetry = this.#first.length === 0 || this.#retriesUnderWay < Math.ceil(allowed / 2);
    const at = this.#first.findIndex((row) => !this.#busy.has(row.server_id));
    const first = at === -1 ? undefined : this.#first[at];
    const retryFirst = retriesWait && mayRetry && (first === undefined || this.#retriesUnderWay === 0);
    const row = retryFirst ? this.#due.shift() : first;
    if (row === undefined) return undefined;
    this.#underWay += 1;
    if (row.state === "first") {
      this.#first.splice(at, 1);
      this.#busy.add(row.server_id);
    } else this.#retriesUnderWay += 1;
    return row;
  }

  /** The answer has come, or there was none: the next of its guild may go. */
  ended(row: QueuedDelivery): void {
    this.#underWay -= 1;
    if (row.state === "first") this.#busy.delete(row.server_id);
    else this.#retriesUnderWay -= 1;
  }

  /** Its outcome is written: a look may find it again if it is still due. */
  forget(row: QueuedDelivery): void {
    this.#known.delete(row.id);
  }

  /** Nothing is sent for a while: what has not been sent is read again then. */
  letWait(): void {
    for (const row of [...this.#first, ...this.#due]) this.#known.delete(row.id);
    this.#first = [];
    this.#due = [];
  }

  /** Those behind it wait; they are read again when it is tried. */
  block(row: QueuedDelivery, until: number): void {
    this.#blocked.set(row.server_id, { id: row.id, until });
    for (const other of this.#first) if (other.server_id === row.server_id) this.#known.delete(other.id);
    this.#first = this.#first.filter((other) => other.server_id !== row.server_id);
    this.lookAt = Math.min(this.lookAt, until);
  }
}
