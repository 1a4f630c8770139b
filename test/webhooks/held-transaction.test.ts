import { expect, test } from "vitest";
import { z } from "zod";
import { connectDatabase } from "../../core/db.ts";
import { emitMessage, insertApplication } from "./application.ts";
import { startEngine, until } from "./engine.ts";

const engine = await startEngine();
const { sql, databaseUrl, dispatch, states } = engine;

/** Runs something while a transaction is open that keeps all rows that die meanwhile. */
async function whileHeld(run: () => Promise<void>): Promise<void> {
  const holder = connectDatabase(databaseUrl, { max: 1 });
  await holder`set idle_in_transaction_session_timeout = 0`;
  await holder`begin isolation level repeatable read`;
  await holder`select count(*) from webhook_queue`;
  await run();
  await holder`rollback`;
  await holder.end();
}

const startsOf = z.tuple([z.unknown(), z.array(z.number())]).rest(z.unknown());

/** Which ids the looks at the queue begin at, from now on. */
function watchLooks(): { at: number; start: number }[] {
  const looks: { at: number; start: number }[] = [];
  sql.options.debug = (_connection, query, parameters) => {
    if (!query.includes("(endpoint_id, start, first, due)")) return;
    const [, starts] = startsOf.parse(parameters);
    looks.push(...starts.map((start) => ({ at: performance.now(), start })));
  };
  return looks;
}

test("while a transaction is held open, all is delivered, and looks pass over the dead rows that stay", async () => {
  const { id } = await insertApplication(sql, engine.guild, engine.receiver.url);
  await whileHeld(async () => {
    const looks = watchLooks();
    dispatch();
    const count = 3000;
    for (let i = 0; i < count; i += 100)
      await Promise.all(Array.from({ length: 100 }, (_, j) => emitMessage(sql, engine.guild, `${i + j}`)));
    await until(async () => expect(await states()).toEqual({ delivered: count }));
    const [{ last }] = await sql<[{ last: number }]>`select last_value::int as last from webhook_delivery_id`;
    // Once a second one begins as far below as there may be something.
    await until(() => {
      const recent = looks.filter(({ at }) => at > performance.now() - 1500);
      expect(Math.min(...recent.map(({ start }) => start))).toBeGreaterThanOrEqual(last);
    });
    /** Blocks that such a look reads. */
    const blocks = async (from: number) => {
      const lines = await sql<{ "QUERY PLAN": string }[]>`
        explain (analyze, buffers, costs off) select id from webhook_queue
        where endpoint_id = ${id} and state = 'first' and id >= ${from} order by id limit 64`;
      const [, hits = "0"] = /Buffers: shared hit=(\d+)/.exec(lines.map((line) => line["QUERY PLAN"]).join(" ")) ?? [];
      return Number(hits);
    };
    await sql`analyze webhook_queue`;
    expect(await blocks(0)).toBeGreaterThan(100);
    expect(await blocks(last)).toBeLessThan(10);
  });
});

test("a dispatcher doesn't look into the queues of endpoints that another holds", async () => {
  for (let i = 0; i < 3; i++) await insertApplication(sql, engine.guild, engine.receiver.url);
  for (let i = 0; i < 5; i++) await emitMessage(sql, engine.guild, `${i}`);
  await sql`update event_endpoint_leases set holder = 'another', held_until = now() + interval '1 hour'`;
  const scans = async () => {
    await sql`select pg_stat_force_next_flush()`;
    const [row] = await sql<[{ n: number }]>`
      select sum(idx_scan)::int as n from pg_stat_user_indexes where relname = 'webhook_queue'`;
    return row.n;
  };
  const before = await scans();
  let claims = 0;
  sql.options.debug = (_connection, query) => {
    if (query.includes("held_until <= now()")) claims += 1;
  };
  dispatch();
  await until(() => expect(claims).toBeGreaterThan(20));
  // A session tells of its reads when a second has passed and it has nothing to do.
  await new Promise((done) => setTimeout(done, 1500));
  // Some are those of its upkeep, and of what went before.
  expect((await scans()) - before).toBeLessThan(claims);
});
