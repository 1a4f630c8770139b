import { expect, test } from "vitest";
import { Breaker } from "../../gateway/webhooks/breaker.ts";

const RULES = { windowMs: 300_000, share: 0.7, fewest: 10, openMs: [30_000, 120_000] as const };
const record = (breaker: Breaker, results: string, at = 0) =>
  [...results].map((one) => breaker.record(one === "+", at));

test("it opens at seven of ten failures, and not before ten attempts", () => {
  const breaker = new Breaker(RULES);
  expect(record(breaker, "-".repeat(9))).toEqual(Array(9).fill(false));
  expect(breaker.openUntil).toBeNull();
  expect(breaker.record(false, 0)).toBe(true);
  expect(breaker.openUntil).toBe(30_000);
  const mixed = (results: string) => {
    const one = new Breaker(RULES);
    record(one, results);
    return one.openUntil;
  };
  expect([mixed("+++-------"), mixed("++++------")]).toEqual([30_000, null]);
  const half = new Breaker(RULES);
  record(half, "+-".repeat(50));
  expect(half.openUntil).toBeNull();
});

test("failures of long ago don't count", () => {
  const breaker = new Breaker(RULES);
  record(breaker, "-".repeat(9), 0);
  record(breaker, "-".repeat(9), 300_001);
  expect(breaker.openUntil).toBeNull();
});

test("after a failure one at a time, open none, half open one", () => {
  const breaker = new Breaker(RULES);
  expect(breaker.allows(0, 8)).toBe(8);
  breaker.record(false, 0);
  expect(breaker.allows(0, 8)).toBe(1);
  breaker.record(true, 0);
  expect(breaker.allows(0, 8)).toBe(8);
  record(breaker, "-".repeat(10));
  expect([breaker.allows(29_999, 8), breaker.allows(30_000, 8)]).toEqual([0, 1]);
});

test("a probe that fails opens it for twice as long, up to the longest; one that succeeds closes it", () => {
  const breaker = new Breaker(RULES);
  record(breaker, "-".repeat(10));
  expect(breaker.record(false, 1000)).toBe(false);
  expect(breaker.record(false, 30_000)).toBe(true);
  expect(breaker.openUntil).toBe(90_000);
  breaker.record(false, 90_000);
  breaker.record(false, 300_000);
  expect(breaker.openUntil).toBe(420_000);
  expect(breaker.record(true, 420_000)).toBe(true);
  expect([breaker.openUntil, breaker.allows(420_000, 8)]).toEqual([null, 8]);
  // It begins anew: one failure does not open it again.
  expect(breaker.record(false, 420_001)).toBe(false);
});
