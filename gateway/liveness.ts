import { randomUUID } from "node:crypto";
import { beat, forgetNode, sayGoodbye } from "../core/node-liveness.ts";
import { sessionsOn } from "../core/presence-store.ts";
import type { GatewayNode } from "./node.ts";
import { endDue, endSessionsOf, reappear, saveUnsaved } from "./presence.ts";

/** Sessions of a dead node that are ended at a time. */
const BATCH = 200;

/**
 * Keeps a node known as alive, and ends the sessions of nodes that are not. A beat takes place three times within the
 * time after which a node counts as dead.
 */
export class Liveness {
  readonly #node: GatewayNode;
  readonly #timeoutMs: number;
  #timer: NodeJS.Timeout | undefined;
  /** Since when this node has beaten without a gap; null until then. */
  #steadySince: number | null = null;
  /** The names under which others took this node for dead, while its sessions have not all appeared anew. */
  readonly #former = new Set<string>();
  #lastBeatAt = 0;
  #beating = false;
  #sweeping = new Set<string>();

  constructor(node: GatewayNode) {
    this.#node = node;
    this.#timeoutMs = node.config.nodeTimeoutSeconds * 1000;
  }

  /** The first beat, before the first session; then what falls due, once a second. */
  async start(): Promise<void> {
    await this.#beat(true);
    this.#timer = setInterval(() => this.#turn(), 1000);
  }

  /** The sessions of a node that stops are left to those that resume them, for as long as a dropped one is. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    const graceMs = this.#node.config.presenceGraceSeconds * 1000;
    await sayGoodbye(this.#node.redis, this.#node.registration, this.#timeoutMs, graceMs).catch(() => {});
  }

  #turn(): void {
    saveUnsaved(this.#node);
    void endDue(this.#node);
    if (this.#beating || Date.now() - this.#lastBeatAt < this.#timeoutMs / 3 - 500) return;
    this.#beat(false).catch((error) => this.#node.log.debug({ err: String(error) }, "no beat"));
  }

  async #beat(first: boolean): Promise<void> {
    this.#beating = true;
    try {
      const now = Date.now();
      if (this.#steadySince === null || now - this.#lastBeatAt > this.#timeoutMs / 2) this.#steadySince = now;
      // After Redis was away, or this process stopped, the others must have had the time to beat again.
      const maySweep = now - this.#steadySince >= this.#timeoutMs;
      const options = { timeoutMs: this.#timeoutMs, first, maySweep };
      const { known, dead } = await beat(this.#node.redis, this.#node.registration, options);
      this.#lastBeatAt = now;
      if (!known) await this.#takeNewName();
      for (const former of this.#former) {
        await reappear(this.#node, former);
        this.#former.delete(former);
      }
      for (const each of dead) void this.#sweep(each);
    } catch (error) {
      this.#steadySince = null;
      throw error;
    } finally {
      this.#beating = false;
    }
  }

  /** Under a new name, so that what the others still do to the old one does no harm. */
  async #takeNewName(): Promise<void> {
    const { redis, log } = this.#node;
    log.warn("others have taken this node for dead");
    const name = randomUUID();
    await beat(redis, name, { timeoutMs: this.#timeoutMs, first: true, maySweep: false });
    this.#former.add(this.#node.registration);
    this.#node.registration = name;
  }

  async #sweep(dead: string): Promise<void> {
    if (this.#sweeping.has(dead)) return;
    this.#sweeping.add(dead);
    const { redis, log } = this.#node;
    try {
      for (let sessions = await sessionsOn(redis, dead, BATCH); sessions.length > 0; ) {
        await endSessionsOf(this.#node, dead, sessions);
        sessions = await sessionsOn(redis, dead, BATCH);
      }
      await forgetNode(redis, dead);
      log.info({ dead }, "ended the sessions of a node that is gone");
    } catch (error) {
      // It stays among the dead: whoever finds it there next goes on.
      log.warn({ err: String(error), dead }, "could not end the sessions of a node that is gone");
    } finally {
      this.#sweeping.delete(dead);
    }
  }
}
