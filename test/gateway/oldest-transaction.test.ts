import { Writable } from "node:stream";
import { pino } from "pino";
import { expect, test } from "vitest";
import { connectDatabase } from "../../core/db.ts";
import { watchTransactions } from "../../gateway/oldest-transaction.ts";
import { readMetric } from "../harness/gateway-process.ts";
import { addGateway, startPlatform } from "../harness/platform.ts";

const platform = await startPlatform({ apis: 0, gateways: 0 });
const METRIC = "guildhall_postgres_oldest_transaction_seconds";

test("gateways show how old the oldest transaction is that keeps dead rows, and warn of it by its name", async () => {
  const sql = connectDatabase(platform.stores.databaseUrl);
  const forgotten = connectDatabase(platform.stores.databaseUrl, { max: 1, name: "forgotten" });
  await forgotten`set idle_in_transaction_session_timeout = 0`;
  await forgotten`begin isolation level repeatable read`;
  const [{ pid }] = await forgotten<[{ pid: number }]>`select pg_backend_pid() as pid`;
  await new Promise((done) => setTimeout(done, 1000));

  await addGateway(platform);
  await expect.poll(() => readMetric(platform.gatewayUrl(), METRIC)).toBeGreaterThan(1);
  const before = await readMetric(platform.gatewayUrl(), METRIC);
  await new Promise((done) => setTimeout(done, 500));
  expect(await readMetric(platform.gatewayUrl(), METRIC)).toBeGreaterThanOrEqual(before + 0.4);

  const lines: string[] = [];
  const out = new Writable({
    write: (chunk, _encoding, done) => {
      lines.push(String(chunk));
      done();
    },
  });
  const watch = watchTransactions(sql, pino(out), 1);
  await expect.poll(() => lines.map((line) => JSON.parse(line))).toMatchObject([{ pid, name: "forgotten" }]);
  watch.stop();

  await forgotten`rollback`;
  await forgotten.end();
  lines.length = 0;
  const later = watchTransactions(sql, pino(out), 1);
  await new Promise((done) => setTimeout(done, 500));
  expect([later.seconds() < 1, lines]).toEqual([true, []]);
  later.stop();
  await sql.end();
});
