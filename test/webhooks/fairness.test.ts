import { expect, test } from "vitest";
import { addBot, emitMessage, insertApplication, insertGuild } from "./application.ts";
import { startEngine, until } from "./engine.ts";

const engine = await startEngine();
const { sql, dispatch, states } = engine;

const arrived = (path: string) => engine.receiver.received.filter((request) => request.path === path).length;

test("endpoints take turns at the places that there are: a long queue does not go before a short one", async () => {
  const { botId } = await insertApplication(sql, engine.guild, `${engine.receiver.url}/long`);
  for (let i = 0; i < 20; i++) {
    const other = await insertGuild(sql);
    await addBot(sql, other, botId);
    for (let j = 0; j < 10; j++) await emitMessage(sql, other, `${i} ${j}`);
  }
  await insertApplication(sql, engine.guild, `${engine.receiver.url}/short`);
  for (let i = 0; i < 10; i++) await emitMessage(sql, engine.guild, `${i}`);
  let longWhenShortHadAll = 0;
  engine.receiver.answer = (_request, response) => {
    if (arrived("/short") === 10 && longWhenShortHadAll === 0) longWhenShortHadAll = arrived("/long");
    setTimeout(() => response.writeHead(204).end(), 5);
  };
  dispatch({ total: 4 });
  await until(async () => expect(await states()).toEqual({ delivered: 220 }));
  expect(longWhenShortHadAll).toBeGreaterThan(0);
  expect(longWhenShortHadAll).toBeLessThan(100);
});

test("endpoints that answer late leave half of the places to the others", async () => {
  const late: (() => void)[] = [];
  engine.receiver.answer = (request, response) => {
    const answer = () => response.writeHead(204).end();
    if (request.path !== "/late") answer();
    else if (late.length < 8) setTimeout(answer, 1100 + late.push(answer));
    else late.push(answer);
  };
  const { botId } = await insertApplication(sql, engine.guild, `${engine.receiver.url}/late`);
  await emitMessage(sql, engine.guild, "shows that it is late");
  dispatch({ total: 8, perEndpoint: 100 });
  await until(async () => expect(await states()).toEqual({ delivered: 1 }));
  // From now on the late one never answers: all that it may have is under way.
  for (let i = 0; i < 7; i++) late.push(() => {});
  for (let i = 0; i < 20; i++) {
    const other = await insertGuild(sql);
    await addBot(sql, other, botId);
    await emitMessage(sql, other, `${i}`);
  }
  await until(() => expect(engine.receiver.open.now).toBeGreaterThanOrEqual(4));
  await insertApplication(sql, engine.guild, `${engine.receiver.url}/quick`);
  for (let i = 0; i < 20; i++) await emitMessage(sql, engine.guild, `${i}`);
  await until(() => expect(arrived("/quick")).toBe(20));
  expect(engine.receiver.open.now).toBe(4);
});

test("endpoints with long queues that never answer don't use up the memory that the others need", async () => {
  for (let i = 0; i < 90; i++) await insertApplication(sql, engine.guild, `${engine.receiver.url}/silent`);
  engine.receiver.answer = (request, response) => {
    if (request.path === "/quick") response.writeHead(204).end();
  };
  for (let i = 0; i < 70; i++) await emitMessage(sql, engine.guild, `${i}`);
  dispatch({ timeoutMs: 120_000, leaseMs: 180_000 });
  await until(() => expect(engine.receiver.open.now).toBe(90));
  await insertApplication(sql, engine.guild, `${engine.receiver.url}/quick`);
  for (let i = 0; i < 20; i++) await emitMessage(sql, engine.guild, `${i}`);
  await until(() => expect(arrived("/quick")).toBe(20));
}, 120_000);
