import type { Db } from "./db.ts";

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

/**
 * Stores a delivery for each event and each application that is subscribed to it and whose bot is in the guild. Call
 * it in the transaction of the change itself: then an event that happened can't be lost, and one that didn't isn't
 * sent. One statement, however many events; none for no event.
 * @returns how many deliveries were stored
 */
export async function enqueueDeliveries(sql: Db, events: readonly DeliverableEvent[]): Promise<number> {
  const ofGuilds = events.filter((event) => event.guildId !== null);
  if (ofGuilds.length === 0) return 0;
  const stored = await sql`
    insert into webhook_deliveries (application_id, event_type, server_id, channel_id, data)
    select a.id, e.type, e.guild_id, e.channel_id, e.data
    from unnest(${ofGuilds.map((event) => event.type)}::text[], ${ofGuilds.map((event) => event.guildId)}::bigint[],
        ${ofGuilds.map((event) => event.channelId)}::bigint[], ${ofGuilds.map((event) => event.data)}::text[])
      with ordinality as e (type, guild_id, channel_id, data, nth)
    join applications a on a.event_webhooks_status = 2 and e.type = any(a.event_webhooks_types)
    join server_members m on m.server_id = e.guild_id and m.user_id = a.bot_id
    order by e.nth`;
  return stored.count;
}
