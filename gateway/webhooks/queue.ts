import type { Sql } from "../../core/db.ts";
import type { Lease } from "./leases.ts";

/** A delivery that is not settled. */
export interface QueuedDelivery {
  /** The webhook-id, the same over all attempts. */
  id: string;
  endpoint_id: string;
  event_id: string;
  event_type: string;
  /** 0 for events of no guild. */
  server_id: string;
  channel_id: string | null;
  /** The voice channel that was left for `channel_id`. */
  left_channel_id: string | null;
  state: "first" | "retry" | "replay";
  /** Made so far. */
  attempts: number;
  /** Milliseconds until it may be sent; negative when it may. */
  due_in_ms: number;
  /** Milliseconds since the event when it was read; see `ageMs`. */
  age_ms: number;
  created_at: Date;
  /** JSON text; null when the event is no longer kept. */
  data: string | null;
  /** What it is judged by; deliveries that were read together and are judged alike share it. */
  place: Place;
}

/** Where something happened, as one endpoint may see it. */
export interface Place extends Pick<QueuedDelivery, "endpoint_id" | "server_id" | "channel_id"> {
  /** performance.now() at which what happened there had been read. */
  loadedAt: number;
}

/** Milliseconds since the event: a delivery may wait in memory for long. */
export const ageMs = ({ age_ms, place }: QueuedDelivery) => age_ms + performance.now() - place.loadedAt;

/** What is read of an endpoint's queue. */
export interface Look {
  endpointId: string;
  /** First attempts from this id on. */
  from: number;
  /** First attempts at most. */
  first: number;
  /** Others at most. */
  due: number;
  /** Deliveries that this process has already. */
  known: readonly string[];
  /** `ENDPOINT:GUILD` where a delivery that failed holds up the others. */
  blocked: readonly string[];
  /** The lowest id of a first attempt that was known. */
  oldest: number;
}

/**
 * Reads what waits at endpoints that this process holds: first attempts in the order of their events, and others that
 * are due. The text of an event comes once, for all of its deliveries.
 */
export async function readQueue(sql: Sql, looks: readonly Look[]): Promise<QueuedDelivery[]> {
  const known = looks.flatMap((look) => look.known);
  const blocked = looks.flatMap((look) => look.blocked);
  const notKnown = known.length === 0 ? sql`` : sql`and q.id <> all(${known}::bigint[])`;
  const notBlocked =
    blocked.length === 0 ? sql`` : sql`and q.endpoint_id || ':' || q.server_id <> all(${blocked}::text[])`;
  const rows = await sql<Omit<QueuedDelivery, "place">[]>`
    select q.id, q.endpoint_id, q.event_id, q.event_type, q.server_id, q.state, q.attempts, q.created_at,
      (extract(epoch from q.next_attempt_at - now()) * 1000)::float8 as due_in_ms,
      (extract(epoch from now() - q.created_at) * 1000)::float8 as age_ms, e.channel_id, e.left_channel_id,
      case when row_number() over (partition by q.event_id order by q.id) = 1 then e.data end as data
    from unnest(${looks.map(({ endpointId }) => endpointId)}::bigint[], ${looks.map(({ from }) => from)}::bigint[],
      ${looks.map(({ first }) => first)}::int[], ${looks.map(({ due }) => due)}::int[]) as a (endpoint_id, start, first, due)
    cross join lateral (
      (select q.* from webhook_queue q
        where q.endpoint_id = a.endpoint_id and q.state = 'first' and q.id >= a.start ${notKnown} ${notBlocked}
        order by q.id limit a.first)
      union all
      (select q.* from webhook_queue q
        where q.endpoint_id = a.endpoint_id and q.state <> 'first' and q.next_attempt_at <= now() ${notKnown}
        order by q.next_attempt_at limit a.due)
    ) q
    left join webhook_events e on e.created_at = q.created_at and e.id = q.event_id
    order by q.id`;
  const loadedAt = performance.now();
  const places = new Map<string, Place>();
  const texts = new Map<string, string | null>();
  return rows.map((row) => {
    const { endpoint_id, server_id, channel_id, event_id } = row;
    const data = texts.get(event_id) ?? row.data;
    texts.set(event_id, data);
    let place = places.get(endpoint_id);
    if (place?.server_id !== server_id || place.channel_id !== channel_id) {
      place = { endpoint_id, server_id, channel_id, loadedAt };
      places.set(endpoint_id, place);
    }
    return Object.assign(row, { place, data });
  });
}

/** How far writers have come. */
export interface Progress {
  /** The number that the next delivery will at least have. */
  newest: number;
  /** Transactions that write from now on have this number or a higher one… */
  nextWriter: number;
  /** …and those below this one have ended, whether they are seen or undone. */
  oldestWriter: number;
}

/** https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-SNAPSHOT: those that only read don't count. */
export async function readProgress(sql: Sql): Promise<Progress> {
  const [row] = await sql<[Record<keyof Progress, string>]>`
    select last_value as newest, pg_snapshot_xmax(pg_current_snapshot())::text as "nextWriter",
      pg_snapshot_xmin(pg_current_snapshot())::text as "oldestWriter"
    from webhook_delivery_id`;
  return { newest: Number(row.newest), nextWriter: Number(row.nextWriter), oldestWriter: Number(row.oldestWriter) };
}

/**
 * Gives up what has waited too long, of each endpoint the thousand oldest of each kind.
 * @returns the endpoints where there was some
 */
export async function settleUnsent(
  sql: Sql,
  worker: string,
  leases: readonly Lease[],
  why: { state: "dead" | "dropped"; reason: string; olderThanMs: number },
): Promise<Set<string>> {
  const rows = await sql<{ endpoint_id: string }[]>`
    with held as (
      select l.endpoint_id from event_endpoint_leases l
      join unnest(${leases.map(({ endpoint_id }) => endpoint_id)}::bigint[], ${leases.map(({ fence }) => fence)}::bigint[])
        as mine (endpoint_id, fence) on l.endpoint_id = mine.endpoint_id and l.fence = mine.fence
      where l.holder = ${worker} and l.held_until > now()
    ), gone as (
      delete from webhook_queue where id in (
        select old.id from held cross join lateral (
          (select q.id, q.created_at as since from webhook_queue q
            where q.endpoint_id = held.endpoint_id and q.state = 'first' order by q.id limit 1000)
          union all
          (select q.id, case q.state when 'replay' then q.next_attempt_at else q.created_at end from webhook_queue q
            where q.endpoint_id = held.endpoint_id and q.state <> 'first' order by q.next_attempt_at limit 1000)
        ) old where old.since <= now() - ${why.olderThanMs}::float8 * interval '1 ms')
      returning *
    ), settled as (
      insert into webhook_deliveries (id, endpoint_id, event_id, event_type, server_id, state, attempts, last_error, created_at)
      select id, endpoint_id, event_id, event_type, server_id, ${why.state}, attempts, ${why.reason}, created_at from gone
      on conflict (created_at, id) do nothing
    )
    select distinct endpoint_id from gone`;
  return new Set(rows.map(({ endpoint_id }) => endpoint_id));
}

/** Removes what endpoints that are gone have left, a thousand at a time. */
export async function removeOrphans(sql: Sql): Promise<void> {
  await sql`
    delete from webhook_queue where id in (
      select q.id from webhook_queue q
      where not exists (select 1 from event_endpoints e where e.id = q.endpoint_id) limit 1000)`;
}
