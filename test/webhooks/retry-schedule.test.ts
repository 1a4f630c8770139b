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
      const delay = retryDelayMs(RETRY_DELAYS_MS, n, {}, r);
      expect(delay).toBeGreaterThanOrEqual(0.8 * usual(n));
      expect(delay).toBeLessThanOrEqual(1.2 * usual(n));
    }),
  );
});

test("after the last attempt there is no other", () => {
  expect(retryDelayMs(RETRY_DELAYS_MS, RETRY_DELAYS_MS.length + 1, {}, 0.5)).toBeUndefined();
  expect(retryDelayMs([], 1, { retryAfter: "10" }, 0.5)).toBeUndefined();
});

test("Retry-After is honoured up to a quarter of an hour or twice the usual delay, and never shortens it", () => {
  fc.assert(
    fc.property(attempt, random, fc.nat(10_000_000), (n, r, seconds) => {
      const delay = retryDelayMs(RETRY_DELAYS_MS, n, { retryAfter: String(seconds) }, r) ?? 0;
      const without = retryDelayMs(RETRY_DELAYS_MS, n, {}, r) ?? 0;
      expect(delay).toBe(Math.max(without, Math.min(seconds * 1000, Math.max(HOUR / 4, 2 * usual(n)))));
    }),
  );
});

test("Retry-After may be a date", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  const at = (retryAfter: string) => retryDelayMs([1000], 1, { retryAfter }, 0.5, now);
  expect(at("Thu, 01 Jan 2026 00:02:00 GMT")).toBe(120_000);
  expect(at("Wed, 31 Dec 2025 00:02:00 GMT")).toBe(1000);
});

test("who answers 429 has a minute at least", () => {
  expect(retryDelayMs([1000], 1, { throttled: true }, 0.5)).toBe(60_000);
  expect(retryDelayMs([1000], 1, { throttled: true, retryAfter: "90" }, 0.5)).toBe(90_000);
});

test.each(["", "-5", "1e9", "soon", "10 s"])("Retry-After: %j is not honoured", (retryAfter) => {
  expect(retryDelayMs([1000], 1, { retryAfter }, 0.5)).toBe(1000);
});
