import fc from "fast-check";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { catchUp } from "../../gateway/catch-up.ts";
import { Feed } from "../../gateway/feed.ts";
import type { LogEvent } from "../../gateway/log-event.ts";
import type { Due } from "../../gateway/session.ts";
import { MemoryLog, MemorySource } from "./memory-source.ts";

const LOGS = ["g:1", "g:2", "g:3"] as const;
const silent = pino({ level: "silent" });

// The feed's timers turn when the test says so.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date"] });
});
afterEach(() => {
  vi.useRealTimers();
});

interface Received extends Pick<LogEvent, "log" | "number" | "kept"> {
  s: number;
}

/** A client, and its session while it has one. */
class Client {
  readonly received: Received[] = [];
  /** The log of its account. */
  readonly own: string;
  /** What it is a member of, each with the number of the join; told in its own log. */
  readonly joined = new Map<string, number>();
  /** The logs of its session. */
  readonly logs = new Set<string>();
  node: Node | null = null;
  /** Null when events are delivered as they come. */
  queue: Due[] | null = null;
  /** It waits for a log that it joins. */
  joining = false;
  /** Changes when the socket is lost: whatever is under way for the old one is void. */
  connection = 0;
  startedAt = 0;
  /** Events up to here were in its snapshot, or were sent before a RESUME. */
  snapshotAt = 0;

  constructor(own: string) {
    this.own = own;
  }

  get seq(): number {
    return this.received.reduce((highest, { s }) => Math.max(highest, s), this.startedAt);
  }

  get({ log, number, kept }: LogEvent, s: number): void {
    this.received.push({ log, number, kept, s });
    if (log !== this.own) return;
    for (const [joined, at] of this.joined) if (at === number) this.node?.join(this, joined, number);
  }

  /** Sends the queue and goes live, in one turn; stops at a join. */
  pump(): void {
    while (this.queue !== null && !this.joining) {
      const due = this.queue.shift();
      if (due === undefined) this.queue = null;
      else if ("event" in due && due.event.number > this.snapshotAt) this.get(due.event, due.event.number);
    }
  }
}

/** What a gateway node does with the feed's events, without sockets and permissions. */
class Node {
  readonly source: MemorySource;
  readonly clients = new Set<Client>();
  feed!: Feed;

  constructor(log: MemoryLog, scheduler: fc.Scheduler) {
    this.source = new MemorySource(log, scheduler);
  }

  async open(): Promise<this> {
    this.feed = await Feed.open(
      this.source,
      {
        onEvent: (event) => {
          for (const client of this.clients) {
            if (!client.logs.has(event.log)) continue;
            if (client.queue === null) client.get(event, this.feed.highest);
            else client.queue.push({ event });
          }
          return undefined;
        },
        onGap: () => {
          throw new Error("nothing is ever gone here");
        },
        onEpochLost: () => {},
      },
      silent,
    );
    return this;
  }

  leave(client: Client): void {
    this.clients.delete(client);
    const unused = [...client.logs].filter((log) => ![...this.clients].some((other) => other.logs.has(log)));
    client.logs.clear();
    this.feed.unsubscribe(unused);
  }

  /** As IDENTIFY. */
  async identify(client: Client): Promise<void> {
    const { connection } = client;
    await this.#listen(client, [client.own]);
    await this.#listen(client, client.joined.keys());
    const startedAt = await this.feed.takeNumbers(2);
    await this.feed.fence();
    if (client.connection !== connection) return;
    client.startedAt = startedAt;
    client.snapshotAt = startedAt;
    client.pump();
  }

  /** As RESUME. */
  async resume(client: Client): Promise<void> {
    const { connection, seq } = client;
    client.snapshotAt = seq;
    await this.#listen(client, [client.own]);
    const logs = [...client.joined.keys()];
    await this.#listen(client, logs);
    const own = await this.feed.history(client.own, seq);
    // The joins that it knows of, as the gateway takes them from the account's log.
    const joins = new Map([...client.joined].filter(([, at]) => own?.some(({ number }) => number === at)));
    const after = logs.map((log): [string, number] => [log, Math.max(seq, joins.get(log) ?? 0)]);
    const due = await catchUp(this.feed, client, new Map([[client.own, seq], ...after]));
    if (client.connection !== connection) return;
    if (due === null || own === null) throw new Error("nothing is ever gone here");
    client.queue = due;
    client.pump();
  }

  /** As a guild that is joined with a socket open. */
  join(client: Client, log: string, number: number): void {
    const { connection } = client;
    client.queue ??= [];
    client.joining = true;
    const work = async () => {
      await this.#listen(client, [log]);
      const due = await catchUp(this.feed, client, new Map([[log, number]]));
      if (client.connection !== connection || due === null) return;
      client.queue = due;
      client.joining = false;
      client.pump();
    };
    work().catch(() => this.lost(client, connection));
  }

  lost: (client: Client, connection: number) => void = () => {};

  async #listen(client: Client, logs: Iterable<string>): Promise<void> {
    const fresh = [...logs];
    if (client.node === this) for (const log of fresh) client.logs.add(log);
    await this.feed.subscribe(fresh);
  }
}

type Step =
  | { do: "publish"; log: string; kept: boolean }
  | { do: "feed is cut"; node: number }
  | { do: "feed goes mute"; node: number }
  | { do: "client is cut"; client: number; to: number }
  | { do: "client comes"; to: number }
  | { do: "client joins"; client: number; log: string }
  | { do: "time passes" };

const log = fc.constantFrom(...LOGS);
const node = fc.nat({ max: 1 });
const client = fc.nat({ max: 2 });
const publish = fc.record({ do: fc.constant("publish" as const), log, kept: fc.boolean() });
const common: fc.WeightedArbitrary<Step>[] = [
  { weight: 6, arbitrary: publish },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("client comes" as const), to: node }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("time passes" as const) }) },
];
const cuts: fc.WeightedArbitrary<Step>[] = [
  { weight: 2, arbitrary: fc.record({ do: fc.constant("client joins" as const), client, log }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("feed is cut" as const), node }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("client is cut" as const), client, to: node }) },
];
const mute: fc.WeightedArbitrary<Step>[] = [
  { weight: 2, arbitrary: fc.record({ do: fc.constant("feed goes mute" as const), node }) },
];
const timed = (steps: fc.WeightedArbitrary<Step>[]) =>
  fc.array(fc.tuple(fc.oneof(...steps), fc.nat({ max: 6 })), { minLength: 4, maxLength: 16 });

/** Runs the steps, with some moves of the scheduler after each; at the end, everything comes to rest. */
async function play(scheduler: fc.Scheduler, steps: readonly (readonly [Step, number])[]): Promise<World> {
  const world = new World(scheduler);
  await world.settle();
  for (const [step, moves] of [[{ do: "client comes", to: 0 }, 3] as const, ...steps]) {
    world.take(step);
    for (let i = 0; i < moves && scheduler.count() > 0; i++) await scheduler.waitOne();
  }
  for (const each of world.nodes) each.source.mute = false;
  await world.settle();
  // What was lost between two probes is seen by the next event of the log.
  for (const name of LOGS) world.log.publish(name);
  for (let second = 0; second < 12; second++) await world.settle();
  await world.stop();
  return world;
}

class World {
  readonly log = new MemoryLog();
  readonly nodes: Node[];
  readonly clients: Client[] = [];
  readonly #scheduler: fc.Scheduler;

  constructor(scheduler: fc.Scheduler) {
    this.#scheduler = scheduler;
    this.nodes = [new Node(this.log, scheduler), new Node(this.log, scheduler)];
    for (const [i, each] of this.nodes.entries()) {
      each.lost = (client, connection) => this.#again(client, connection, i);
      void each.open();
    }
  }

  take(step: Step): void {
    switch (step.do) {
      case "publish":
        this.log.publish(step.log, step.kept);
        return;
      case "feed is cut":
        this.nodes[step.node]?.source.reconnect();
        return;
      case "feed goes mute": {
        const source = this.nodes[step.node]?.source;
        if (source !== undefined) source.mute = !source.mute;
        return;
      }
      case "client is cut":
        return this.#cut(this.clients[step.client], step.to);
      case "client comes": {
        if (this.clients.length === 3) return;
        const fresh = new Client(`u:${this.clients.length}`);
        // A member from the first, as far as it knows.
        fresh.joined.set("g:1", 0);
        this.clients.push(fresh);
        return this.#enter(fresh, step.to);
      }
      case "client joins": {
        const joining = this.clients[step.client];
        if (joining === undefined || joining.startedAt === 0 || joining.joined.has(step.log)) return;
        joining.joined.set(step.log, this.log.publish(joining.own).number);
        return;
      }
      case "time passes":
        vi.advanceTimersByTime(1000);
    }
  }

  #cut(gone: Client | undefined, to: number): void {
    if (gone?.node == null) return;
    gone.node.leave(gone);
    this.#enter(gone, to);
  }

  #enter(who: Client, to: number): void {
    const at = this.nodes[to];
    if (at === undefined) return;
    who.connection += 1;
    const { connection } = who;
    who.node = at;
    who.queue = [];
    who.joining = false;
    at.clients.add(who);
    const work = who.startedAt === 0 ? at.identify(who) : at.resume(who);
    work.catch(() => this.#again(who, connection, to));
  }

  /** What failed because a connection was lost is tried anew by the client. */
  #again(who: Client, connection: number, to: number): void {
    if (who.connection !== connection || who.node === null) return;
    who.node.leave(who);
    who.node = null;
    setTimeout(() => this.#enter(who, to), 500);
  }

  /** All that is on its way arrives, then a second passes. */
  async settle(): Promise<void> {
    for (;;) {
      while (this.#scheduler.count() > 0) await this.#scheduler.waitOne();
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#scheduler.count() === 0) break;
    }
    vi.advanceTimersByTime(1000);
  }

  async stop(): Promise<void> {
    for (const each of this.nodes) await each.feed.stop();
    vi.clearAllTimers();
  }

  /**
   * Each client has all kept events of its logs, each once, in order. Of what Redis swallowed, something may come
   * later that its snapshot had already.
   */
  check(): void {
    for (const { received: all, joined, startedAt } of this.clients) {
      const received = all.filter(({ number }) => number > startedAt);
      for (const name of LOGS) {
        const from = Math.max(startedAt, joined.get(name) ?? Number.POSITIVE_INFINITY);
        const due = (this.log.logs.get(name) ?? []).filter(({ number }) => number > from);
        const got = received.filter((event) => event.log === name && event.kept);
        expect(got.map(({ number }) => number)).toEqual(due.map(({ number }) => number));
      }
      const sequence = received.map(({ s }) => s);
      expect(sequence).toEqual([...sequence].sort((a, b) => a - b));
      const passing = received.filter(({ kept }) => !kept).map(({ number }) => number);
      expect(new Set(passing).size).toBe(passing.length);
    }
  }
}

test("lost connections, of nodes and of clients: nothing lost, nothing repeated, numbers only grow", async () => {
  const property = fc.asyncProperty(fc.scheduler(), timed([...common, ...cuts]), async (scheduler, steps) => {
    const world = await play(scheduler, steps);
    world.check();
    for (const { received, startedAt } of world.clients) {
      const numbers = received.map(({ number }) => number);
      expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
      expect(numbers.filter((number) => number <= startedAt)).toEqual([]);
    }
  });
  // Two readings of the streams, one after the other: a passing event came after a later one.
  await fc.assert(property, { seed: 1793293033, path: "478", numRuns: 1 });
  await fc.assert(property, { numRuns: 4000 });
});

test("messages that Redis swallows: nothing lost, nothing repeated, each log in order", async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), timed([...common, ...mute]), async (scheduler, steps) => {
      (await play(scheduler, steps)).check();
    }),
    { numRuns: 1000 },
  );
});
