import type { Sql } from "./db.ts";
import { type DeliverableEvent, enqueueDeliveries } from "./deliveries.ts";
import type { Logger } from "./log.ts";
import { PASSING_WEBHOOK_EVENTS } from "./webhook-events.ts";

/** What a subscription, or its end, needs at most until every process knows of it; and the pause after a failure. */
const LOOK_EVERY_MS = 1000;
/** Events that wait for Postgres; older ones are given up. */
const MAX_WAITING = 10_000;
const BATCH = 1000;

/**
 * Deliveries of events that are not kept: presences and typing. There are many of them, so that of what no URL asked for,
 * nothing is written; and nobody waits for what is.
 */
export interface PassingEvents {
  /** Whether some URL asked for such events. */
  isAskedFor(type: string): boolean;
  /** Writes deliveries soon, in this order. Once written, they are sent like all others. */
  tell(events: readonly DeliverableEvent[]): void;
  /** Resolves when nothing waits, unless Postgres is away. */
  stop(): Promise<void>;
}

/** Looks now, and each second from then on, what is asked for. */
export async function openPassingEvents(sql: Sql, log: Logger): Promise<PassingEvents> {
  let asked = await askedFor(sql);
  let stopped = false;
  let waiting: DeliverableEvent[] = [];
  let writing: Promise<void> | null = null;
  let looking: Promise<void> | null = null;
  const timer = setInterval(() => {
    looking ??= askedFor(sql)
      .then((types) => {
        asked = types;
      })
      .catch((error) => log.debug({ err: String(error) }, "subscriptions can't be read"))
      .finally(() => {
        looking = null;
      });
  }, LOOK_EVERY_MS);
  timer.unref();

  async function write(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, BATCH);
      try {
        await enqueueDeliveries(sql, batch);
        waiting = waiting.slice(batch.length);
      } catch (error) {
        log.warn({ err: String(error) }, "presences and typing can't be written for outgoing webhooks");
        if (stopped) return;
        await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS).unref());
      }
    }
    writing = null;
  }

  return {
    isAskedFor: (type) => asked.has(type),
    tell: (events) => {
      if (events.length === 0) return;
      waiting = [...waiting, ...events].slice(-MAX_WAITING);
      writing ??= write();
    },
    stop: async () => {
      stopped = true;
      clearInterval(timer);
      await Promise.all([writing, looking]);
    },
  };
}

async function askedFor(sql: Sql): Promise<ReadonlySet<string>> {
  const rows = await sql<{ type: string }[]>`
    select t.type from unnest(${PASSING_WEBHOOK_EVENTS}::text[]) as t (type)
    where exists (select 1 from event_endpoints e where e.status = 2 and e.event_types @> array[t.type])`;
  return new Set(rows.map(({ type }) => type));
}
