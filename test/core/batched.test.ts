import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { batched } from "../../core/batched.ts";

test("what is asked in one turn is asked at once, and each gets its own answer", async () => {
  const calls: (readonly number[])[] = [];
  const double = batched(10, async (numbers: readonly number[]) => {
    calls.push(numbers);
    return numbers.map((each) => each * 2);
  });
  expect(await Promise.all([double(1), double(2), double(3)])).toEqual([2, 4, 6]);
  expect(await double(4)).toBe(8);
  expect(calls).toEqual([[1, 2, 3], [4]]);
});

test("a call has as many questions as it may have, and those that are left go with the turn", async () => {
  const sizes: number[] = [];
  const same = batched(2, async (questions: readonly string[]) => {
    sizes.push(questions.length);
    return questions;
  });
  expect(await Promise.all(["a", "b", "c"].map(same))).toEqual(["a", "b", "c"]);
  expect(sizes).toEqual([2, 1]);
  await turn();
  expect(sizes).toEqual([2, 1]);
});

test("a call that fails fails for all who asked, one answer that fails for one", async () => {
  const ask = batched(10, async (questions: readonly string[]) => {
    if (questions.includes("all")) throw new Error("all");
    return questions.map((each) => (each === "one" ? Promise.reject(new Error(each)) : each));
  });
  const together = await Promise.allSettled([ask("all"), ask("a")]);
  expect(together.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  const apart = await Promise.allSettled([ask("one"), ask("a")]);
  expect(apart.map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
});

test("as many answers as questions, or none", async () => {
  const ask = batched(10, async (questions: readonly string[]) => questions.slice(1));
  await expect(Promise.all([ask("a"), ask("b")])).rejects.toThrow(RangeError);
});
