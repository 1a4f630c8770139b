import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { pino } from "pino";
import { afterAll, afterEach, beforeEach, vi } from "vitest";
import { connectDatabase, type Sql } from "../../core/db.ts";
import { type Dispatcher, startDispatcher } from "../../gateway/webhooks/dispatcher.ts";
import type { DispatcherLimits } from "../../gateway/webhooks/limits.ts";
import { startStores } from "../harness/platform.ts";
import { SECRET } from "./application.ts";

export interface Engine {
  sql: Sql;
  databaseUrl: string;
  /** A dispatcher in this process, stopped after the test. */
  dispatch(limits?: Partial<DispatcherLimits>): Dispatcher;
  /** One in a process of its own, killed after the test. */
  spawn(limits?: Partial<DispatcherLimits>): ChildProcess;
  /** Deliveries by state, `pending` for those that are not settled. */
  states(endpointId?: string): Promise<Record<string, number>>;
}

/** Looks every 20 ms until something holds; a minute at most. */
export const until = (holds: () => Promise<void> | void) => vi.waitFor(holds, { timeout: 60_000, interval: 20 });

/** A database with nothing but the engine at work on it; empty before each test. */
export async function startEngine(): Promise<Engine> {
  const { databaseUrl } = await startStores();
  const sql = connectDatabase(databaseUrl);
  const dispatchers: Dispatcher[] = [];
  const processes: ChildProcess[] = [];
  afterAll(() => sql.end());
  beforeEach(async () => {
    await sql`truncate webhook_deliveries, webhook_queue, webhook_events, webhook_attempts`;
    await sql`delete from applications`;
  });
  afterEach(async () => {
    for (const each of processes.splice(0)) each.kill("SIGKILL");
    await Promise.all(dispatchers.splice(0).map((each) => each.stop()));
  });
  return {
    sql,
    databaseUrl,
    dispatch: (limits = {}) => {
      const config = { egressAllow: ["127.0.0.0/8"], webhookLogDays: 30 };
      const quick = { pollMs: [10, 50] as const, stopGraceMs: 0, ...limits };
      const log = pino({ level: "silent" });
      const dispatcher = startDispatcher({ sql, secret: SECRET, config, log, limits: quick });
      dispatchers.push(dispatcher);
      return dispatcher;
    },
    spawn: (limits = {}) => {
      const file = fileURLToPath(new URL("./dispatcher-process.ts", import.meta.url));
      const child = spawn(process.execPath, ["--import", "tsx", file], {
        env: { ...process.env, DATABASE_URL: databaseUrl, LIMITS: JSON.stringify(limits) },
        stdio: "ignore",
      });
      processes.push(child);
      return child;
    },
    states: async (endpointId) => {
      const rows = await sql<{ state: string; n: number }[]>`
        select state, count(*)::int as n from (
          select state, endpoint_id from webhook_deliveries
          union all select 'pending', endpoint_id from webhook_queue where state <> 'replay') d
        where ${endpointId === undefined ? sql`true` : sql`endpoint_id = ${endpointId}`} group by state`;
      return Object.fromEntries(rows.map(({ state, n }) => [state, n]));
    },
  };
}
