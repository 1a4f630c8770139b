import type { Connection } from "./session.ts";

/**
 * Sockets that have shown no token yet, by address, so that one address can't take all of a node's. Added when a
 * socket opens, removed when it sends IDENTIFY or RESUME, added again when that gave it no session.
 */
export class Unidentified {
  readonly #max: number;
  /** Never zero: bounded by the open sockets. */
  readonly #counts = new Map<string, number>();

  constructor(max: number) {
    this.#max = max;
  }

  isFull(address: string): boolean {
    return (this.#counts.get(address) ?? 0) >= this.#max;
  }

  add(connection: Connection): void {
    if (connection.unidentified) return;
    connection.unidentified = true;
    this.#counts.set(connection.address, (this.#counts.get(connection.address) ?? 0) + 1);
  }

  remove(connection: Connection): void {
    if (!connection.unidentified) return;
    connection.unidentified = false;
    const left = (this.#counts.get(connection.address) ?? 0) - 1;
    if (left > 0) this.#counts.set(connection.address, left);
    else this.#counts.delete(connection.address);
  }
}
