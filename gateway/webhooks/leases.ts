import type { Sql } from "../../core/db.ts";

/** That a dispatcher has an endpoint; the fence grows with each change of hands. */
export interface Lease {
  endpoint_id: string;
  fence: string;
}

/** A dispatcher as the others see it: how many endpoints it has. */
interface Told {
  worker: string;
  endpoints: number;
}

/** What a dispatcher sees of the others, and the endpoints with something due that nobody has. */
export interface Survey {
  others: number;
  theirs: number;
  /** Of the other with the fewest; 0 without others. */
  fewest: number;
  waiting: string[];
}

/**
 * Looks for other dispatchers and for endpoints that wait for one; tells the others, too, when `tells`. Queues of
 * endpoints that somebody holds are not looked into: the planner would do so before it asks for the lease.
 * @param floors for endpoints that this process has had: below this id nothing waits there. Without it the look would
 *   wade through dead rows for as long as some transaction keeps vacuum from removing them.
 */
export async function surveyEndpoints(
  sql: Sql,
  { worker, endpoints }: Told,
  options: { tells: boolean; leaseMs: number; limit: number; floors: ReadonlyMap<string, number> },
): Promise<Survey> {
  const { tells, leaseMs, limit, floors } = options;
  const [row] = await sql<[Survey]>`
    with told as (
      insert into webhook_dispatchers (id, alive_until, endpoints)
      select ${worker}, now() + ${leaseMs}::int * interval '1 ms', ${endpoints}::int where ${tells}::boolean
      on conflict (id) do update set alive_until = excluded.alive_until, endpoints = excluded.endpoints
    ), lapsed as materialized (
      select l.endpoint_id from event_endpoint_leases l join event_endpoints e on e.id = l.endpoint_id
      where l.held_until <= now() and (e.paused_until is null or e.paused_until <= now())
    )
    select count(*)::int as others, coalesce(sum(endpoints), 0)::int as theirs, coalesce(min(endpoints), 0)::int as fewest,
      array(
        select l.endpoint_id
        from lapsed l
        left join unnest(${[...floors.keys()]}::bigint[], ${[...floors.values()]}::bigint[]) as f (id, floor)
          on f.id = l.endpoint_id
        where exists (select 1 from webhook_queue q
            where q.endpoint_id = l.endpoint_id and q.state = 'first' and q.id >= coalesce(f.floor, 0))
          or exists (select 1 from webhook_queue q
            where q.endpoint_id = l.endpoint_id and q.state <> 'first' and q.next_attempt_at <= now())
        limit ${limit}
      )::text[] as waiting
    from webhook_dispatchers where id <> ${worker} and alive_until > now()`;
  return row;
}

/**
 * Takes the leases of those endpoints that nobody holds; SKIP LOCKED, so that dispatchers which ask at the same time
 * don't wait for each other.
 */
export async function claimEndpoints(
  sql: Sql,
  { worker, endpoints }: Told,
  endpointIds: readonly string[],
  leaseMs: number,
): Promise<Lease[]> {
  return sql<Lease[]>`
    with free as (
      select endpoint_id from event_endpoint_leases
      where endpoint_id = any(${[...endpointIds]}::bigint[]) and held_until <= now() for update skip locked
    ), claimed as (
      update event_endpoint_leases l
      set holder = ${worker}, held_until = now() + ${leaseMs}::int * interval '1 ms', fence = l.fence + 1
      from free where l.endpoint_id = free.endpoint_id
      returning l.endpoint_id, l.fence
    ), told as (
      update webhook_dispatchers set endpoints = ${endpoints}::int + (select count(*) from claimed)
      where id = ${worker}
    )
    select * from claimed`;
}

/** Holds on to leases. @returns those that are still held */
export async function renewLeases(
  sql: Sql,
  worker: string,
  endpointIds: readonly string[],
  leaseMs: number,
): Promise<Lease[]> {
  return sql<Lease[]>`
    update event_endpoint_leases set held_until = now() + ${leaseMs}::int * interval '1 ms'
    where endpoint_id = any(${[...endpointIds]}::bigint[]) and holder = ${worker} and held_until > now()
    returning endpoint_id, fence`;
}

/** Lets leases go, so that others need not wait for their end. */
export async function releaseLeases(sql: Sql, { worker, endpoints }: Told, endpointIds: readonly string[]) {
  await sql`
    with released as (
      update event_endpoint_leases set held_until = '-infinity'
      where endpoint_id = any(${[...endpointIds]}::bigint[]) and holder = ${worker}
    )
    update webhook_dispatchers set endpoints = ${endpoints} where id = ${worker}`;
}

/** A dispatcher that stops has no share any more. */
export async function forgetDispatcher(sql: Sql, worker: string): Promise<void> {
  await sql`delete from webhook_dispatchers where id = ${worker}`;
}

/** Removes those that died; one that was only stopped for long tells of itself again. */
export async function forgetDeadDispatchers(sql: Sql): Promise<void> {
  await sql`delete from webhook_dispatchers where alive_until <= now()`;
}
