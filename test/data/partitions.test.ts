import fc from "fast-check";
import { expect, test } from "vitest";

// docs/scaling.md as a simulation: several partitions that number their events by clocks which don't agree, and nodes
// that merge them into one growing order by watermark. No code of the platform yet: what it would have to hold.

interface Event {
  number: number;
  log: number;
}

/** One Redis of a cluster: gives numbers that no other partition gives, never below its clock, always above its last. */
class Partition {
  last = -1;
  readonly stream: Event[] = [];
  readonly index: number;
  readonly of: number;

  constructor(index: number, of: number) {
    this.index = index;
    this.of = of;
  }

  /** @param clock milliseconds; it may be behind those of others, and step back */
  next(clock: number): number {
    const slot = Math.max(Math.floor(this.last / this.of) + 1, clock);
    this.last = slot * this.of + this.index;
    return this.last;
  }

  publish(log: number, clock: number): Event {
    const event = { number: this.next(clock), log };
    this.stream.push(event);
    return event;
  }
}

/** A gateway node: holds what came until no partition can bring anything below it. */
class Merger {
  readonly #heard: number[];
  #waiting: Event[] = [];
  readonly out: Event[] = [];

  constructor(partitions: number) {
    this.#heard = Array.from({ length: partitions }, () => -1);
  }

  /** @param event null for a beat: a number that nobody gets, told while a partition is idle */
  hear(partition: number, number: number, event: Event | null): void {
    this.#heard[partition] = number;
    if (event !== null) this.#waiting.push(event);
    const watermark = Math.min(...this.#heard);
    const ready = this.#waiting.filter((one) => one.number <= watermark).sort((a, b) => a.number - b.number);
    this.#waiting = this.#waiting.filter((one) => one.number > watermark);
    this.out.push(...ready);
  }
}

/** What happens, one after the other: a publish in some log, or a beat, with the clock of the partition concerned. */
const steps = fc.array(
  fc.record({ log: fc.nat({ max: 30 }), beat: fc.boolean(), skew: fc.integer({ min: -50, max: 50 }) }),
  { minLength: 1, maxLength: 120 },
);

/** Runs the steps; each node hears each partition in its order, and the partitions against each other in any. */
function run(partitions: number, plan: readonly { log: number; beat: boolean; skew: number }[], pick: () => number) {
  const cluster = Array.from({ length: partitions }, (_, i) => new Partition(i, partitions));
  const told: { number: number; event: Event | null }[][] = cluster.map(() => []);
  plan.forEach(({ log, beat, skew }, i) => {
    const at = log % partitions;
    const partition = cluster[at];
    if (partition === undefined) throw new RangeError("no such partition");
    const clock = Math.max(0, i * 3 + skew);
    const event = beat ? null : partition.publish(log, clock);
    told[at]?.push({ number: event?.number ?? partition.next(clock), event });
  });
  // In the end all are idle, and beat past the latest.
  const end = plan.length * 3 + 1000;
  cluster.forEach((partition, i) => {
    told[i]?.push({ number: partition.next(end), event: null });
  });
  const nodes = [new Merger(partitions), new Merger(partitions)];
  for (const node of nodes) {
    const left = told.map((list) => [...list]);
    for (let open = left.filter((list) => list.length > 0); open.length > 0; ) {
      const list = open[pick() % open.length];
      const heard = list?.shift();
      if (list !== undefined && heard !== undefined) node.hear(left.indexOf(list), heard.number, heard.event);
      open = left.filter((one) => one.length > 0);
    }
  }
  return { cluster, nodes };
}

const plans = fc.tuple(fc.integer({ min: 1, max: 8 }), steps, fc.infiniteStream(fc.nat()));

test("every node brings all events in one growing order, the same on each", () => {
  fc.assert(
    fc.property(plans, ([partitions, plan, picks]) => {
      const { cluster, nodes } = run(partitions, plan, () => picks.next().value);
      const all = cluster.flatMap(({ stream }) => stream).sort((a, b) => a.number - b.number);
      for (const { out } of nodes) expect(out).toEqual(all);
      expect(new Set(all.map(({ number }) => number)).size).toBe(all.length);
    }),
    { numRuns: 2000 },
  );
});

test("a session that resumes on another node after any number gets what came after it", () => {
  fc.assert(
    fc.property(plans, fc.nat(), ([partitions, plan, picks], cut) => {
      const { cluster, nodes } = run(partitions, plan, () => picks.next().value);
      const got = nodes[0]?.out ?? [];
      const before = got.slice(0, got.length === 0 ? 0 : cut % got.length);
      const seq = before.at(-1)?.number ?? -1;
      // What RESUME reads: of each partition's streams, what is above the client's number.
      const missed = cluster.flatMap(({ stream }) => stream.filter(({ number }) => number > seq));
      expect([...before, ...missed.sort((a, b) => a.number - b.number)]).toEqual(got);
    }),
    { numRuns: 2000 },
  );
});

test("with one partition nothing waits", () => {
  const node = new Merger(1);
  const partition = new Partition(0, 1);
  for (let i = 0; i < 100; i++) {
    const event = partition.publish(i, i);
    node.hear(0, event.number, event);
    expect(node.out.length).toBe(i + 1);
  }
});

test("without the watermark the order breaks: events are sent as they come", () => {
  const [fast, slow] = [new Partition(0, 2), new Partition(1, 2)];
  const late = slow.publish(1, 10);
  const early = fast.publish(0, 20);
  const asTheyCome = [early, late].map(({ number }) => number);
  expect(asTheyCome).not.toEqual([...asTheyCome].sort((a, b) => a - b));
});
