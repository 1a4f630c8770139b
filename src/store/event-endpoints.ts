import type { Db, Transaction } from "../../core/db.ts";
import { roleIds } from "../../core/store/fragments.ts";
import type { WireableEndpoint } from "../../core/wire/event-endpoint.ts";
import type { MemberRow } from "../../core/wire/member.ts";

/** A URL that events are sent to. Keys and secrets are sealed. */
export interface EndpointRow extends WireableEndpoint {
  private_key: Buffer | null;
}

const columns = (sql: Db) => sql`
  id, application_id, server_id, creator_id, url, event_types, channel_ids, status, strict_order, public_key, private_key,
  secret, case when previous_secret_until > now() then previous_secret_until end as previous_secret_until,
  disabled_reason, disabled_at, failing_since, case when paused_until > now() then paused_until end as paused_until,
  created_at`;

export async function findEndpoint(sql: Db, id: string): Promise<EndpointRow | undefined> {
  const [row] = await sql<EndpointRow[]>`select ${columns(sql)} from event_endpoints where id = ${id}`;
  return row;
}

/** A guild's, oldest first; their number is limited. */
export async function listEndpointsOf(sql: Db, guildId: string): Promise<EndpointRow[]> {
  return sql<EndpointRow[]>`
    select ${columns(sql)} from event_endpoints where server_id = ${guildId} order by id limit 100`;
}

/** The member on whose behalf an endpoint sees a guild. */
export interface ViewerRow extends Pick<MemberRow, "user_id" | "role_ids" | "communication_disabled_until"> {
  endpoint_id: string;
  /** Of a guild's own endpoint that is for some channels only. */
  channel_ids: string[] | null;
}

/** The viewers behind a guild's URLs that ask which channels there are. @param userId one of them; null for all */
export async function viewersByUrl(sql: Db, guildId: string, userId: string | null): Promise<ViewerRow[]> {
  return sql<ViewerRow[]>`
    with asking as (
      select e.id, e.channel_ids, e.creator_id as viewer_id, e.status, e.event_types
      from event_endpoints e where e.server_id = ${guildId}
      union all
      select e.id, e.channel_ids, bot.user_id, e.status, e.event_types
      from server_members bot join event_endpoints e on e.id = bot.application_id
      where bot.server_id = ${guildId} and bot.application_id is not null
    )
    select e.id as endpoint_id, e.channel_ids, m.user_id, m.communication_disabled_until, ${roleIds(sql)} as role_ids
    from asking e join server_members m on m.server_id = ${guildId} and m.user_id = e.viewer_id
    where e.status = 2 and e.event_types && ${["CHANNEL_CREATE", "CHANNEL_DELETE"]}::text[]
      and m.user_id = coalesce(${userId}::bigint, m.user_id)`;
}

export interface NewEndpoint {
  id: string;
  guildId: string;
  creatorId: string;
  url: string;
  eventTypes: readonly string[];
  channelIds: readonly string[] | null;
  status: number;
  strictOrder: boolean;
  publicKey: Buffer;
  privateKey: Buffer;
  secret: Buffer;
}

/** Call it with the guild's lock. @returns undefined when the guild has its `limit` already */
export async function insertEndpoint(tx: Transaction, e: NewEndpoint, limit: number): Promise<EndpointRow | undefined> {
  const [row] = await tx<EndpointRow[]>`
    insert into event_endpoints (id, server_id, creator_id, url, event_types, channel_ids, status, strict_order,
      public_key, private_key, secret)
    select ${e.id}::bigint, ${e.guildId}::bigint, ${e.creatorId}::bigint, ${e.url}, ${[...e.eventTypes]}::text[],
      ${e.channelIds === null ? null : [...e.channelIds]}::bigint[], ${e.status}::smallint, ${e.strictOrder}::boolean,
      ${e.publicKey}::bytea, ${e.privateKey}::bytea, ${e.secret}::bytea
    where (select count(*) from event_endpoints where server_id = ${e.guildId}) < ${limit}
    returning ${columns(tx)}`;
  return row;
}

export interface EndpointPatch {
  url?: string | null;
  event_types?: string[];
  channel_ids?: string[] | null;
  status?: number;
  strict_order?: boolean;
  creator_id?: string;
}

/** What was wrong with it is forgotten once it is switched on, or leads elsewhere. */
const afresh = (patch: EndpointPatch) =>
  patch.status === 2 || patch.url !== undefined
    ? { disabled_reason: null, disabled_at: null, failing_since: null, paused_until: null, failed_probes: 0 }
    : {};

export async function updateEndpoint(sql: Db, id: string, patch: EndpointPatch): Promise<EndpointRow | undefined> {
  const all = { ...patch, ...afresh(patch) };
  if (Object.keys(all).length === 0) return findEndpoint(sql, id);
  const [row] = await sql<EndpointRow[]>`
    update event_endpoints set ${sql(all)} where id = ${id} returning ${columns(sql)}`;
  return row;
}

/** An application's endpoint, which begins with the first change of it. */
export async function updateApplicationEndpoint(sql: Db, applicationId: string, patch: EndpointPatch): Promise<void> {
  await sql`
    insert into event_endpoints (id, application_id) values (${applicationId}, ${applicationId}) on conflict do nothing`;
  await updateEndpoint(sql, applicationId, patch);
}

/** With what waited for it. */
export async function deleteEndpoint(sql: Db, id: string): Promise<void> {
  await sql`
    with gone as (delete from event_endpoints where id = ${id})
    delete from webhook_queue where endpoint_id = ${id}`;
}

/** A new secret; the one before, if there was one, stays valid beside it for `overlapSeconds`. */
export async function rotateSecret(sql: Db, id: string, secret: Buffer, overlapSeconds: number): Promise<void> {
  await sql`
    update event_endpoints set previous_secret = secret,
      previous_secret_until = case when secret is not null then now() + make_interval(secs => ${overlapSeconds}) end,
      secret = ${secret}
    where id = ${id}`;
}
