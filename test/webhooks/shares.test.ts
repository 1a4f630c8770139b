import fc from "fast-check";
import { expect, test } from "vitest";
import { hasSurplus, isShort, type Spread, shuffled, toGive, toTake } from "../../gateway/webhooks/shares.ts";

const counts = fc.array(fc.nat(500), { minLength: 1, maxLength: 12 });
const waiting = fc.nat(500);

/** What dispatcher `i` of some sees. */
function seenBy(i: number, endpoints: readonly number[], waits: number): Spread {
  const others = endpoints.filter((_, j) => j !== i);
  return {
    mine: endpoints[i] ?? 0,
    others: others.length,
    theirs: others.reduce((sum, each) => sum + each, 0),
    fewest: others.length === 0 ? 0 : Math.min(...others),
    waiting: waits,
  };
}

const share = (endpoints: readonly number[], waits: number) =>
  (endpoints.reduce((sum, each) => sum + each, 0) + waits) / endpoints.length;

test("all that waits is somebody's to take, and nobody takes more than its share", () => {
  fc.assert(
    fc.property(counts, waiting, (endpoints, waits) => {
      const takes = endpoints.map((_, i) => toTake(seenBy(i, endpoints, waits)));
      expect(takes.reduce((sum, each) => sum + each, 0)).toBeGreaterThanOrEqual(waits);
      for (const [i, each] of endpoints.entries()) {
        if (takes[i] !== 0) expect(each + (takes[i] ?? 0)).toBeLessThanOrEqual(Math.ceil(share(endpoints, waits)));
      }
    }),
  );
});

test("one that is alone takes all and gives nothing", () => {
  fc.assert(
    fc.property(fc.nat(500), waiting, fc.nat(500), (mine, waits, leaving) => {
      const alone = seenBy(0, [mine], waits);
      expect([toTake(alone), hasSurplus(alone), toGive(alone, leaving)]).toEqual([waits, false, 0]);
    }),
  );
});

test("what is given up is above the share, for one that is short, and never more than that one lacks or takes", () => {
  fc.assert(
    fc.property(counts, waiting, fc.nat(100), (endpoints, waits, leaving) => {
      const fewest = Math.min(...endpoints);
      const least = Math.floor(share(endpoints, waits));
      for (const [i, each] of endpoints.entries()) {
        const gives = toGive(seenBy(i, endpoints, waits), leaving);
        if (gives === 0) continue;
        expect(endpoints.some((_, j) => j !== i && isShort(seenBy(j, endpoints, waits)))).toBe(true);
        expect(each - leaving - gives).toBeGreaterThanOrEqual(least);
        expect(gives + leaving + waits).toBeLessThanOrEqual(Math.min(least - fewest, fewest + 1));
      }
    }),
  );
});

test("whoever looks first, shares become even, and then nothing changes hands", () => {
  fc.assert(
    fc.property(counts, fc.nat(100), fc.infiniteStream(fc.nat()), (start, waits, random) => {
      const endpoints = [...start];
      let left = waits;
      const dispatchers = [...endpoints.keys()];
      /** One looks, takes and gives. @returns how many changed hands */
      const look = (i: number): number => {
        const seen = seenBy(i, endpoints, left);
        const [takes, gives] = [Math.min(toTake(seen), 100), toGive(seen, 0)];
        endpoints[i] = seen.mine + takes - gives;
        left += gives - takes;
        return takes + gives;
      };
      const round = () => {
        const order = dispatchers
          .map((i) => ({ i, at: random.next().value ?? 0 }))
          .sort((a, b) => a.at - b.at)
          .map(({ i }) => i);
        return order.reduce((sum, i) => sum + look(i), 0);
      };
      let rounds = 0;
      while (round() > 0) expect(rounds++).toBeLessThan(300);
      expect(left).toBe(0);
      expect(dispatchers.some((i) => isShort(seenBy(i, endpoints, 0)))).toBe(false);
      // No more is missing anywhere than is tolerated.
      const even = Math.floor(share(endpoints, 0));
      expect(Math.min(...endpoints)).toBeGreaterThanOrEqual(even - Math.floor(even / 8));
    }),
  );
});

test("half of forty are given up in five steps, as the other takes them, and none back", () => {
  let [first, second] = [40, 0];
  const given: number[] = [];
  for (let i = 0; i < 20; i++) {
    const gives = toGive(seenBy(0, [first, second], 0), 0);
    given.push(gives);
    first -= gives;
    second += toTake(seenBy(1, [first, second], gives));
    expect(toGive(seenBy(1, [first, second], 0), 0)).toBe(0);
  }
  expect(given.slice(0, 7)).toEqual([1, 2, 4, 8, 5, 0, 0]);
  expect([first, second]).toEqual([20, 20]);
});

test("shuffled has the same ones", () => {
  fc.assert(
    fc.property(fc.array(fc.nat()), (all) => {
      expect(shuffled(all).sort()).toEqual([...all].sort());
    }),
  );
});
