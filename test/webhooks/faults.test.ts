import type { ChildProcess } from "node:child_process";
import type { ServerResponse } from "node:http";
import { expect, test } from "vitest";
import { connectDatabase } from "../../core/db.ts";
import { turnPartitions } from "../../core/deliveries.ts";
import { BREAKER_RULES } from "../../gateway/webhooks/breaker.ts";
import { seeded } from "../faults/gateway-drill/random.ts";
import { emitMessage, insertApplication, insertGuild, type TestApplication } from "./application.ts";
import { idOf, startEngine, until } from "./engine.ts";
import { type Received, startReceiver, verifiesAsDiscord, verifiesAsStandard } from "./receiver.ts";

const engine = await startEngine();
const { sql, databaseUrl, dispatch, spawn, states } = engine;

const ok = (response: ServerResponse) => response.writeHead(204).end();
const emit = async (count: number) => {
  for (let i = 0; i < count; i++) await emitMessage(sql, engine.guild, `${i}`);
};
const exited = (child: ChildProcess) => new Promise((done) => child.once("exit", done));

function expectGenuine(requests: readonly Received[], { publicKey }: TestApplication): void {
  for (const request of requests) {
    expect(verifiesAsDiscord(request, publicKey)).toBe(true);
    expect(verifiesAsStandard(request, publicKey)).toBe(true);
  }
}

test("each delivery arrives at least once, repeats are known by their id, whatever receivers and dispatchers do", async () => {
  const application = await insertApplication(sql, engine.guild, engine.receiver.url);
  const random = seeded(14);
  const limits = { leaseMs: 1500, timeoutMs: 300, retryDelaysMs: Array(40).fill(50) };
  const workers = [spawn(limits), spawn(limits)];
  let kills = 0;
  const kill = (child: ChildProcess) => {
    child.kill("SIGKILL");
    kills += 1;
  };
  engine.receiver.answer = (_request, response) => {
    const chance = random();
    if (chance < 0.7) ok(response);
    else if (chance < 0.85) response.writeHead(500).end();
    else if (chance < 0.9) response.socket?.resetAndDestroy();
    else if (chance < 0.95) response.writeHead(200).write("half", () => response.socket?.resetAndDestroy());
    // The rest is never answered.
  };
  const emitting = emit(300);
  for (let i = 0; i < 6; i++) {
    const before = engine.receiver.received.length;
    await until(() => expect(engine.receiver.received.length).toBeGreaterThan(before + 10));
    const [oldest] = workers.splice(0, 1);
    workers.push(spawn(limits));
    if (oldest === undefined) throw new Error("nobody is left");
    if (i % 2 === 0) kill(oldest);
    else {
      // Between the answer that it was delivered and the mark that it was.
      const { answer } = engine.receiver;
      await new Promise<void>((done) => {
        engine.receiver.answer = (request, response) => {
          engine.receiver.answer = answer;
          response.writeHead(204).end(() => {
            for (const each of [oldest, ...workers.splice(0)]) kill(each);
            done();
          });
          expect(idOf(request)).not.toBe("");
        };
      });
      workers.push(spawn(limits), spawn(limits));
    }
    await exited(oldest);
  }
  await emitting;
  engine.receiver.answer = (_request, response) => ok(response);
  await until(async () => expect(await states()).toEqual({ delivered: 300 }));
  expect(kills).toBeGreaterThanOrEqual(6);
  const bodies = new Map<string, Set<string>>();
  for (const request of engine.receiver.received)
    bodies.set(idOf(request), (bodies.get(idOf(request)) ?? new Set()).add(request.body));
  expect(bodies.size).toBe(300);
  expect([...bodies.values()].every((each) => each.size === 1)).toBe(true);
  expect(engine.receiver.received.length).toBeGreaterThan(300);
  expectGenuine(engine.receiver.received, application);
  // What the log has, the receiver had; kills can only have kept attempts out of the log.
  const logged = await sql<{ delivery_id: string; n: number }[]>`
    select delivery_id, count(*)::int as n from webhook_attempts group by 1`;
  const had = (id: string) => engine.receiver.received.filter((request) => idOf(request) === id).length;
  expect(logged).toHaveLength(300);
  for (const { delivery_id, n } of logged) expect(had(delivery_id)).toBeGreaterThanOrEqual(n);
}, 240_000);

test("without kills the log has each attempt that the receiver had, and no other", async () => {
  await insertApplication(sql, engine.guild, engine.receiver.url);
  const random = seeded(15);
  engine.receiver.answer = (_request, response) => response.writeHead(random() < 0.5 ? 500 : 200).end("x".repeat(5000));
  await emit(50);
  // Half of them fail: that must not look like an endpoint that is down.
  dispatch({ retryDelaysMs: Array(60).fill(5), breaker: { ...BREAKER_RULES, fewest: 1000 } });
  await until(async () => expect(await states()).toEqual({ delivered: 50 }));
  const logged = await sql<{ delivery_id: string; attempt: number; body: string; status: number }[]>`
    select delivery_id, attempt, response_body as body, status from webhook_attempts`;
  const counted = (ids: string[]) =>
    ids.reduce((all, id) => all.set(id, (all.get(id) ?? 0) + 1), new Map<string, number>());
  expect(counted(logged.map((row) => row.delivery_id))).toEqual(counted(engine.receiver.received.map(idOf)));
  expect(logged.every((row) => row.body === "x".repeat(1024))).toBe(true);
});

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

test("a transaction that is held open for long keeps nothing from being delivered, nor looks from being short", async () => {
  const { id } = await insertApplication(sql, engine.guild, engine.receiver.url);
  const holder = connectDatabase(databaseUrl, { max: 1 });
  const reserved = await holder.reserve();
  await reserved`set idle_in_transaction_session_timeout = 0`;
  await reserved`begin isolation level repeatable read`;
  await reserved`select count(*) from webhook_queue`;
  dispatch({ settledAfterMs: 200 });
  const count = 3000;
  for (let i = 0; i < count; i += 100)
    await Promise.all(Array.from({ length: 100 }, (_, j) => emitMessage(sql, engine.guild, `${i + j}`)));
  await until(async () => expect(await states()).toEqual({ delivered: count }));
  /** Blocks that a look reads, as readQueue looks. */
  const blocks = async (floor: number) => {
    const lines = await sql<{ "QUERY PLAN": string }[]>`
      explain (analyze, buffers, costs off) select id from webhook_queue
      where endpoint_id = ${id} and state = 'first' and id >= ${floor} order by id limit 64`;
    const [, hits = "0"] = /Buffers: shared hit=(\d+)/.exec(lines.map((line) => line["QUERY PLAN"]).join(" ")) ?? [];
    return Number(hits);
  };
  const [newest] = await sql<[{ last_value: string }]>`select last_value from webhook_delivery_id`;
  await sql`analyze webhook_queue`;
  const [short, wading] = [await blocks(Number(newest.last_value) - 50), await blocks(0)];
  // The dead rows are there: without the floor each look would read them all.
  expect(wading).toBeGreaterThan(100);
  expect(short).toBeLessThan(wading / 5);
  await reserved`rollback`;
  reserved.release();
  await holder.end();
});

test("an endpoint that has only failed for days is switched off when a delivery is given up; one success begins anew", async () => {
  const { id } = await insertApplication(sql, engine.guild, engine.receiver.url);
  const failingFor = (days: number) => sql`
    update event_endpoints set failing_since = now() - make_interval(days => ${days}) where id = ${id}`;
  const endpoint = async () =>
    (await sql`select status, disabled_reason, failing_since from event_endpoints where id = ${id}`)[0];
  engine.receiver.answer = (request, response) => response.writeHead(request.body.includes("fails") ? 500 : 204).end();
  dispatch({ retryDelaysMs: [10] });
  await emitMessage(sql, engine.guild, "fails at first");
  await until(async () => expect(await states()).toEqual({ dead: 1 }));
  expect(await endpoint()).toMatchObject({ status: 2, failing_since: expect.any(Date) });
  await failingFor(6);
  await emitMessage(sql, engine.guild, "sporadic success");
  await until(async () => expect(await endpoint()).toMatchObject({ failing_since: null }));
  await emitMessage(sql, engine.guild, "fails again");
  await until(async () => expect(await states()).toEqual({ dead: 2, delivered: 1 }));
  expect(await endpoint()).toMatchObject({ status: 2 });
  await failingFor(6);
  await emitMessage(sql, engine.guild, "fails for the last time");
  await until(async () =>
    expect(await endpoint()).toMatchObject({ status: 3, disabled_reason: "Nothing could be delivered for 5 days." }),
  );
  const [told] = await sql`select key, body from event_outbox where body like '%EVENT_ENDPOINT_DISABLED%'`;
  expect(told).toMatchObject({ key: expect.stringMatching(/^u:/), body: expect.stringContaining(id) });
});

test("a black hole with a long queue costs a few probes, delays nobody, and gets all when it answers", async () => {
  const blackHole = await startReceiver();
  blackHole.answer = () => {};
  const { id } = await insertApplication(sql, engine.guild, blackHole.url);
  for (let i = 0; i < 10; i++) await insertApplication(sql, engine.guild, engine.receiver.url);
  for (let i = 0; i < 500; i += 100)
    await Promise.all(Array.from({ length: 100 }, (_, j) => emitMessage(sql, engine.guild, `${i + j}`)));
  const breaker = { windowMs: 300_000, share: 0.7, fewest: 10, openMs: [5000, 10_000] as const };
  dispatch({ timeoutMs: 500, retryDelaysMs: Array(100).fill(100), breaker });
  const paused = async () => (await sql`select paused_until from event_endpoints where id = ${id}`)[0]?.paused_until;
  await until(async () => expect(await paused()).toBeInstanceOf(Date));
  expect(blackHole.open.most).toBeLessThanOrEqual(8);
  expect(blackHole.received.length).toBeLessThan(30);
  // A machine that is busy may make a healthy one's answer late, too: then it comes again.
  await until(() => expect(new Set(engine.receiver.received.map(idOf)).size).toBe(5000));
  expect(blackHole.received.length).toBeLessThan(60);
  blackHole.answer = (_request, response) => ok(response);
  await until(async () => expect((await states(id)).delivered).toBe(500));
  expect(await paused()).toBeNull();
  blackHole.close();
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
