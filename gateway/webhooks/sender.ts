import type { Egress } from "../../core/egress.ts";
import type { Logger } from "../../core/log.ts";
import { attempt, unsignable } from "./attempt.ts";
import type { Finisher, Outcome } from "./finish.ts";
import type { Lanes } from "./lanes.ts";
import type { DispatcherLimits } from "./limits.ts";
import { eventPayload, judge } from "./payload.ts";
import { ageMs, type QueuedDelivery } from "./queue.ts";
import { retryDelayMs } from "./retry-schedule.ts";
import type { Standing } from "./standing.ts";
import type { Target, Targets } from "./targets.ts";

/**
 * Of each line, how many are sent in one turn of the event loop, which is the sockets' too: a tenth of a millisecond
 * each. A backlog takes as long as before, and sockets wait for none of it longer than this.
 */
const PER_TURN = 10;

export interface Sending {
  egress: Egress;
  limits: DispatcherLimits;
  targets: Targets;
  finisher: Finisher;
  /** A guild as a bot sees it now, as JSON text; null when it is in none such. */
  guildNow(guildId: string, bot: NonNullable<Target["application"]>): Promise<string | null>;
  standing: Standing;
  log: Logger;
  /** Something was sent: there may be room for more. */
  sent(lanes: Lanes): void;
}

/**
 * Sends what endpoints may be sent. There are `limits.total` places; endpoints take turns at them, one attempt at a
 * time. Those that fail or are slow have a line of their own and half of the places at most, so that they can't hold up
 * the others, and a tenth is theirs.
 */
export class Sender {
  readonly #of: Sending;
  readonly #line = new Set<Lanes>();
  readonly #sickLine = new Set<Lanes>();
  /** Deliveries that are being sent or whose outcome is being written. */
  #underWay = 0;
  #whenIdle: (() => void) | undefined;
  #sending = 0;
  #sendingToSick = 0;
  #turnComes = false;
  #stopping = false;

  constructor(of: Sending) {
    this.#of = of;
  }

  /** Sends what an endpoint may be sent, in the next turns of the event loop, as far as there are places. */
  send(lanes: Lanes): void {
    this.#lineOf(lanes).add(lanes);
    this.#soon();
  }

  #soon(): void {
    if (this.#turnComes) return;
    this.#turnComes = true;
    setImmediate(() => {
      this.#turnComes = false;
      this.#serve(this.#line);
      this.#serve(this.#sickLine);
    });
  }

  /** Places. */
  get free(): number {
    return this.#of.limits.total - this.#sending;
  }

  stop(): void {
    this.#stopping = true;
  }

  /** Resolves when nothing is under way; to be called once, after `stop`. */
  async idle(): Promise<void> {
    if (this.#underWay === 0) return;
    await new Promise<void>((done) => {
      this.#whenIdle = done;
    });
  }

  #lineOf(lanes: Lanes): Set<Lanes> {
    return lanes.sick ? this.#sickLine : this.#line;
  }

  #hasPlace(line: Set<Lanes>): boolean {
    const { total } = this.#of.limits;
    if (this.#stopping || this.#sending >= total) return false;
    if (line === this.#sickLine) return this.#sendingToSick < total / 2;
    return this.#sending - this.#sendingToSick < total - Math.floor(total / 10);
  }

  #serve(line: Set<Lanes>): void {
    let started = 0;
    for (const lanes of line) {
      if (!this.#hasPlace(line)) return;
      if (started === PER_TURN) return this.#soon();
      line.delete(lanes);
      const row = lanes.next(performance.now(), this.#of.limits.perEndpoint);
      if (row === undefined) continue;
      started += 1;
      void this.#start(lanes, row);
      // To the end: this loop comes to it again.
      this.#lineOf(lanes).add(lanes);
    }
  }

  async #start(lanes: Lanes, row: QueuedDelivery): Promise<void> {
    const { sick } = lanes;
    this.#sending += 1;
    if (sick) this.#sendingToSick += 1;
    this.#underWay += 1;
    try {
      await this.#deliver(lanes, row, sick);
    } catch (error) {
      this.#of.log.warn({ err: String(error), delivery: row.id }, "webhook delivery left to its lease");
    }
    lanes.forget(row);
    this.#underWay -= 1;
    if (this.#underWay === 0) this.#whenIdle?.();
  }

  async #deliver(lanes: Lanes, row: QueuedDelivery, sick: boolean): Promise<void> {
    const { targets, standing, finisher, log } = this.#of;
    let target: Target | undefined;
    let outcome: Outcome | undefined;
    try {
      target = await targets.of(row.place);
      const left = row.left_channel_id;
      const before = left === null ? undefined : await targets.of({ ...row.place, channel_id: left });
      outcome = target === undefined ? undefined : await this.#decide(row, target, before);
      if (outcome !== undefined) standing.judge(lanes, row, outcome);
      // Before the next is sent, and before the row is finished: should this process die between the two, the URL is
      // asked again and says so again.
      if (outcome?.attempt?.status === 410 && target?.url) {
        await standing.disable(row.endpoint_id, target.url, "The URL answered 410 Gone.");
      }
    } catch (error) {
      // Postgres is away. What waits behind it must not go before it: all of them are read again.
      lanes.block(row, performance.now() + this.#of.limits.pollMs[0]);
      throw error;
    } finally {
      this.#sending -= 1;
      if (sick) this.#sendingToSick -= 1;
      lanes.ended(row);
      this.send(lanes);
      this.#of.sent(lanes);
    }
    if (outcome === undefined || target === undefined) return;
    const kept = await finisher.finish({ lease: lanes.lease, delivery: row, outcome });
    const { id: delivery, endpoint_id: endpoint, attempts } = row;
    const { state } = outcome;
    if (kept) log.debug({ delivery, endpoint, attempt: attempts + 1, state }, "webhook delivery");
    else log.info({ delivery, endpoint }, "webhook delivery finished after its lease: the result is not written");
    await standing.note(lanes, outcome, target);
  }

  #decide(row: QueuedDelivery, target: Target, left: Target | undefined): Outcome | Promise<Outcome | undefined> {
    const { egress, limits } = this.#of;
    if (row.data === null) return { state: "dead", error: "the event is no longer kept", attempt: null };
    const verdict = judge(row, row.data, target, left, Date.now());
    if ("reason" in verdict || target.url === null) {
      // What a URL missed that the platform switched off can be replayed.
      const state = target.status === 3 ? "dead" : "dropped";
      return { state, error: "reason" in verdict ? verdict.reason : "the endpoint has no URL", attempt: null };
    }
    if (ageMs(row) > limits.maxAgeMs && row.state !== "replay") {
      return { state: "dead", error: "the endpoint has not answered in time", attempt: null };
    }
    // Another process may have the right secret.
    if (target.keys === null) return unsignable(retryDelayMs(limits.retryDelaysMs, row.attempts + 1));
    const { timeoutMs, retryDelaysMs } = limits;
    const manual = row.state === "replay";
    const inPlace = target.strictOrder && row.state === "first";
    const { url, keys, application } = target;
    const send = (data: string) => {
      const body = eventPayload(row, data, target);
      const sendable = { id: row.id, url, keys, body, attempts: row.attempts, manual, inPlace };
      return attempt(sendable, { egress, timeoutMs, retryDelaysMs });
    };
    if (row.event_type !== "GUILD_CREATE" || application === null) return send(verdict.data);
    return this.#of.guildNow(row.server_id, application).then((data) => (data === null ? undefined : send(data)));
  }
}
