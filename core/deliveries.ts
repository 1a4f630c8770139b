import type { Db } from "./db.ts";
import type { NextId } from "./snowflake.ts";

/** An event that outgoing webhooks may subscribe to. */
export interface DeliverableEvent {
  type: string;
  /** Null is delivered to nobody: only members of a guild may hear of it. */
  guildId: string | null;
  /** When set, it goes only to applications that may view the channel when it is sent. */
  channelId: string | null;
  /** JSON text, sent as it is. */
  data: string;
}

/** Applications of one guild that hear of one event: as many as seldom are exceeded, for one statement to do. */
const USUAL_LISTENERS = 4;

/**
 * Stores a delivery for each event and each application that is subscribed to it and whose bot is in the guild. Call
 * it in the transaction of the change itself: then an event that happened can't be lost, and one that didn't isn't
 * sent. One statement, however many events; a second one when unusually many applications listen; none for no event.
 * @returns how many deliveries were stored
 */
export async function enqueueDeliveries(sql: Db, events: readonly DeliverableEvent[], nextId: NextId): Promise<number> {
  const ofGuilds = events.filter((event) => event.guildId !== null);
  if (ofGuilds.length === 0) return 0;
  let idsMade = USUAL_LISTENERS * ofGuilds.length;
  for (;;) {
    const wanted = await insertIfEnough(sql, ofGuilds, Array.from({ length: idsMade }, nextId));
    if (wanted <= idsMade) return wanted;
    idsMade = wanted;
  }
}

/** Inserts nothing when there are more deliveries than ids. @returns how many deliveries there are */
async function insertIfEnough(sql: Db, events: readonly DeliverableEvent[], ids: string[]): Promise<number> {
  const [row] = await sql<{ wanted: number }[]>`
    with listeners as (
      select a.id, e.type, e.guild_id, e.channel_id, e.data, row_number() over (order by e.nth) as number
      from unnest(${events.map((event) => event.type)}::text[], ${events.map((event) => event.guildId)}::bigint[],
          ${events.map((event) => event.channelId)}::bigint[], ${events.map((event) => event.data)}::text[])
        with ordinality as e (type, guild_id, channel_id, data, nth)
      join applications a on a.event_webhooks_status = 2 and e.type = any(a.event_webhooks_types)
      join server_members m on m.server_id = e.guild_id and m.user_id = a.bot_id
    ), wanted as (
      select count(*)::int as n from listeners
    ), stored as (
      insert into webhook_deliveries (id, application_id, event_type, server_id, channel_id, data)
      select (${ids}::bigint[])[l.number], l.id, l.type, l.guild_id, l.channel_id, l.data
      from listeners l, wanted where wanted.n <= ${ids.length}
    )
    select n as wanted from wanted`;
  return row?.wanted ?? 0;
}
