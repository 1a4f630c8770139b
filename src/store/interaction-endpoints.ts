import type { Db } from "../../core/db.ts";

/** How an application's URL for interactions stands. */
export interface EndpointState {
  interactions_endpoint_url: string | null;
  interactions_endpoint_probed_at: Date | null;
  interactions_endpoint_failures: number;
  interactions_endpoint_fault: string | null;
  interactions_endpoint_removed_at: Date | null;
}

export async function endpointState(sql: Db, applicationId: string): Promise<EndpointState | undefined> {
  const [row] = await sql<EndpointState[]>`
    select interactions_endpoint_url, interactions_endpoint_probed_at, interactions_endpoint_failures,
      interactions_endpoint_fault, interactions_endpoint_removed_at
    from applications where id = ${applicationId}`;
  return row;
}

/** A URL that has just been checked, or none. */
export async function setEndpoint(sql: Db, applicationId: string, url: string | null, now: Date): Promise<void> {
  await sql`
    update applications set interactions_endpoint_url = ${url}, interactions_endpoint_probed_at = ${now},
      interactions_endpoint_failures = 0, interactions_endpoint_fault = null, interactions_endpoint_removed_at = null
    where id = ${applicationId}`;
}

export interface DueEndpoint {
  id: string;
  url: string;
  private_key: Buffer;
}

/** Takes those that are due for a probe; several processes take different ones. */
export async function takeDueEndpoints(
  sql: Db,
  now: Date,
  { sound, suspect }: { sound: Date; suspect: Date },
): Promise<DueEndpoint[]> {
  return sql<DueEndpoint[]>`
    update applications set interactions_endpoint_probed_at = ${now}
    where id in (
      select id from applications where interactions_endpoint_url is not null
        and coalesce(interactions_endpoint_probed_at, 'epoch')
          < case when interactions_endpoint_failures = 0 then ${sound}::timestamptz else ${suspect}::timestamptz end
      order by interactions_endpoint_probed_at nulls first limit 20 for update skip locked)
    returning id, interactions_endpoint_url as url, private_key`;
}

/** The URL has refused what it must refuse. */
export async function clearFailures(sql: Db, { id, url }: DueEndpoint): Promise<void> {
  await sql`
    update applications set interactions_endpoint_failures = 0, interactions_endpoint_fault = null
    where id = ${id} and interactions_endpoint_url = ${url} and interactions_endpoint_failures > 0`;
}

/**
 * The URL has not. At the limit it is removed; one that was set meanwhile is left alone.
 * @returns the application's owner when it was removed
 */
export async function countFailure(
  sql: Db,
  { id, url }: DueEndpoint,
  fault: string,
  limit: number,
  now: Date,
): Promise<string | undefined> {
  const [row] = await sql<{ owner_id: string; removed: boolean }[]>`
    update applications set interactions_endpoint_failures = interactions_endpoint_failures + 1,
      interactions_endpoint_fault = ${fault},
      interactions_endpoint_url =
        case when interactions_endpoint_failures + 1 < ${limit} then interactions_endpoint_url end,
      interactions_endpoint_removed_at = case when interactions_endpoint_failures + 1 >= ${limit} then ${now}::timestamptz end
    where id = ${id} and interactions_endpoint_url = ${url}
    returning owner_id, interactions_endpoint_url is null as removed`;
  return row?.removed === true ? row.owner_id : undefined;
}
