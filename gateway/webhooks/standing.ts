import type { Sql } from "../../core/db.ts";
import type { Logger } from "../../core/log.ts";
import type { Outcome } from "./finish.ts";
import { disableEndpoint, hasFailedForDays, noteFailing, notePause } from "./health.ts";
import type { Lanes } from "./lanes.ts";
import type { DispatcherLimits } from "./limits.ts";
import type { QueuedDelivery } from "./queue.ts";
import type { Target, Targets } from "./targets.ts";

const DAY_MS = 24 * 3600_000;

export interface StandingOptions {
  sql: Sql;
  targets: Targets;
  log: Logger;
  limits: DispatcherLimits;
}

/** What outcomes mean for the endpoint that they were at: whether it pauses, counts as failing, or is switched off. */
export class Standing {
  readonly #of: StandingOptions;

  constructor(of: StandingOptions) {
    this.#of = of;
  }

  /** What follows for those that wait, before the next is sent. */
  judge(lanes: Lanes, row: QueuedDelivery, outcome: Outcome): void {
    const { sql, log } = this.#of;
    const now = performance.now();
    if (outcome.state === "pending" && outcome.inPlace) lanes.block(row, now + outcome.retryInMs);
    if (outcome.attempt === null) return;
    lanes.latencyMs = outcome.attempt.latencyMs;
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

  /** After the outcome is written. */
  async note(lanes: Lanes, outcome: Outcome, target: Target): Promise<void> {
    if (outcome.attempt === null) return;
    const failed = outcome.state !== "delivered";
    if (failed !== target.failing) await noteFailing(this.#of.sql, lanes.lease.endpoint_id, failed);
    if (outcome.state === "dead") await this.exhausted(lanes, target.url);
  }

  /** A delivery was given up: after days of nothing else the endpoint is switched off. */
  async exhausted(lanes: Lanes, knownUrl?: string | null): Promise<void> {
    const { sql, targets, limits } = this.#of;
    const { endpoint_id: id } = lanes.lease;
    if (!(await hasFailedForDays(sql, id, limits.disableAfterMs))) return;
    const place = { endpoint_id: id, server_id: "0", channel_id: null, loadedAt: performance.now() };
    const url = knownUrl ?? (await targets.of(place))?.url ?? null;
    if (url === null) return;
    await this.disable(id, url, `Nothing could be delivered for ${Math.round(limits.disableAfterMs / DAY_MS)} days.`);
  }

  async disable(endpointId: string, url: string, reason: string): Promise<void> {
    const { sql, targets, log } = this.#of;
    await disableEndpoint(sql, endpointId, url, reason);
    targets.forget(endpointId);
    log.info({ endpoint: endpointId, reason }, "an endpoint of outgoing webhooks was disabled");
  }
}
