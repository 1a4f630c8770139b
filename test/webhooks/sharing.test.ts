import type { ChildProcess } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { emitMessage, insertApplication } from "./application.ts";
import { numbered, startEngine, until } from "./engine.ts";
import { idOf, SENT_BY, textOf } from "./receiver.ts";

const engine = await startEngine();
const { sql, dispatch, spawn, states } = engine;

const ENDPOINTS = 40;
/** Longer than the dispatchers are watched. */
const MESSAGES = 200;
const LIMITS = { leaseMs: 6000, timeoutMs: 4000, pollMs: [50, 500] as [number, number] };

/** Endpoints that asked for strict order, each with a queue that takes a minute at least. */
async function makeBusy(): Promise<void> {
  const { receiver, guild } = engine;
  for (let i = 0; i < ENDPOINTS; i++) await insertApplication(sql, guild, `${receiver.url}/${i}`);
  await sql`update event_endpoints set strict_order = true`;
  for (const text of numbered(MESSAGES)) await emitMessage(sql, guild, text);
  receiver.answer = (_request, response) => setTimeout(() => response.writeHead(204).end(), 300);
}

/** Who served which endpoints since as many requests had come. */
function servedSince(count: number): Map<string, Set<string>> {
  const served = new Map<string, Set<string>>();
  for (const { headers, path } of engine.receiver.received.slice(count)) {
    const by = headers[SENT_BY] ?? "nobody";
    served.set(by, (served.get(by) ?? new Set()).add(path));
  }
  return served;
}

/** Endpoints by process, over two seconds in which none changed hands. */
async function shares(children: readonly ChildProcess[]): Promise<number[]> {
  const before = engine.receiver.received.length;
  await pause(2000);
  const served = servedSince(before);
  const all = [...served.values()].flatMap((paths) => [...paths]);
  expect(new Set(all).size).toBe(ENDPOINTS);
  expect(all).toHaveLength(ENDPOINTS);
  return children.map(({ pid }) => served.get(String(pid))?.size ?? 0);
}

/** Looks until the shares have been even, and stayed so. */
async function untilEven(children: readonly ChildProcess[]): Promise<void> {
  const least = Math.floor(ENDPOINTS / children.length);
  const began = performance.now();
  await until(async () => {
    const found = await shares(children);
    expect(Math.min(...found)).toBeGreaterThanOrEqual(least - Math.floor(least / 8));
    console.log(`endpoints of ${children.length}: ${found}, after ${Math.round(performance.now() - began - 2000)} ms`);
  });
}

async function settle(): Promise<void> {
  engine.receiver.answer = (_request, response) => response.writeHead(204).end();
  await until(async () => expect(await states()).toEqual({ delivered: ENDPOINTS * MESSAGES }));
}

/** What each endpoint had, in the order in which it came. */
function texts(): string[][] {
  const byPath = new Map<string, string[]>();
  for (const request of engine.receiver.received) {
    byPath.set(request.path, [...(byPath.get(request.path) ?? []), textOf(request)]);
  }
  return [...byPath.values()];
}

test("one that joins gets its share of busy endpoints, one that stops leaves it, and nothing is repeated or out of order", async () => {
  await makeBusy();
  const first = spawn(LIMITS);
  await untilEven([first]);
  const second = spawn(LIMITS);
  await untilEven([first, second]);
  const third = spawn(LIMITS);
  await untilEven([first, second, third]);
  first.kill("SIGTERM");
  await untilEven([second, third]);
  await settle();
  expect(texts()).toEqual(Array.from({ length: ENDPOINTS }, () => numbered(MESSAGES)));
}, 240_000);

test("the share of one that is killed passes to the others, with repeats only of what it had under way", async () => {
  await makeBusy();
  const [first, second, third] = [spawn(LIMITS), spawn(LIMITS), spawn(LIMITS)];
  await untilEven([first, second, third]);
  third.kill("SIGKILL");
  const killedAt = engine.receiver.received.length;
  await untilEven([first, second]);
  await settle();
  const ids = engine.receiver.received.map(idOf);
  expect(new Set(ids).size).toBe(ENDPOINTS * MESSAGES);
  expect(new Set(ids.slice(0, killedAt)).size).toBe(killedAt);
  expect(ids.length - ENDPOINTS * MESSAGES).toBeLessThanOrEqual(ENDPOINTS);
}, 240_000);

test("one that is alive by its name only holds up next to nothing", async () => {
  await makeBusy();
  await sql`insert into webhook_dispatchers (id, alive_until, endpoints) values ('ghost', now() + interval '1 hour', 0)`;
  dispatch(LIMITS);
  const held = async () => (await sql`select 1 from event_endpoint_leases where held_until > now()`).length;
  await until(async () => expect(await held()).toBe(ENDPOINTS));
  const seen = [];
  for (let i = 0; i < 50; i++) {
    await pause(50);
    seen.push(await held());
  }
  // One at a time is left to it, for a moment.
  expect(Math.min(...seen)).toBe(ENDPOINTS - 1);
  await settle();
}, 120_000);

test("with nothing to send, endpoints cost nothing: a dispatcher asks twice a second, and leaves no trace when it stops", async () => {
  await sql`insert into webhook_dispatchers (id, alive_until, endpoints) values ('dead', now() - interval '1 second', 5)`;
  for (let i = 0; i < ENDPOINTS; i++) await insertApplication(sql, engine.guild, engine.receiver.url);
  await emitMessage(sql, engine.guild, "hello");
  const dispatchers = [1, 2].map(() => dispatch({ pollMs: [100, 1000], idleMs: 100 }));
  await until(() => expect(dispatchers.reduce((sum, { endpoints }) => sum + endpoints, 0)).toBeGreaterThan(0));
  await until(async () => expect(await states()).toEqual({ delivered: ENDPOINTS }));
  await until(() => expect(dispatchers.map(({ endpoints }) => endpoints)).toEqual([0, 0]));
  // Pauses grow to a second.
  await pause(2000);
  let statements = 0;
  sql.options.debug = () => {
    statements += 1;
  };
  await pause(3000);
  sql.options.debug = false;
  expect(statements).toBeGreaterThan(4);
  expect(statements).toBeLessThanOrEqual(16);
  expect(await sql`select 1 from webhook_dispatchers where endpoints = 0`).toHaveLength(2);
  await Promise.all(dispatchers.map((each) => each.stop()));
  expect(await sql`select 1 from webhook_dispatchers`).toHaveLength(0);
}, 60_000);
