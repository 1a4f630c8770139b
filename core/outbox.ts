import type { Logger } from "pino";
import type { Sql, Transaction } from "./db.ts";
import type { LogEntry } from "./event-log.ts";

/** Events that Redis could not take, in Postgres until it can. */
export interface Outbox {
  put(entries: readonly LogEntry[]): Promise<void>;
  /** Whether any of the logs has rows: newer events of that log must queue behind them. */
  hasRows(logs: readonly string[]): Promise<boolean>;
  /** Looks for rows now rather than at the next poll. */
  wake(): void;
  /** Relays what the logs have, until Redis refuses. Never rejects. */
  relay(logs: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

interface OutboxOptions {
  sql: Sql;
  log: Logger;
  /** Publishes; returns what was not confirmed. */
  send(entries: readonly LogEntry[]): Promise<readonly LogEntry[]>;
}

const POLL_MS = 500;
const BATCH = 500;
const LOGS_PER_ROUND = 100;
/** Two families of advisory locks: writers of one log take turns, and so do relays. */
const WRITER_LOCK = 0x6f7574;
const RELAY_LOCK = 0x72656c;

/** Writes rows and relays them. Every API process runs one; for each log one of them relays at a time. */
export function createOutbox({ sql, log, send }: OutboxOptions): Outbox {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let round: Promise<void> = Promise.resolve();

  function schedule(delayMs: number): void {
    if (stopped) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      round = relayAll(sql, send)
        .catch((error) => log.debug({ err: String(error) }, "outbox round failed"))
        .finally(() => schedule(POLL_MS));
    }, delayMs);
    timer.unref();
  }
  schedule(POLL_MS);

  return {
    put: (entries) => put(sql, entries),
    hasRows: async (logs) => {
      const [row] = await sql<[{ pending: boolean }]>`
        select exists (select 1 from event_outbox where key = any(${[...new Set(logs)]})) as pending`;
      return row.pending;
    },
    wake: () => schedule(0),
    relay: async (logs) => {
      for (const key of new Set(logs)) {
        await relayLog(sql, key, send).catch((error) => log.debug({ err: String(error) }, "could not relay"));
      }
    },
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await round;
    },
  };
}

async function put(sql: Sql, entries: readonly LogEntry[]): Promise<void> {
  await sql.begin((tx) => putInTransaction(tx, entries));
}

/**
 * Puts events into the outbox with the change itself: they follow it for certain, whoever dies after the commit. Call
 * it last: other writers of the same logs wait until the transaction ends.
 */
export async function putInTransaction(tx: Transaction, entries: readonly LogEntry[]): Promise<void> {
  if (entries.length === 0) return;
  const logs = [...new Set(entries.map((entry) => entry.log))].sort();
  // Ids are given at insert and become visible at commit. Taking turns per log makes the two orders the same.
  for (const key of logs) await tx`select pg_advisory_xact_lock(${WRITER_LOCK}, hashtext(${key}))`;
  await insertEntries(tx, entries);
}

/** Adds rows; a caller that has its own transaction may use it directly, then order among writers is its own care. */
export async function insertEntries(tx: Transaction, entries: readonly LogEntry[]): Promise<void> {
  const rows = entries.map((entry) => ({
    key: entry.log,
    event_id: entry.eventId,
    durable: entry.kept,
    entity: entry.entity,
    version: entry.version === "" ? "0" : entry.version,
    header: entry.header,
    body: entry.body,
  }));
  await tx`insert into event_outbox ${tx(rows)}`;
}

/** One round: every log that has rows, until it is empty or Redis refuses. */
async function relayAll(sql: Sql, send: OutboxOptions["send"]): Promise<void> {
  for (;;) {
    const logs = await sql<{ key: string }[]>`select distinct key from event_outbox limit ${LOGS_PER_ROUND}`;
    let sent = 0;
    for (const { key } of logs) sent += await relayBatch(sql, key, send);
    if (sent === 0) return;
  }
}

async function relayLog(sql: Sql, key: string, send: OutboxOptions["send"]): Promise<void> {
  while ((await relayBatch(sql, key, send)) === BATCH);
}

interface OutboxRow {
  id: string;
  event_id: string;
  durable: boolean;
  entity: string;
  version: string;
  header: string;
  body: string;
}

/**
 * Publishes the oldest rows of one log and deletes them; returns how many. Rows are claimed by being there, never by
 * "id greater than the last one seen": a lower id may commit later, and a watermark would pass it by.
 */
async function relayBatch(sql: Sql, key: string, send: OutboxOptions["send"]): Promise<number> {
  return sql.begin(async (tx) => {
    const [lock] = await tx<[{ mine: boolean }]>`
      select pg_try_advisory_xact_lock(${RELAY_LOCK}, hashtext(${key})) as mine`;
    if (!lock.mine) return 0;
    const rows = await tx<OutboxRow[]>`
      select id, event_id, durable, entity, version, header, body
      from event_outbox where key = ${key} order by id limit ${BATCH}`;
    const unsent = await send(rows.map((row) => toEntry(key, row)));
    const sent = rows.slice(0, rows.length - unsent.length);
    if (sent.length > 0) await tx`delete from event_outbox where id = any(${sent.map((row) => row.id)})`;
    return sent.length;
  });
}

function toEntry(key: string, row: OutboxRow): LogEntry {
  return {
    log: key,
    eventId: row.event_id,
    kept: row.durable,
    entity: row.entity,
    version: row.version,
    header: row.header,
    body: row.body,
  };
}
