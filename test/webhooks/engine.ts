import type { ChildProcess } from "node:child_process";
import { afterAll, afterEach, beforeEach, vi } from "vitest";
import { connectDatabase, type Sql } from "../../core/db.ts";
import type { Dispatcher } from "../../gateway/webhooks/dispatcher.ts";
import type { DispatcherLimits } from "../../gateway/webhooks/limits.ts";
import { startStores } from "../harness/platform.ts";
import { insertGuild, type TestGuild } from "./application.ts";
import { dispatchHere, spawnDispatcher } from "./dispatchers.ts";
import { type Receiver, startReceiver } from "./receiver.ts";

export interface Engine {
  sql: Sql;
  databaseUrl: string;
  /** Each test has its own. */
  readonly guild: TestGuild;
  /** Likewise; closed after it. */
  readonly receiver: Receiver;
  /** A dispatcher in this process, stopped after the test. */
  dispatch(limits?: Partial<DispatcherLimits>): Dispatcher;
  /** One in a process of its own, killed after the test. */
  spawn(limits?: Partial<DispatcherLimits>): ChildProcess;
  /** Deliveries by state, `pending` for those that are not settled. */
  states(endpointId?: string): Promise<Record<string, number>>;
}

/** Looks every 20 ms until something holds; a minute at most. */
export const until = (holds: () => Promise<void> | void) => vi.waitFor(holds, { timeout: 60_000, interval: 20 });

export const numbered = (count: number) => Array.from({ length: count }, (_, i) => `${i}`);

/** A database with nothing but the engine at work on it; empty before each test. */
export async function startEngine(): Promise<Engine> {
  const { databaseUrl } = await startStores();
  const sql = connectDatabase(databaseUrl);
  const dispatchers: Dispatcher[] = [];
  const processes: ChildProcess[] = [];
  let scene: Pick<Engine, "guild" | "receiver"> | undefined;
  const ofTest = () => {
    if (scene === undefined) throw new Error("no test is running");
    return scene;
  };
  afterAll(() => sql.end());
  beforeEach(async () => {
    await sql`truncate webhook_deliveries, webhook_queue, webhook_events, webhook_attempts, webhook_dispatchers`;
    await sql`delete from applications`;
    scene = { guild: await insertGuild(sql), receiver: await startReceiver() };
  });
  afterEach(async () => {
    scene?.receiver.close();
    for (const each of processes.splice(0)) each.kill("SIGKILL");
    await Promise.all(dispatchers.splice(0).map((each) => each.stop()));
  });
  return {
    sql,
    databaseUrl,
    get guild() {
      return ofTest().guild;
    },
    get receiver() {
      return ofTest().receiver;
    },
    dispatch: (limits = {}) => {
      const dispatcher = dispatchHere(sql, { pollMs: [10, 50], stopGraceMs: 0, ...limits });
      dispatchers.push(dispatcher);
      return dispatcher;
    },
    spawn: (limits = {}) => {
      const child = spawnDispatcher(databaseUrl, limits);
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
