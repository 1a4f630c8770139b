import { expect, test } from "vitest";
import { BREAKER_RULES } from "../../gateway/webhooks/breaker.ts";
import { RETRY_DELAYS_MS } from "../../gateway/webhooks/retry-schedule.ts";
import { replayDeliveries } from "../../src/store/event-deliveries.ts";
import { emitMessage, insertApplication } from "./application.ts";
import { startEngine, until } from "./engine.ts";

const engine = await startEngine();
const { sql, dispatch, states } = engine;

/** It must not matter how often in a row something fails. */
const breaker = { ...BREAKER_RULES, fewest: 1000 };
/** Between an attempt and the note of what follows from it; a machine may be busy. */
const LATE_MS = 4000;

/** How long the only delivery waits after so many attempts, from the beginning of the last. */
async function waitAfter(attempts: number): Promise<number> {
  let wait = Number.NaN;
  await until(async () => {
    const rows = await sql<{ attempts: number; wait: number }[]>`
      select q.attempts, extract(epoch from q.next_attempt_at - a.started_at)::float8 * 1000 as wait
      from webhook_queue q join webhook_attempts a on a.delivery_id = q.id and a.attempt = q.attempts`;
    expect(rows).toMatchObject([{ attempts }]);
    wait = rows[0]?.wait ?? Number.NaN;
  });
  return wait;
}

const moveClockToNextAttempt = () => sql`update webhook_queue set next_attempt_at = now()`;
const endpoint = async (id: string) =>
  (await sql`select status, disabled_reason, failing_since from event_endpoints where id = ${id}`)[0];
const notices = () => sql`select key, body from event_outbox where body like '%EVENT_ENDPOINT_DISABLED%' order by id`;

test("a delivery that always fails is tried after each delay of the schedule, a fifth more or less, then it is dead", async () => {
  await insertApplication(sql, engine.guild, engine.receiver.url);
  engine.receiver.answer = (_request, response) => response.writeHead(500).end();
  await emitMessage(sql, engine.guild, "hello");
  dispatch({ breaker });
  for (const [i, usual] of RETRY_DELAYS_MS.entries()) {
    const wait = await waitAfter(i + 1);
    expect(wait).toBeGreaterThanOrEqual(0.8 * usual);
    expect(wait).toBeLessThanOrEqual(1.2 * usual + LATE_MS);
    await moveClockToNextAttempt();
  }
  await until(async () => expect(await states()).toEqual({ dead: 1 }));
  expect(engine.receiver.received).toHaveLength(RETRY_DELAYS_MS.length + 1);
});

/** A Retry-After that is a number here is a date in so many seconds. */
const answers: [status: number, retryAfter: string | number | undefined, least: number, most: number][] = [
  [429, undefined, 60, 60],
  [429, "1", 60, 60],
  [429, "90", 90, 90],
  [503, "999999", 900, 900],
  [429, 999_999, 900, 900],
  // Such a date has no fractions of a second.
  [503, 120, 118, 120],
  [503, -120, 4, 6],
];
test.each(answers)(
  "answered %i with Retry-After %j, it is tried again in %d to %d s",
  async (status, asked, least, most) => {
    await insertApplication(sql, engine.guild, engine.receiver.url);
    engine.receiver.answer = (_request, response) => {
      const retryAfter = typeof asked === "number" ? new Date(Date.now() + asked * 1000).toUTCString() : asked;
      response.writeHead(status, retryAfter === undefined ? {} : { "retry-after": retryAfter }).end();
    };
    await emitMessage(sql, engine.guild, "hello");
    dispatch();
    const wait = await waitAfter(1);
    expect(wait).toBeGreaterThanOrEqual(least * 1000);
    expect(wait).toBeLessThanOrEqual(most * 1000 + LATE_MS);
  },
);

test("410 disables the URL at once, and the owner is told; what happens later is not even queued", async () => {
  const { id } = await insertApplication(sql, engine.guild, engine.receiver.url);
  engine.receiver.answer = (_request, response) => response.writeHead(410).end();
  const before = (await notices()).length;
  await emitMessage(sql, engine.guild, "hello");
  dispatch();
  await until(async () => expect(await states()).toEqual({ dead: 1 }));
  const reason = "The URL answered 410 Gone.";
  expect(await endpoint(id)).toMatchObject({ status: 3, disabled_reason: reason });
  const [owner] = await sql<{ id: string }[]>`select owner_id as id from applications where id = ${id}`;
  const told = (await notices()).slice(before);
  expect(told).toMatchObject([{ key: `u:${owner?.id}` }]);
  expect(JSON.parse(`{${told[0]?.body}}`).d).toMatchObject({ application_id: id, reason });
  await emitMessage(sql, engine.guild, "later");
  expect(await states()).toEqual({ dead: 1 });
  expect(engine.receiver.received).toHaveLength(1);
});

test("an endpoint that has only failed for days is switched off when a delivery is given up; one success begins anew", async () => {
  const { id } = await insertApplication(sql, engine.guild, engine.receiver.url);
  const failingFor = (days: number) => sql`
    update event_endpoints set failing_since = now() - make_interval(days => ${days}) where id = ${id}`;
  engine.receiver.answer = (request, response) => response.writeHead(request.body.includes("fails") ? 500 : 204).end();
  dispatch({ retryDelaysMs: [10] });
  await emitMessage(sql, engine.guild, "fails at first");
  await until(async () => expect(await states()).toEqual({ dead: 1 }));
  expect(await endpoint(id)).toMatchObject({ status: 2, failing_since: expect.any(Date) });
  await failingFor(6);
  await emitMessage(sql, engine.guild, "sporadic success");
  await until(async () => expect(await endpoint(id)).toMatchObject({ failing_since: null }));
  await emitMessage(sql, engine.guild, "fails again");
  await until(async () => expect(await states()).toEqual({ dead: 2, delivered: 1 }));
  expect(await endpoint(id)).toMatchObject({ status: 2 });
  await failingFor(6);
  await emitMessage(sql, engine.guild, "fails for the last time");
  await until(async () =>
    expect(await endpoint(id)).toMatchObject({ status: 3, disabled_reason: "Nothing could be delivered for 5 days." }),
  );
  const told = (await notices()).at(-1);
  expect(told).toMatchObject({ key: expect.stringMatching(/^u:/), body: expect.stringContaining(id) });
});

test("a retry by hand of what waits is one attempt more: after it, the schedule goes on", async () => {
  const { id } = await insertApplication(sql, engine.guild, engine.receiver.url);
  engine.receiver.answer = (_request, response) => response.writeHead(500).end();
  await emitMessage(sql, engine.guild, "hello");
  dispatch({ breaker, retryDelaysMs: [3_600_000, 7_200_000] });
  await waitAfter(1);
  const byHand = () => replayDeliveries(sql, id, { states: ["pending", "dead"], limit: 10 });
  expect(await byHand()).toBe(1);
  expect(await waitAfter(2)).toBeGreaterThanOrEqual(0.8 * 7_200_000);
  expect(await byHand()).toBe(1);
  await until(async () => expect(await states()).toEqual({ dead: 1 }));
  // Of what was given up, it is the only attempt.
  expect(await byHand()).toBe(1);
  await until(async () => expect((await sql`select 1 from webhook_attempts where manual`).length).toBe(1));
  await until(async () => expect((await sql`select 1 from webhook_queue`).length).toBe(0));
  expect(await states()).toEqual({ dead: 1 });
  expect(engine.receiver.received).toHaveLength(4);
});
