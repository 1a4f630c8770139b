import type { Sql, Transaction } from "../core/db.ts";
import { type DeliverableEvent, enqueueDeliveries } from "../core/deliveries.ts";
import { dataJson, type Event, type EventLog } from "../core/event-log.ts";
import type { NextId } from "../core/snowflake.ts";
import { isDeliverable } from "../core/webhook-events.ts";
import type { App } from "./app.ts";
import { type Actor, storeAuditEntries } from "./audit/record.ts";
import { eventsPublished } from "./metrics.ts";
import { withSights } from "./sights.ts";

/**
 * The one way to change data: runs `work` in a transaction, stores in the same transaction what it emitted for the
 * audit log and a delivery row for each event and outgoing webhook, commits, publishes the events in their order, and
 * returns what `work` returned. A throw rolls everything back and publishes nothing. Events that take something away
 * are stored as well: were this process to die before it publishes them, sockets would see on for ever.
 */
export type Change = <T>(work: (tx: Transaction, emit: Emit) => Promise<T>) => Promise<T>;
/** Tells of an event once the transaction is committed. */
export type Emit = (event: Event) => void;
/** How somebody changes data: the audit log names them. */
export type ChangeBy = (actor: Actor) => Change;

export function createChange(sql: Sql, eventLog: EventLog, nextId: NextId): ChangeBy {
  return (actor) => async (work) => {
    const emitted: Event[] = [];
    const { result, events, stored } = await sql.begin(async (tx) => {
      const result = await work(tx, (event) => emitted.push(event));
      const events = await storeAuditEntries(tx, emitted, actor, nextId);
      await enqueueDeliveries(tx, await withSights(tx, events, deliverable(events)));
      const stored = events.some(({ changesView, takesAway }) => changesView !== undefined || takesAway === true);
      if (stored) await eventLog.enqueue(tx, events);
      return { result, events, stored };
    });
    if (stored) await relayAll(eventLog, events);
    else await publishAll(eventLog, events);
    return result;
  };
}

/**
 * The same for work that nobody waits for, and that nobody would do again: the events are stored in the same transaction
 * and relayed after it, so that they follow whoever dies when.
 */
export function createSureChange(sql: Sql, eventLog: EventLog): Change {
  return async (work) => {
    const events: Event[] = [];
    const { result } = await sql.begin(async (tx) => {
      const result = await work(tx, (event) => events.push(event));
      await enqueueDeliveries(tx, deliverable(events));
      await eventLog.enqueue(tx, events);
      return { result };
    });
    void relayAll(eventLog, events);
    return result;
  };
}

/** Publishes and counts; for the hot path, which writes its rows in one statement of its own. */
export async function publishAll(eventLog: EventLog, events: readonly Event[], outboxPending?: boolean): Promise<void> {
  for (const event of events) eventsPublished.inc({ type: event.t });
  await eventLog.publish(events, outboxPending);
}

async function relayAll(eventLog: EventLog, events: readonly Event[]): Promise<void> {
  for (const event of events) eventsPublished.inc({ type: event.t });
  await eventLog.relay(events);
}

/** For what is stale in a moment: it doesn't wait in the outbox, and has deliveries only where a URL asked for such. */
export async function publishPassing(app: Pick<App, "eventLog" | "passing">, event: Event): Promise<void> {
  await publishAll(app.eventLog, [event], false);
  if (app.passing.isAskedFor(event.t)) app.passing.tell(deliverable([event]));
}

/** What outgoing webhooks may subscribe to: what happens in a guild, or to a bot alone; not what one user sees of a guild. */
export function deliverable(events: readonly Event[]): DeliverableEvent[] {
  // Who is added hears of nothing before.
  const joins = events.findIndex(({ t }) => t === "$GUILD_JOIN");
  const except = [events[joins]?.userId ?? []].flat();
  return events.flatMap((event, at) => [...(event.byUrl ?? []), ...asItIs(event, at < joins ? except : undefined)]);
}

function asItIs(event: Event, except?: readonly string[]): DeliverableEvent[] {
  const { t: type, guildId, userId } = event;
  if (!isDeliverable(type) || (guildId !== undefined && userId !== undefined)) return [];
  return [{ type, guildId, endpointId: userId, except, channelId: event.channelId ?? null, data: dataJson(event) }];
}
