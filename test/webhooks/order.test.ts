import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { addBot, emitMessage, insertApplication, insertGuild } from "./application.ts";
import { numbered, startEngine, until } from "./engine.ts";
import { sequenceOf, textOf } from "./receiver.ts";

const engine = await startEngine();
const { sql, dispatch, states } = engine;

const texts = () => engine.receiver.received.map(textOf);
const sequences = () => engine.receiver.received.map(sequenceOf);
const strict = (id: string) => sql`update event_endpoints set strict_order = true where id = ${id}`;

test("first attempts go out in the order of the events, one after the other for a guild", async () => {
  await insertApplication(sql, engine.guild, engine.receiver.url);
  engine.receiver.answer = (_request, response) => setTimeout(() => response.writeHead(204).end(), Math.random() * 10);
  for (const text of numbered(150)) await emitMessage(sql, engine.guild, text);
  dispatch();
  await until(async () => expect(await states()).toEqual({ delivered: 150 }));
  expect(texts()).toEqual(numbered(150));
  expect(sequences()).toEqual([...sequences()].sort((a, b) => a - b));
  expect(engine.receiver.open.most).toBe(1);
});

test("one that fails holds up nothing behind it, and its number tells where it belongs", async () => {
  await insertApplication(sql, engine.guild, engine.receiver.url);
  let failed = false;
  engine.receiver.answer = (request, response) => {
    const fails = request.body.includes('"2"') && !failed;
    if (fails) failed = true;
    response.writeHead(fails ? 500 : 204).end();
  };
  for (const text of numbered(6)) await emitMessage(sql, engine.guild, text);
  dispatch({ retryDelaysMs: [500] });
  await until(async () => expect(await states()).toEqual({ delivered: 6 }));
  expect(texts()).toEqual(["0", "1", "2", "3", "4", "5", "2"]);
  const sorted = engine.receiver.received
    .map(({ body }) => JSON.parse(body).event)
    .sort((a, b) => a.sequence - b.sequence);
  expect([...new Set(sorted.map((event) => event.data.content))]).toEqual(numbered(6));
});

test("who asked for strict order gets nothing of the guild before what failed, and other guilds' all the same", async () => {
  const { id, botId } = await insertApplication(sql, engine.guild, engine.receiver.url);
  await strict(id);
  const other = await insertGuild(sql);
  await addBot(sql, other, botId);
  let refusals = 3;
  engine.receiver.answer = (request, response) => {
    const fails = request.body.includes('"1"') && refusals-- > 0;
    response.writeHead(fails ? 500 : 204).end();
  };
  for (const text of numbered(100)) await emitMessage(sql, engine.guild, text);
  for (const text of numbered(100)) await emitMessage(sql, other, `other ${text}`);
  dispatch({ retryDelaysMs: [700, 700, 700] });
  await until(async () => expect(await states()).toEqual({ delivered: 200 }));
  const [own, others] = [
    texts().filter((text) => !text.startsWith("other")),
    texts().filter((text) => text.startsWith("other")),
  ];
  expect(own).toEqual(["0", "1", "1", "1", ...numbered(100).slice(1)]);
  expect(others).toEqual(numbered(100).map((text) => `other ${text}`));
  expect(texts().indexOf("other 99")).toBeLessThan(texts().lastIndexOf("1"));
});

test("strict order goes on when what failed is given up, and over a change of dispatchers", async () => {
  const { id } = await insertApplication(sql, engine.guild, engine.receiver.url);
  await strict(id);
  engine.receiver.answer = (request, response) => response.writeHead(request.body.includes('"1"') ? 500 : 204).end();
  for (const text of numbered(4)) await emitMessage(sql, engine.guild, text);
  const first = dispatch({ retryDelaysMs: [1500, 10] });
  await until(() => expect(texts()).toEqual(["0", "1"]));
  await until(async () => expect((await sql`select 1 from webhook_queue where attempts = 1`).length).toBe(1));
  await first.stop();
  dispatch({ retryDelaysMs: [1500, 10] });
  await until(async () => expect(await states()).toEqual({ dead: 1, delivered: 3 }));
  expect(texts()).toEqual(["0", "1", "1", "1", "2", "3"]);
});

test("in strict order, numbers come in the order of the commits, whoever commits first", async () => {
  const { id } = await insertApplication(sql, engine.guild, engine.receiver.url);
  await strict(id);
  // Many at once, each in a transaction that stays open for a while after it has told of its event.
  await Promise.all(
    numbered(40).map((text) =>
      sql.begin(async (tx) => {
        await emitMessage(tx, engine.guild, text);
        await tx`select pg_sleep(${Math.random() * 0.03})`;
      }),
    ),
  );
  dispatch();
  await until(async () => expect(await states()).toEqual({ delivered: 40 }));
  expect(sequences()).toEqual([...sequences()].sort((a, b) => a - b));
});

test("one whose number was given earlier and that commits later is delivered all the same", async () => {
  await insertApplication(sql, engine.guild, engine.receiver.url);
  dispatch();
  let commit = () => {};
  const committed = new Promise<void>((done) => {
    commit = done;
  });
  let told = () => {};
  const emitted = new Promise<void>((done) => {
    told = done;
  });
  const slow = sql.begin(async (tx) => {
    await emitMessage(tx, engine.guild, "late");
    told();
    await committed;
  });
  await emitted;
  for (const text of numbered(5)) await emitMessage(sql, engine.guild, text);
  await until(() => expect(texts()).toEqual(numbered(5)));
  // Long enough for many looks, whose numbers go past the one that is not seen yet.
  await pause(1000);
  commit();
  await slow;
  await until(() => expect(texts()).toEqual([...numbered(5), "late"]));
  expect(Math.min(...sequences())).toBe(sequences().at(-1));
});

test("strict order outlasts moments in which what a delivery is judged by can't be read", async () => {
  const { id } = await insertApplication(sql, engine.guild, engine.receiver.url);
  await strict(id);
  for (const text of numbered(200)) await emitMessage(sql, engine.guild, text);
  engine.receiver.answer = (_request, response) => setTimeout(() => response.writeHead(204).end(), 10);
  dispatch();
  for (let times = 0; times < 20; times++) {
    await sql`alter table thread_members rename to thread_members_away`;
    await pause(50);
    await sql`alter table thread_members_away rename to thread_members`;
    await pause(50);
  }
  await until(async () => expect(await states()).toEqual({ delivered: 200 }));
  expect(texts()).toEqual(numbered(200));
});
