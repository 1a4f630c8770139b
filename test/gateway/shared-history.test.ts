import { expect, test } from "vitest";
import { EVENTS } from "../../core/events.ts";
import type { LogEvent } from "../../gateway/log-event.ts";
import { type History, sharedHistory } from "../../gateway/shared-history.ts";

const event = (number: number): LogEvent => ({
  number,
  previous: number - 1,
  kept: true,
  log: "g:1",
  header: { t: "MESSAGE_CREATE" },
  rule: EVENTS.MESSAGE_CREATE,
  body: "",
});

/** A log whose reads see what there is when they begin, and end when told. */
function scene() {
  const log: number[] = [];
  const reads: { after: number; end(): void; fail(): void }[] = [];
  const history = sharedHistory((_epoch, _log, after) => {
    const seen: History = { events: log.filter((n) => n > after).map(event), last: log.at(-1) ?? 0 };
    return new Promise((resolve, reject) => {
      reads.push({ after, end: () => resolve(seen), fail: () => reject(new Error("away")) });
    });
  });
  const ask = async (after: number, name = "g:1") => {
    const { events, last } = await history("epoch", name, after);
    return { numbers: events.map(({ number }) => number), last };
  };
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  return { log, reads, ask, settled };
}

test("all who ask during a read share the next, which sees what was published before they asked", async () => {
  const { log, reads, ask, settled } = scene();
  log.push(1, 2, 3);
  const first = ask(1);
  log.push(4);
  const others = [ask(3), ask(0), ask(2), ask(9)];
  await settled();
  expect(reads.map(({ after }) => after)).toEqual([1]);
  reads[0]?.end();
  await settled();
  expect(reads.map(({ after }) => after)).toEqual([1, 0]);
  log.push(5);
  const late = ask(4);
  reads[1]?.end();
  await settled();
  expect(reads.map(({ after }) => after)).toEqual([1, 0, 4]);
  reads[2]?.end();
  expect(await first).toEqual({ numbers: [2, 3], last: 3 });
  expect(await Promise.all(others)).toEqual([
    { numbers: [4], last: 4 },
    { numbers: [1, 2, 3, 4], last: 4 },
    { numbers: [3, 4], last: 4 },
    { numbers: [], last: 4 },
  ]);
  expect(await late).toEqual({ numbers: [5], last: 5 });
});

test("a read that fails fails for those who share it, and the next begins all the same", async () => {
  const { log, reads, ask, settled } = scene();
  log.push(1);
  const first = ask(0);
  const second = ask(0);
  reads[0]?.fail();
  await expect(first).rejects.toThrow("away");
  await settled();
  expect(reads).toHaveLength(2);
  reads[1]?.end();
  expect(await second).toEqual({ numbers: [1], last: 1 });
  await settled();
  // Nothing is left over: the next to ask begins anew.
  void ask(0);
  expect(reads).toHaveLength(3);
});

test("logs are read independently of each other", async () => {
  const { reads, ask } = scene();
  void ask(0, "g:1");
  void ask(0, "g:2");
  expect(reads).toHaveLength(2);
});
