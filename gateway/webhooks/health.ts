import type { Sql } from "../../core/db.ts";
import { toLogEntry } from "../../core/event-log.ts";
import { insertEntries } from "../../core/outbox.ts";

/** Notes that an endpoint has begun to fail, or no longer does. */
export async function noteFailing(sql: Sql, endpointId: string, failing: boolean): Promise<void> {
  if (failing) {
    await sql`update event_endpoints set failing_since = now() where id = ${endpointId} and failing_since is null`;
  } else {
    await sql`
      update event_endpoints set failing_since = null, paused_until = null
      where id = ${endpointId} and failing_since is not null`;
  }
}

/** Notes until when nothing is sent; null: no longer. */
export async function notePause(sql: Sql, endpointId: string, forMs: number | null): Promise<void> {
  const until = forMs === null ? sql`null` : sql`now() + ${forMs}::float8 * interval '1 ms'`;
  await sql`update event_endpoints set paused_until = ${until} where id = ${endpointId}`;
}

/** Whether an endpoint has failed for so long that it should be switched off: nothing else for `days`. */
export async function hasFailedForDays(sql: Sql, endpointId: string, ms: number): Promise<boolean> {
  const [row] = await sql<[{ long: boolean }?]>`
    select failing_since <= now() - ${ms}::float8 * interval '1 ms' as long
    from event_endpoints where id = ${endpointId} and failing_since is not null`;
  return row?.long === true;
}

/**
 * Switches an endpoint off, with the reason for all who look at it, and tells whom it belongs to: an application's
 * owner; who set up a guild's, and the guild's owner. The event is in the same transaction. One whose URL was changed
 * meanwhile stays as it is.
 */
export async function disableEndpoint(sql: Sql, endpointId: string, url: string, reason: string): Promise<boolean> {
  return sql.begin(async (tx) => {
    const [row] = await tx<[{ application_id: string | null; server_id: string | null; owners: string[] }?]>`
      update event_endpoints e
      set status = 3, disabled_reason = ${reason}, disabled_at = now(), paused_until = null
      where e.id = ${endpointId} and e.url = ${url} and e.status = 2
      returning e.application_id, e.server_id,
        array(select distinct o from unnest(array[e.creator_id, (select owner_id from applications where id = e.application_id),
          (select owner_id from servers where id = e.server_id)]) o where o is not null)::text[] as owners`;
    if (row === undefined) return false;
    const { application_id, server_id: guild_id } = row;
    const of = application_id === null ? { guild_id, subscription_id: endpointId } : { application_id };
    const entries = row.owners.map((userId) =>
      toLogEntry({ t: "EVENT_ENDPOINT_DISABLED", userId, data: { ...of, reason } }),
    );
    if (entries.length > 0) await insertEntries(tx, entries);
    return true;
  });
}

/** An endpoint whose turn it is to be sent an invalid signature. */
export interface Probed {
  id: string;
  /** Probes in a row that it did not refuse. */
  failed_probes: number;
  server_id: string | null;
  channel_id: null;
}

/** Takes endpoints that have not been probed for `everyMs`: they are taken as probed from now on. */
export async function takeUnprobed(sql: Sql, everyMs: number, limit: number): Promise<Probed[]> {
  return sql<Probed[]>`
    update event_endpoints e set probed_at = now()
    from (select id from event_endpoints
      where status = 2 and probed_at <= now() - ${everyMs}::float8 * interval '1 ms'
      order by probed_at limit ${limit} for update skip locked) due
    where e.id = due.id
    returning e.id, e.failed_probes, e.server_id, null as channel_id`;
}

export async function noteProbe(sql: Sql, endpointId: string, failedInARow: number): Promise<void> {
  await sql`update event_endpoints set failed_probes = ${failedInARow} where id = ${endpointId}`;
}
