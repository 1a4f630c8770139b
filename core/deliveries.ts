import type { Db } from "./db.ts";
import type { Fragment } from "./store/fragments.ts";

/** An event that outgoing webhooks may subscribe to. */
export interface DeliverableEvent {
  type: string;
  /** Where it happened: who may hear of it is judged by this guild. */
  guildId?: string | undefined;
  /** The one endpoint that hears of it; without, all of the guild. An application's, and so its bot's, has its id. */
  endpointId?: string | undefined;
  /** Endpoints that don't hear of it. */
  except?: readonly string[] | undefined;
  /** When set, and in a guild, it goes only to those who may view the channel when it is sent. */
  channelId: string | null;
  /** The voice channel that somebody has left for `channelId`: who may view only this one is told that they left. */
  leftChannelId?: string | null | undefined;
  /** JSON text, sent as it is. */
  data: string;
}

/**
 * Stores each event that some endpoint is subscribed to, and a delivery for each such endpoint. Call it in the
 * transaction of the change itself: then an event that happened can't be lost, and one that didn't isn't sent. One
 * statement, however many events and endpoints; none for no event.
 * @returns how many deliveries were stored
 */
export async function enqueueDeliveries(sql: Db, events: readonly DeliverableEvent[]): Promise<number> {
  if (events.length === 0) return 0;
  const [row] = await sql<[{ stored: number }]>`
    with ${deliveriesOf(sql, events)} select count(*)::int as stored from queued`;
  return row.stored;
}

/**
 * JSON texts as Postgres' text of an array: they have no control characters, so what JSON escapes in them is what
 * Postgres wants escaped. The driver's own way was 10 KiB of garbage for a message.
 * https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
 */
const jsonTexts = (texts: readonly string[]): string => `{${texts.map((text) => JSON.stringify(text)).join()}}`;

/**
 * Parts of a WITH clause that store events and their deliveries; the last, `queued`, has a row for each delivery.
 * Guilds with an endpoint that asked for strict order write one after the other: who waits for the lock gets the higher
 * numbers, so that a guild's numbers come in the order of the commits.
 * @param provided without a row in it nothing is stored
 */
export const deliveriesOf = (sql: Db, events: readonly DeliverableEvent[], provided: Fragment = sql``): Fragment => sql`
  happened as (
    select e.*, e.except_texts::bigint[] as except_ids from unnest(${events.map(({ type }) => type)}::text[],
        ${events.map(({ guildId = null }) => guildId)}::bigint[],
        ${events.map(({ endpointId = null }) => endpointId)}::bigint[],
        ${events.map(({ except = [] }) => `{${except.join()}}`)}::text[],
        ${events.map(({ channelId }) => channelId)}::bigint[],
        ${events.map(({ leftChannelId = null }) => leftChannelId)}::bigint[], ${jsonTexts(events.map(({ data }) => data))}::text::text[])
      with ordinality as e (type, guild_id, endpoint_id, except_texts, channel_id, left_channel_id, data, nth) ${provided}
  ),
  matched as materialized (
    select h.nth, coalesce(h.guild_id, h.endpoint_id) as turn, e.id, e.strict_order
    from happened h cross join lateral (
      select e.id, e.strict_order from event_endpoints e
      where h.endpoint_id is null and e.server_id = h.guild_id and e.status = 2 and h.type = any(e.event_types)
        and e.id <> all(h.except_ids)
        and (e.channel_ids is null or h.channel_id = any(e.channel_ids) or h.left_channel_id = any(e.channel_ids)
          or exists (select 1 from channels c where c.id = h.channel_id and c.type in (10, 11, 12)
            and c.parent_id = any(e.channel_ids))
          or exists (select 1 from deleted_channels c where c.id = h.channel_id and c.type in (10, 11, 12)
            and c.parent_id = any(e.channel_ids)))
      union all
      select e.id, e.strict_order from server_members m
      join event_endpoints e on e.id = m.application_id and e.status = 2 and h.type = any(e.event_types)
      where h.endpoint_id is null and m.server_id = h.guild_id and m.application_id is not null
        and e.id <> all(h.except_ids)
      union all
      select e.id, e.strict_order from event_endpoints e
      where e.id = h.endpoint_id and e.status = 2 and h.type = any(e.event_types)
    ) e
  ),
  taking_turns as materialized (
    select pg_advisory_xact_lock(t.turn)
    from (select distinct turn from matched where strict_order order by turn) t
  ),
  numbered as materialized (
    select nextval('webhook_event_id') as id, h.*
    from (select h.* from happened h, (select count(*) from taking_turns) t
      where exists (select 1 from matched m where m.nth = h.nth) order by h.nth) h
  ),
  stored as (
    insert into webhook_events (id, event_type, server_id, channel_id, left_channel_id, data)
    select n.id, n.type, n.guild_id, n.channel_id, n.left_channel_id, n.data from numbered n
  ),
  queued as (
    insert into webhook_queue (endpoint_id, event_id, event_type, server_id)
    select m.id, n.id, n.type, coalesce(n.guild_id, 0)
    from numbered n join matched m on m.nth = n.nth order by n.id
    returning 1
  )`;

/**
 * Makes partitions ahead for what is to come, and drops what is older than `keepDays`. Any process may call it, at
 * its start and then every hour; one works at a time.
 */
export async function turnPartitions(sql: Db, keepDays: number): Promise<void> {
  await sql`select webhook_partitions(${keepDays}::int)`;
}
