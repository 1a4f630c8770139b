import fc from "fast-check";
import { expect, test } from "vitest";
import { EVENTS } from "../../core/events.ts";
import { type LogEvent, mergeEvents, parseEntry, parsePublished } from "../../gateway/log-event.ts";

const event = (number: number): LogEvent => ({
  number,
  previous: 0,
  kept: true,
  log: "g:1",
  header: { t: "MESSAGE_CREATE" },
  rule: EVENTS.MESSAGE_CREATE,
  body: `"t":"MESSAGE_CREATE","d":{}`,
});

const ascending = fc.uniqueArray(fc.nat({ max: 60 })).map((numbers) => numbers.sort((a, b) => a - b).map(event));

test("history and live events merge to all of both, ascending, each once", () => {
  fc.assert(
    fc.property(ascending, ascending, (history, live) => {
      const merged = mergeEvents(history, live).map(({ number }) => number);
      const expected = [...new Set([...history, ...live].map(({ number }) => number))].sort((a, b) => a - b);
      expect(merged).toEqual(expected);
    }),
  );
});

test("merging twice, or in the other order, changes nothing", () => {
  fc.assert(
    fc.property(ascending, ascending, (one, other) => {
      const merged = mergeEvents(one, other);
      expect(mergeEvents(merged, other)).toEqual(merged);
      expect(mergeEvents(other, one)).toEqual(merged);
    }),
  );
});

test("a published message and a stream entry of the same event read the same", () => {
  const header = `{"t":"MESSAGE_CREATE","g":"1","c":"2"}`;
  const body = `"t":"MESSAGE_CREATE","d":{"content":"two\\nlines"}`;
  const live = parsePublished("g:1", `9 4 1\n${header}\n${body}`);
  expect(live).toMatchObject({ number: 9, previous: 4, kept: true, header: { g: "1", c: "2" }, body });
  expect(parseEntry("g:1", ["9-0", ["p", "4", "h", header, "b", body]])).toEqual(live);
});

test("an event that this version doesn't know keeps its place in the log", () => {
  const unknown = parsePublished("g:1", `9 4 1\n{"t":"FROM_THE_FUTURE"}\n"t":"FROM_THE_FUTURE","d":{}`);
  expect(unknown).toMatchObject({ number: 9, previous: 4, kept: true, header: { t: "$UNKNOWN" } });
  expect(unknown.rule.internal).toBe(true);
});
