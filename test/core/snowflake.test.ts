import fc from "fast-check";
import { expect, test } from "vitest";
import { shardOf, snowflakeGenerator, snowflakeTime } from "../../core/snowflake.ts";

test("ids strictly grow, whatever the clock does", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -5000, max: 5000 }), { minLength: 1, maxLength: 300 }), (steps) => {
      let now = 1_700_000_000_000;
      const next = snowflakeGenerator(
        () => 5,
        () => now,
      );
      let last = 0n;
      for (const step of steps) {
        now += step;
        const id = BigInt(next());
        expect(id > last).toBe(true);
        last = id;
      }
    }),
  );
});

test("more than 4096 ids in one millisecond borrow from the next", () => {
  const next = snowflakeGenerator(
    () => 1,
    () => 1_700_000_000_000,
  );
  const ids = Array.from({ length: 10_000 }, next);
  expect(new Set(ids).size).toBe(10_000);
  expect(snowflakeTime(ids[0] ?? "0")).toBe(1_700_000_000_000);
  expect(snowflakeTime(ids[9999] ?? "0")).toBe(1_700_000_000_002);
});

test("two workers never make the same id", () => {
  const now = () => 1_700_000_000_000;
  const one = snowflakeGenerator(() => 1, now);
  const other = snowflakeGenerator(() => 2, now);
  const ids = Array.from({ length: 1000 }, () => [one(), other()]).flat();
  expect(new Set(ids).size).toBe(2000);
});

test("no id is made for a time in which the number's last holder was still at work", () => {
  const next = snowflakeGenerator(
    () => 1,
    () => 1_700_000_000_000,
    1_700_000_005_000,
  );
  expect(snowflakeTime(next())).toBe(1_700_000_005_001);
});

test("shards as Discord documents", () => {
  expect(shardOf("197038439483310086", 1)).toBe(0);
  expect(shardOf("197038439483310086", 10)).toBe(Number((197038439483310086n >> 22n) % 10n));
});
