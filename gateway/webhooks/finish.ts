import type { Sql } from "../../core/db.ts";
import type { Lease } from "./leases.ts";
import type { QueuedDelivery } from "./queue.ts";

/** What was sent and answered. */
export interface Attempt {
  startedAt: Date;
  latencyMs: number;
  status: number | null;
  error: string | null;
  requestHeaders: Readonly<Record<string, string>>;
  responseHeaders: Readonly<Record<string, string>> | null;
  responseBody: string | null;
}

/**
 * How a delivery stands after this turn. `pending` will be tried again: aside, or `inPlace`, where it holds up those
 * behind it. `dropped` was not sent, so there is no attempt.
 */
export type Outcome = { error: string | null; attempt: Attempt | null } & (
  | { state: "delivered" | "dead" | "dropped" }
  | { state: "pending"; retryInMs: number; inPlace: boolean }
);

interface Finished {
  lease: Lease;
  delivery: QueuedDelivery;
  outcome: Outcome;
}

/** Undefined, and so not in the JSON, where the column is null. */
const toRow = ({ lease, delivery, outcome: { attempt, error, ...outcome } }: Finished) => ({
  id: delivery.id,
  endpoint_id: delivery.endpoint_id,
  fence: lease.fence,
  state: outcome.state,
  replay: delivery.state === "replay",
  attempt: delivery.attempts + (attempt === null ? 0 : 1),
  error: error ?? undefined,
  ...(outcome.state === "pending" && {
    next_state: outcome.inPlace ? "first" : "retry",
    retry_in_ms: outcome.retryInMs,
  }),
  ...(attempt !== null && {
    started_at: attempt.startedAt.toISOString(),
    latency_ms: attempt.latencyMs,
    status: attempt.status ?? undefined,
    request_headers: attempt.requestHeaders,
    response_headers: attempt.responseHeaders ?? undefined,
    response_body: attempt.responseBody ?? undefined,
  }),
});

/**
 * Writes down how deliveries ended, with the log of the attempts, in one statement. What was done under a lease that
 * has passed to somebody else is not written: the fence. It does not wait for the disk: what a crash of Postgres takes
 * back is sent again.
 * @returns the ids of those that were not written
 */
async function finishAll(sql: Sql, worker: string, all: readonly Finished[]): Promise<Set<string>> {
  const refused = await sql<{ id: string }[]>`
    with given as materialized (
      select * from json_to_recordset(${JSON.stringify(all.map(toRow))}::text::json) as d (id bigint, endpoint_id bigint,
        fence bigint, state text, replay boolean, next_state text, retry_in_ms float8, attempt int, error text,
        started_at timestamptz, latency_ms int, status int, request_headers json, response_headers json,
        response_body text)
    ), mine as materialized (
      select d.* from given d
      join event_endpoint_leases l on l.endpoint_id = d.endpoint_id and l.fence = d.fence and l.holder = ${worker}
        and l.held_until > now()
    ), settled as (
      delete from webhook_queue q using mine m where q.id = m.id and m.state <> 'pending'
      returning q.id, q.endpoint_id, q.event_id, q.event_type, q.server_id, q.created_at
    ), again as (
      update webhook_queue q set state = m.next_state, attempts = m.attempt,
        next_attempt_at = now() + m.retry_in_ms * interval '1 ms'
      from mine m where q.id = m.id and m.state = 'pending'
      returning q.id
    ), logged as (
      insert into webhook_deliveries (id, endpoint_id, event_id, event_type, server_id, state, attempts, last_status,
        last_error, created_at)
      select s.id, s.endpoint_id, s.event_id, s.event_type, s.server_id, m.state, m.attempt, m.status, m.error, s.created_at
      from settled s join mine m on m.id = s.id
      on conflict (created_at, id) do update set attempts = excluded.attempts, last_status = excluded.last_status,
        last_error = excluded.last_error, finished_at = now(),
        state = case excluded.state when 'delivered' then 'delivered' else webhook_deliveries.state end
    ), tried as (
      insert into webhook_attempts (delivery_id, endpoint_id, attempt, started_at, latency_ms, status, error, manual,
        request_headers, response_headers, response_body)
      select m.id, m.endpoint_id, m.attempt, m.started_at, m.latency_ms, m.status, m.error, m.replay,
        m.request_headers, m.response_headers, m.response_body
      from mine m where m.started_at is not null
      on conflict do nothing
    ), relaxed as materialized (
      select set_config('synchronous_commit', 'off', true)
    )
    select g.id from given g
    where exists (select 1 from relaxed)
      and not exists (select 1 from settled s where s.id = g.id) and not exists (select 1 from again a where a.id = g.id)`;
  return new Set(refused.map(({ id }) => id));
}

export interface Finisher {
  /** @returns false when the lease was lost, or the row has gone: nothing is written */
  finish(finished: Finished): Promise<boolean>;
  /** Resolves when all that was given is written. */
  idle(): Promise<void>;
}

const BATCH = 200;
/** Few outcomes wait for others, as a statement costs as much as ten: so many don't, nor any for longer. */
const LINGER = { below: 50, ms: 5 };
const RETRY_MS = 200;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Writes outcomes in batches: what ends within moments, or while one statement is under way, goes with the next. */
export function createFinisher(sql: Sql, worker: string, patienceMs: number): Finisher {
  let waiting: { finished: Finished; done: (kept: boolean) => void; until: number }[] = [];
  let running: Promise<void> | undefined;

  let size = BATCH;

  async function run(): Promise<void> {
    while (waiting.length > 0) {
      if (waiting.length < LINGER.below) await pause(LINGER.ms);
      const batch = waiting.splice(0, size);
      try {
        const refused = await finishAll(
          sql,
          worker,
          batch.map(({ finished }) => finished),
        );
        for (const { finished, done } of batch) done(!refused.has(finished.delivery.id));
        size = Math.min(BATCH, size * 2);
      } catch {
        // Postgres is away, or refuses one of them: which must not be the end of the others. Once the lease is over
        // somebody else sends it again, so there is no use in keeping it.
        const now = performance.now();
        for (const { done } of batch.filter(({ until }) => until <= now)) done(false);
        waiting = [...batch.filter(({ until }) => until > now), ...waiting];
        if (size > 1) size = Math.ceil(batch.length / 2);
        else waiting.push(...waiting.splice(0, 1));
        await pause(RETRY_MS);
      }
    }
    running = undefined;
  }

  return {
    finish: (finished) =>
      new Promise((done) => {
        waiting.push({ finished, done, until: performance.now() + patienceMs });
        running ??= Promise.resolve().then(run);
      }),
    idle: async () => {
      while (running !== undefined) await running;
    },
  };
}
