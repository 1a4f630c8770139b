import { beforeAll, describe, expect, test } from "vitest";
import { faultNames } from "./gateway-drill/faults.ts";
import type { SocketRecord } from "./gateway-drill/record.ts";
import { judge } from "./gateway-drill/verdict.ts";
import { gatewayUnderFire, type Outcome } from "./gateway-under-fire.ts";

let outcome: Outcome;

beforeAll(async () => {
  outcome = await gatewayUnderFire({
    sockets: 40,
    guilds: 6,
    minutes: 0,
    rounds: 1,
    pauseMs: 1000,
    perSecond: 40,
    seed: Math.floor(Math.random() * 1_000_000),
    python: null,
    print: (line) => process.env.LOG_LEVEL && console.log(line),
  });
}, 240_000);

const NOTHING = {
  log: [],
  lost: [],
  repeated: [],
  outOfOrder: [],
  notPermitted: [],
  channels: [],
  afresh: [],
  other: [],
};

test("every socket gets exactly what it may see, in order, while nodes, Redis and connections fail", () => {
  const { counts, faults } = outcome;
  console.log(`drill: ${JSON.stringify(counts)}`);
  expect(faults).toEqual(NOTHING);
  // The drill was one: everything failed once, people wrote, permissions changed, and sockets came back.
  expect(Object.keys(counts.faults).sort()).toEqual([...faultNames].sort());
  expect(counts.events).toBeGreaterThan(100);
  expect(counts.deliveries).toBeGreaterThan(1000);
  expect(counts.permissionChanges).toBeGreaterThan(5);
  expect(counts.resumes).toBeGreaterThan(20);
  expect(counts.closedForReadingSlowly).toBeGreaterThan(0);
  expect(counts.toldAfresh).toBe(0);
});

/** The same drill, had one client got something else. A verdict that finds nothing then would be worth nothing. */
describe("the verdict finds", () => {
  const verdict = () => judge(outcome.world, outcome.truth, outcome.ledger, outcome.records);
  /** Does something to a list, judges, and takes it back. */
  function spoilt<T>(list: T[], spoil: (list: T[]) => void) {
    const whole = [...list];
    spoil(list);
    try {
      return verdict();
    } finally {
      list.splice(0, list.length, ...whole);
    }
  }
  const busiest = (): SocketRecord => {
    const [first] = [...outcome.records].sort((a, b) => b.heard.length - a.heard.length);
    if (first === undefined) throw new Error("nobody listened");
    return first;
  };
  const middle = (list: readonly unknown[]) => Math.floor(list.length / 2);

  test("an event that was lost", () => {
    const faults = spoilt(busiest().heard, (heard) => heard.splice(middle(heard), 1));
    expect(faults).toEqual({ ...NOTHING, lost: [expect.stringContaining(busiest().name)] });
  });

  test("an event that came twice", () => {
    const faults = spoilt(busiest().heard, (heard) => heard.push(...heard.slice(-1)));
    expect(faults).toEqual({ ...NOTHING, repeated: [expect.stringContaining(busiest().name)] });
  });

  test("two events that changed places", () => {
    const faults = spoilt(busiest().heard, (heard) => heard.reverse());
    expect(faults.outOfOrder.length).toBeGreaterThan(0);
    expect(faults.lost).toEqual([]);
  });

  test("an event that its permissions, its intents or its guilds forbid", () => {
    const forbidden = new Set<string>();
    for (const record of outcome.records) {
      const own = new Set(record.heard.map(({ key }) => key));
      const events = [...outcome.truth.guilds.values()].flatMap((guild) => guild.events);
      const foreign = events.find(({ key, channelId }) => !own.has(key) && !isDoor(channelId));
      if (foreign === undefined) continue;
      const faults = spoilt(record.heard, (heard) => heard.push({ key: foreign.key, s: foreign.number }));
      expect(faults.notPermitted).toEqual([expect.stringContaining(foreign.key)]);
      forbidden.add(record.name);
    }
    expect(forbidden.size).toBeGreaterThan(10);
  });

  test("an event of the changing channel, sent to a bot that never had its key", () => {
    const never = outcome.records.find(({ bot, intents }) => (intents & 512) !== 0 && !everHeldKey(bot));
    if (never === undefined) return;
    const guild = outcome.world.bots.find(({ id }) => id === never.bot)?.guilds[0];
    const event = outcome.truth.guilds
      .get(guild?.id ?? "")
      ?.events.find(({ channelId }) => channelId === guild?.channels.door);
    if (event === undefined) return;
    const faults = spoilt(never.heard, (heard) => heard.push({ key: event.key, s: event.number }));
    expect(faults.notPermitted).toEqual([expect.stringContaining(event.key)]);
  });

  test("an acknowledged change that is not in the log", () => {
    const [truth] = [...outcome.truth.guilds.values()].sort((a, b) => b.events.length - a.events.length);
    const faults = spoilt(truth?.events ?? [], (events) => events.pop());
    expect(faults.log).toHaveLength(1);
  });

  const isDoor = (channelId: string | null) => outcome.world.guilds.some(({ channels }) => channels.door === channelId);
  const everHeldKey = (bot: string) =>
    outcome.world.guilds.some(
      ({ id, admins, keyHolders }) =>
        admins.has(bot) || keyHolders.has(bot) || outcome.ledger.changes.has(`${id} ${bot}`),
    );
});
