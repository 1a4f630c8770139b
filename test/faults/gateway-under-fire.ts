import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ProcessPlatform, startProcesses } from "../harness/processes.ts";
import { openRelay, type Relay } from "../harness/relay.ts";
import { type Audience, startAudience } from "./gateway-drill/audience.ts";
import { Clock } from "./gateway-drill/clock.ts";
import { type FaultName, faultNames, faults, type Scene } from "./gateway-drill/faults.ts";
import { wronglyKnown } from "./gateway-drill/known-channels.ts";
import { seeded, shuffled } from "./gateway-drill/random.ts";
import type { Sabotage } from "./gateway-drill/raw-reader.ts";
import type { SocketRecord } from "./gateway-drill/record.ts";
import { openRest } from "./gateway-drill/rest.ts";
import { type Beginning, readBeginning, readTruth, type Truth } from "./gateway-drill/truth.ts";
import { type Faults, judge } from "./gateway-drill/verdict.ts";
import { makeWorld, type World } from "./gateway-drill/world.ts";
import { burst, type Ledger, startWriters } from "./gateway-drill/writers.ts";

export interface Drill {
  sockets: number;
  guilds: number;
  /** The faults go on until so much time has passed and each kind has had its turn so often. */
  minutes: number;
  rounds: number;
  /** Time between two faults, at most. */
  pauseMs: number;
  /** Changes that the writers make in a second. */
  perSecond: number;
  /** Chooses what happens to whom; the same seed gives the same drill as far as timing allows. */
  seed: number;
  /** A Python with discord.py; null to do without. */
  python: string | null;
  /** What one reader does wrong, so that the verdict must find it. */
  sabotage?: Sabotage | undefined;
  print(line: string): void;
}

/** All that was counted and seen. */
export interface Outcome {
  counts: Counts;
  faults: Faults;
  world: World;
  truth: Truth;
  ledger: Ledger;
  records: readonly SocketRecord[];
}

interface Counts {
  sockets: number;
  events: number;
  /** Deliveries that were compared with what they should be. */
  deliveries: number;
  permissionChanges: number;
  faults: Partial<Record<FaultName, number>>;
  resumes: number;
  /** Sessions that ended because the gateway said so. */
  toldAfresh: number;
  /** Sessions that a library gave up by itself, which it does after some errors of the network. */
  givenUpByLibraries: number;
  closedForReadingSlowly: number;
}

const QUIET_MS = 20_000;
/** Small, so that slow clients are found out with little traffic. */
const MAX_BACKPRESSURE_BYTES = 65_536;
/** Of about 24 KB each: the kernel keeps some megabytes of what a client doesn't read. */
const FLOOD = 200;

/** Sockets listen behind a proxy while gateways, Redis and they themselves meet one fault after the other. */
export async function gatewayUnderFire(drill: Drill): Promise<Outcome> {
  const dir = await mkdtemp(join(tmpdir(), "guildhall-drill-"));
  let ports: readonly number[] = [];
  const random = seeded(drill.seed);
  const relay = await openRelay(() => ports, random);
  const env = {
    GATEWAY_URL: `ws://127.0.0.1:${relay.port}`,
    HEARTBEAT_INTERVAL_MS: "10000",
    MAX_BACKPRESSURE_BYTES: String(MAX_BACKPRESSURE_BYTES),
    RESUME_MAX_EVENTS: "1000000",
    RESUME_WINDOW_SECONDS: "86400",
  };
  let platform: ProcessPlatform | undefined;
  try {
    platform = await startProcesses(dir, { apis: 2, gateways: 3 }, env);
    ports = platform.gateways.map((url) => Number(new URL(url).port));
    return await run(platform, relay, drill, random);
  } finally {
    relay.close();
    await platform?.stop();
    await rm(dir, { recursive: true, force: true });
  }
}

async function run(platform: ProcessPlatform, relay: Relay, drill: Drill, random: () => number): Promise<Outcome> {
  const rest = openRest(platform.apis);
  const clock = new Clock();
  const bots = Math.max(4, Math.round(drill.sockets / 10));
  const world = await makeWorld(rest, { guilds: drill.guilds, bots }, random);
  drill.print(`${drill.guilds} guilds, ${bots} bots; ${drill.sockets} sockets connect`);
  const [api = ""] = platform.apis;
  const audience = startAudience(world, {
    ...drill,
    api,
    gateway: `ws://127.0.0.1:${relay.port}`,
    nodes: platform.gateways,
    clock,
  });
  try {
    await until(() => audience.records.every(({ entered }) => entered), "all sockets have begun");
    const since = await readBeginning(platform.redisUrl);
    const writers = startWriters(rest, world, drill.perSecond, random);
    const well = world.flooded.guilds[0]?.channels.general ?? "";
    const flood = () => burst(rest, world, writers.ledger, well, FLOOD, random);
    const done = await harm({ platform, relay, slow: audience.slow, flood, random }, drill, audience);
    await writers.stop();
    drill.print("the faults are over, the sockets catch up");
    const { truth, found } = await settle(platform, world, since, writers.ledger, audience);
    const { records } = audience;
    return {
      counts: count(truth, writers.ledger, records, done),
      faults: found,
      world,
      truth,
      ledger: writers.ledger,
      records,
    };
  } finally {
    clock.stop();
    await audience.stop();
  }
}

/** One fault after the other, each kind once in every round, in an order of chance. */
async function harm(scene: Scene, drill: Drill, audience: Audience): Promise<Partial<Record<FaultName, number>>> {
  const done: Partial<Record<FaultName, number>> = {};
  const end = Date.now() + drill.minutes * 60_000;
  for (let round = 0; round < drill.rounds || Date.now() < end; round++) {
    for (const name of shuffled(faultNames, scene.random)) {
      if (round >= drill.rounds && Date.now() >= end) break;
      await sleep(drill.pauseMs * scene.random());
      drill.print(`${name} (${audience.records.reduce((sum, { heard }) => sum + heard.length, 0)} deliveries so far)`);
      await faults[name](scene);
      done[name] = (done[name] ?? 0) + 1;
    }
    if (round === 0 && drill.sabotage !== undefined) audience.readers[0]?.sabotage(drill.sabotage);
  }
  return done;
}

/** Waits until every socket is back and has all it is due, or nothing more comes; then judges. */
async function settle(platform: ProcessPlatform, world: World, since: Beginning, ledger: Ledger, audience: Audience) {
  let last = -1;
  for (let quietSince = Date.now(); ; ) {
    await sleep(1000);
    const truth = await readTruth(platform.redisUrl, world, since, ledger.changes);
    const found = judge(world, truth, ledger, audience.records);
    if (truth.epoch !== since.epoch) found.other.push("Redis has lost data: nothing can be said");
    const missing = found.lost.length + found.log.length + audience.records.filter(({ entered }) => !entered).length;
    if (missing !== last) quietSince = Date.now();
    last = missing;
    if (missing > 0 && Date.now() - quietSince < QUIET_MS) continue;
    found.channels = await wronglyKnown(openRest(platform.apis), world, audience.records);
    return { truth, found };
  }
}

function count(truth: Truth, ledger: Ledger, records: readonly SocketRecord[], done: Counts["faults"]): Counts {
  const sum = (of: (record: SocketRecord) => number) => records.reduce((total, record) => total + of(record), 0);
  return {
    sockets: records.length,
    events: [...truth.guilds.values()].reduce((total, { events }) => total + events.length, 0),
    deliveries: sum(({ heard }) => heard.length),
    permissionChanges: [...ledger.changes.values()].flat().length,
    faults: done,
    resumes: sum(({ resumes }) => resumes),
    toldAfresh: sum(({ toldAfresh }) => toldAfresh),
    givenUpByLibraries: sum(({ library, beganAfresh }) => (library ? beganAfresh : 0)),
    closedForReadingSlowly: sum(({ tooSlow }) => tooSlow),
  };
}

const START_MS = 120_000;

async function until(condition: () => boolean, what: string): Promise<void> {
  for (const end = Date.now() + START_MS; !condition(); await sleep(50)) {
    if (Date.now() > end) throw new Error(`not within ${START_MS} ms: ${what}`);
  }
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
