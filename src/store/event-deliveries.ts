import type { Db } from "../../core/db.ts";
import type { Fragment } from "../../core/store/fragments.ts";
import { TEST_EVENT } from "../../core/webhook-events.ts";

export const DELIVERY_STATES = ["pending", "delivered", "dead", "dropped"] as const;
type DeliveryState = (typeof DELIVERY_STATES)[number];

/** A delivery, whether it waits or is settled. */
export interface DeliveryRow {
  id: string;
  event_id: string;
  event_type: string;
  /** 0 for events of no guild. */
  server_id: string;
  state: DeliveryState;
  attempts: number;
  last_status: number | null;
  last_error: string | null;
  created_at: Date;
  finished_at: Date | null;
  next_attempt_at: Date | null;
}

/** Apart by state, as the indexes of the queue are. */
const waiting = (sql: Db, endpointId: string, where: Fragment, states: readonly DeliveryState[], limit: number) => sql`
    (select q.id, q.event_id, q.event_type, q.server_id, 'pending' as state, q.attempts, null::int as last_status,
      null as last_error, q.created_at, null::timestamptz as finished_at, q.next_attempt_at
    from webhook_queue q
    where q.endpoint_id = ${endpointId} and 'pending' = any(${[...states]}::text[]) and ${where}
    order by q.id desc limit ${limit})`;

/**
 * A delivery that is replayed is in both tables: it counts as waiting. Looked up for each row, as an anti-join would read
 * the whole queue.
 */
const both = (sql: Db, endpointId: string, where: Fragment, states: readonly DeliveryState[], limit: number) => sql`
  select * from (
    ${waiting(sql, endpointId, sql`q.state = 'first' and ${where}`, states, limit)}
    union all
    ${waiting(sql, endpointId, sql`q.state <> 'first' and ${where}`, states, limit)}
    union all
    (select q.id, q.event_id, q.event_type, q.server_id, q.state, q.attempts, q.last_status, q.last_error, q.created_at,
      q.finished_at, null
    from webhook_deliveries q
    where q.endpoint_id = ${endpointId} and q.state = any(${[...states]}::text[]) and ${where}
      and (select 1 from webhook_queue w where w.id = q.id) is null order by q.id desc limit ${limit})
  ) d order by d.id desc limit ${limit}`;

export interface DeliveryPage {
  states: readonly DeliveryState[];
  before?: string | undefined;
  after?: string | undefined;
  limit: number;
}

/** Newest first. */
export async function listDeliveries(sql: Db, endpointId: string, page: DeliveryPage): Promise<DeliveryRow[]> {
  const where = sql`
    q.id < ${page.before ?? "9223372036854775807"}::bigint and q.id > ${page.after ?? "0"}::bigint`;
  return sql<DeliveryRow[]>`${both(sql, endpointId, where, page.states, page.limit)}`;
}

export async function findDelivery(sql: Db, endpointId: string, id: string): Promise<DeliveryRow | undefined> {
  const [row] = await sql<DeliveryRow[]>`${both(sql, endpointId, sql`q.id = ${id}::bigint`, DELIVERY_STATES, 1)}`;
  return row;
}

export interface AttemptRow {
  attempt: number;
  started_at: Date;
  latency_ms: number;
  status: number | null;
  error: string | null;
  manual: boolean;
  request_headers: Record<string, string>;
  response_headers: Record<string, string> | null;
  response_body: string | null;
}

/** The latest first. */
export async function listAttempts(sql: Db, deliveryId: string): Promise<AttemptRow[]> {
  return sql<AttemptRow[]>`
    select attempt, started_at, latency_ms, status, error, manual, request_headers, response_headers, response_body
    from webhook_attempts where delivery_id = ${deliveryId} order by attempt desc, started_at desc limit 100`;
}

export interface Replay {
  /** One delivery; else those below. */
  id?: string;
  states: readonly DeliveryState[];
  since?: Date | undefined;
  until?: Date | undefined;
  limit: number;
}

/**
 * Has settled deliveries sent once more, with their ids; of those that wait to be tried again, the next attempt is now.
 * The oldest first, up to the limit.
 * @returns how many
 */
export async function replayDeliveries(sql: Db, endpointId: string, replay: Replay): Promise<number> {
  const where = sql`
    q.endpoint_id = ${endpointId} and q.created_at >= ${replay.since ?? new Date(0)}
    and q.created_at <= coalesce(${replay.until ?? null}::timestamptz, now())
    ${replay.id === undefined ? sql`` : sql`and q.id = ${replay.id}::bigint`}`;
  const [row] = await sql<[{ replayed: number }]>`
    with hurried as (
      update webhook_queue q set next_attempt_at = now()
      where ${where} and q.state <> 'first' and 'pending' = any(${[...replay.states]}::text[])
      returning 1
    ), again as (
      insert into webhook_queue (id, endpoint_id, event_id, event_type, server_id, state, attempts, created_at)
      select q.id, q.endpoint_id, q.event_id, q.event_type, q.server_id, 'replay', q.attempts, q.created_at
      from webhook_deliveries q where ${where} and q.state = any(${[...replay.states]}::text[])
      order by q.id limit ${replay.limit}
      on conflict (id) do nothing
      returning 1
    )
    select ((select count(*) from hurried) + (select count(*) from again))::int as replayed`;
  return row.replayed;
}

/** An event that only says that it is a test, for this endpoint alone. @returns the delivery's id */
export async function enqueueTest(sql: Db, endpointId: string, guildId: string | null, data: string): Promise<string> {
  const [row] = await sql<[{ id: string }]>`
    with stored as (
      insert into webhook_events (id, event_type, server_id, data)
      values (nextval('webhook_event_id'), ${TEST_EVENT}, ${guildId}::bigint, ${data}) returning id
    )
    insert into webhook_queue (endpoint_id, event_id, event_type, server_id, state)
    select ${endpointId}, id, ${TEST_EVENT}, coalesce(${guildId}::bigint, 0), 'replay' from stored
    returning id`;
  return row.id;
}
