import { afterEach, expect, test } from "vitest";
import { makeStage } from "../harness/interactions.ts";
import { addApi, startPlatform } from "../harness/platform.ts";

// Two processes that share a clock of the test's own: what one has stored, the other answers for.
const started = Date.now();
const clock = { ahead: 0 };
const platform = await startPlatform({ apis: 0 });
for (let i = 0; i < 2; i++) await addApi(platform, {}, { now: () => started + clock.ahead });
const stage = await makeStage(platform);
const command = await stage.command({ name: "ping" });
const anyone = platform.anonymous();
anyone.api = 1;
const callback = (told: { id: string; token: string }) =>
  anyone.request("POST", `/interactions/${told.id}/${told.token}/callback`, { type: 4, data: { content: "pong" } });

afterEach(() => {
  clock.ahead = 0;
});

test("after 2.9 seconds an answer is taken, after 3.1 it is too late, and the token is worth nothing", async () => {
  const [one, two] = [await stage.use(2, { id: command.id }), await stage.use(2, { id: command.id })];
  clock.ahead = 2900;
  expect((await callback(one)).status).toBe(204);
  clock.ahead = 3100;
  const late = await callback(two);
  expect([late.status, late.body.code]).toEqual([404, 10062]);
  const { d } = await stage.memberSocket.event("INTERACTION_FAILURE", (one) => one.id === two.id);
  expect(d).toEqual({ id: two.id, nonce: two.nonce });
  const followUp = await anyone.request("POST", `/webhooks/${stage.bot.id}/${two.token}`, { content: "x" });
  expect([followUp.status, followUp.body.code]).toEqual([401, 50027]);
  // Who was answered is not told otherwise.
  expect(stage.memberSocket.received.some(({ t, d }) => t === "INTERACTION_FAILURE" && d.id === one.id)).toBe(false);
});

test("after 14:59 a token is good for follow-ups and edits, after 15:01 it is not", async () => {
  const told = await stage.use(2, { id: command.id });
  expect((await callback(told)).status).toBe(204);
  const hook = `/webhooks/${stage.bot.id}/${told.token}`;
  const requests = [
    ["POST", hook, { content: "x" }],
    ["PATCH", `${hook}/messages/@original`, { content: "x" }],
    ["GET", `${hook}/messages/@original`, undefined],
  ] as const;
  clock.ahead = (14 * 60 + 59) * 1000;
  for (const [method, path, body] of requests) expect((await anyone.request(method, path, body)).status).toBe(200);
  clock.ahead = (15 * 60 + 1) * 1000;
  for (const [method, path, body] of requests) {
    const { status, body: refusal } = await anyone.request(method, path, body);
    expect([status, refusal.code]).toEqual([401, 50027]);
  }
  const again = await callback(told);
  expect([again.status, again.body.code]).toEqual([400, 40060]);
});

test("a process that dies leaves nobody waiting: another tells that there was no answer", async () => {
  const doomed = await addApi(platform, {}, { now: () => started + clock.ahead });
  const asker = stage.member;
  asker.api = 2;
  const told = await stage.use(2, { id: command.id });
  asker.api = 0;
  await doomed.stop();
  clock.ahead = 3100;
  const { d } = await stage.memberSocket.event("INTERACTION_FAILURE", (one) => one.id === told.id);
  expect(d.nonce).toBe(told.nonce);
});
