import fc from "fast-check";
import { expect, test } from "vitest";
import { RETRY_DELAYS_MS, retryDelayMs } from "../../gateway/webhooks/retry-schedule.ts";

const HOUR = 3_600_000;
const attempt = fc.integer({ min: 1, max: RETRY_DELAYS_MS.length });
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const usual = (n: number) => RETRY_DELAYS_MS[n - 1] ?? 0;

test("the attempts are spread over a day, the first ones close together", () => {
  const total = RETRY_DELAYS_MS.reduce((sum, delay) => sum + delay, 0);
  expect(total).toBeGreaterThan(23 * HOUR);
  expect(total).toBeLessThanOrEqual(24 * HOUR);
  expect([...RETRY_DELAYS_MS].sort((a, b) => a - b)).toEqual(RETRY_DELAYS_MS);
});

test("each delay is the usual one, a fifth more or less", () => {
  fc.assert(
    fc.property(attempt, random, (n, r) => {
      const delay = retryDelayMs(RETRY_DELAYS_MS, n, undefined, r);
      expect(delay).toBeGreaterThanOrEqual(0.8 * usual(n));
      expect(delay).toBeLessThanOrEqual(1.2 * usual(n));
    }),
  );
});

test("after the last attempt there is no other", () => {
  expect(retryDelayMs(RETRY_DELAYS_MS, RETRY_DELAYS_MS.length + 1, undefined, 0.5)).toBeUndefined();
  expect(retryDelayMs([], 1, "10", 0.5)).toBeUndefined();
});

test("Retry-After is honoured up to twice the usual delay, and never shortens it", () => {
  fc.assert(
    fc.property(attempt, random, fc.nat(10_000_000), (n, r, seconds) => {
      const delay = retryDelayMs(RETRY_DELAYS_MS, n, String(seconds), r) ?? 0;
      const without = retryDelayMs(RETRY_DELAYS_MS, n, undefined, r) ?? 0;
      expect(delay).toBe(Math.max(without, Math.min(seconds * 1000, 2 * usual(n))));
    }),
  );
});

test.each(["", "-5", "1e9", "soon", "Wed, 21 Oct 2035 07:28:00 GMT", "10 "])(
  "Retry-After: %j is not honoured",
  (text) => {
    expect(retryDelayMs([1000], 1, text, 0.5)).toBe(1000);
  },
);
