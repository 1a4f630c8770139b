import type { ServerResponse } from "node:http";
import { expect, test } from "vitest";
import { turnPartitions } from "../../core/deliveries.ts";
import { BREAKER_RULES } from "../../gateway/webhooks/breaker.ts";
import { attemptsUnderFire } from "../faults/webhooks-drill/attempts.ts";
import { blackHoleBesideHealthy } from "../faults/webhooks-drill/black-hole.ts";
import { emitMessage, insertApplication, insertGuild } from "./application.ts";
import { startEngine, until } from "./engine.ts";
import { startReceiver } from "./receiver.ts";

const engine = await startEngine();
const { sql, databaseUrl, dispatch, spawn, states } = engine;

const ok = (response: ServerResponse) => response.writeHead(204).end();
const emit = async (count: number) => {
  for (let i = 0; i < count; i++) await emitMessage(sql, engine.guild, `${i}`);
};

test("each delivery arrives at least once under one id, whatever receivers and dispatchers do, and the log has each attempt", async () => {
  const { counts, faults } = await attemptsUnderFire({
    databaseUrl,
    endpoints: 3,
    messages: 250,
    kills: 4,
    retries: 1,
    seed: 14,
    print: () => {},
  });
  expect(faults).toEqual([]);
  expect(counts).toMatchObject({ messages: 250, kills: 4 });
  expect(counts.replayed).toBeGreaterThan(3);
}, 240_000);

test("a dispatcher that was stopped past its lease writes nothing and sends nothing when it goes on", async () => {
  await insertApplication(sql, engine.guild, engine.receiver.url);
  const held: ServerResponse[] = [];
  engine.receiver.answer = (_request, response) => held.push(response);
  await emit(20);
  const stopped = spawn({ leaseMs: 1500, timeoutMs: 60_000 });
  await until(() => expect(held).toHaveLength(1));
  stopped.kill("SIGSTOP");
  engine.receiver.answer = (_request, response) => ok(response);
  dispatch({ leaseMs: 60_000 });
  await until(async () => expect(await states()).toEqual({ delivered: 20 }));
  expect(engine.receiver.received).toHaveLength(21);
  const attempts = () => sql`select delivery_id, status from webhook_attempts order by delivery_id`;
  const before = [...(await attempts())];
  stopped.kill("SIGCONT");
  for (const response of held) response.writeHead(299).end();
  // It is alive: it takes what nobody holds. Then it has had every occasion to do wrong.
  const other = await startReceiver();
  await insertApplication(sql, await insertGuild(sql), other.url);
  await sql`update event_endpoint_leases set held_until = '-infinity'`;
  await until(async () => expect(await states()).toEqual({ delivered: 20 }));
  await new Promise((done) => setTimeout(done, 500));
  other.close();
  expect([...(await attempts())]).toEqual(before);
  expect(before).toHaveLength(20);
  expect(engine.receiver.received).toHaveLength(21);
});

test("a black hole with a long queue costs a few probes, delays nobody, and gets all when it answers", async () => {
  const { counts, faults } = await blackHoleBesideHealthy({
    databaseUrl,
    queued: 500,
    guilds: 10,
    healthy: 10,
    everyMs: 100,
    limits: {
      timeoutMs: 500,
      retryDelaysMs: Array(100).fill(100),
      breaker: { ...BREAKER_RULES, openMs: [2000, 4000] },
    },
    print: () => {},
  });
  expect(faults).toEqual([]);
  expect(counts.healthy).toBeGreaterThan(100);
}, 120_000);

test("what is too old is dropped by the day, and partitions for two weeks are there", async () => {
  const partitions = async () =>
    (
      await sql<{ name: string }[]>`
      select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where i.inhparent = 'webhook_events'::regclass order by 1`
    ).map(({ name }) => name);
  await sql`create table webhook_events_20200101 partition of webhook_events for values from ('2020-01-01 00:00+00') to ('2020-01-02 00:00+00')`;
  await sql`insert into webhook_events (id, event_type, data, created_at) values (1, 'MESSAGE_CREATE', '{}', '2020-01-01 12:00+00')`;
  expect(await partitions()).toContain("webhook_events_20200101");
  await Promise.all([turnPartitions(sql, 3), turnPartitions(sql, 3)]);
  expect(await partitions()).not.toContain("webhook_events_20200101");
  const day = (ahead: number) =>
    new Date(Date.now() + ahead * 86_400_000).toISOString().slice(0, 10).replaceAll("-", "");
  expect(await partitions()).toEqual(expect.arrayContaining([`webhook_events_${day(0)}`, `webhook_events_${day(14)}`]));
});
