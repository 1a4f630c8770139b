import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { connectDatabase } from "../../core/db.ts";
import { loadSecret } from "../../core/secret.ts";
import { type ProcessPlatform, startProcesses } from "../harness/processes.ts";
import { KINDS, type Kind, LIVE } from "./webhooks-drill/receivers.ts";
import { World } from "./webhooks-drill/world.ts";

export interface Drill {
  /** As many of each kind. */
  subscriptions: number;
  /** A quarter of them while only the healthy are there, a quarter with the sick beside them, the others under fire. */
  messages: number;
  /** What one silent receiver has missed before. */
  backlog: number;
  /** kill -9 of dispatchers, then Postgres and Redis once each. */
  kills: number;
  /** Deliveries are given up after this; longer than all faults together. */
  retrySeconds: number;
  print(line: string): void;
}

export interface Report {
  subscriptions: number;
  messages: number;
  kills: number;
  /** Deliveries that live receivers have had, each counted once. */
  delivered: number;
  /** Those that came again. */
  duplicates: number;
  dead: number;
  /** Milliseconds from the event to its first arrival at fast receivers, with the same messages: by themselves… */
  p99Alone: number;
  /** …and with the sick ones and the backlog beside them. */
  p99WithSick: number;
  ratio: number;
  /** What must not be: empty when every promise held. */
  faults: string[];
}

/** Subscriptions of one guild with receivers good and bad, while dispatchers, Postgres and Redis are killed. */
export async function webhooksUnderFire(drill: Drill): Promise<Report> {
  const dir = await mkdtemp(join(tmpdir(), "guildhall-webhooks-"));
  const env = { EGRESS_ALLOW: "127.0.0.0/8", WEBHOOK_RETRY_SECONDS: String(drill.retrySeconds) };
  const platform = await startProcesses(dir, { apis: 1, gateways: 2 }, env);
  const sql = connectDatabase(platform.databaseUrl);
  const secret = await loadSecret({ secret: undefined, dataDir: dir });
  // The last attempts and the last looks for what is too old come within a quarter more.
  const settleMs = drill.retrySeconds * 1250 + 180_000;
  const world = new World({ platform, sql, secret, settleMs, print: drill.print });
  try {
    return await run(world, platform, drill);
  } finally {
    world.close();
    await sql.end();
    await platform.stop();
    await rm(dir, { recursive: true, force: true });
  }
}

/** Deliveries a second to healthy receivers, alone and with the sick: what the two are compared at. */
const HEALTHY_A_SECOND = 40;

async function run(world: World, platform: ProcessPlatform, drill: Drill): Promise<Report> {
  await world.open();
  const all = Array.from({ length: drill.subscriptions }, (_, i): Kind => KINDS[i % KINDS.length] ?? "fast");
  const healthy = all.filter((kind) => kind === "fast");
  const quarter = Math.ceil(drill.messages / 4);
  const everyMs = (1000 * healthy.length) / HEALTHY_A_SECOND;
  const talk = async () => {
    await world.talk(quarter, everyMs);
    await world.settled(["fast"]);
    return world.p99("fast");
  };

  // Once before, so that nothing is compared with processes that have just started.
  await world.subscribe(healthy);
  await talk();
  await world.forgetAll();

  drill.print(`${healthy.length} healthy receivers, a message each ${Math.round(everyMs)} ms`);
  await world.subscribe(healthy);
  const p99Alone = await talk();
  await world.forgetAll();

  drill.print("with the sick");
  await world.subscribe(all);
  await world.pileUp(drill.backlog);
  const p99WithSick = await talk();

  const gateways = platform.names.filter((name) => name.startsWith("gateway"));
  const victims = [
    ...Array.from({ length: drill.kills }, (_, i) => gateways[i % gateways.length] ?? ""),
    "postgres",
    "redis",
  ];
  const talking = world.talk(drill.messages - 2 * quarter, 20);
  for (const name of victims) {
    drill.print(`kill -9 ${name}`);
    await platform.killAndRestart(name);
    await pause(500);
  }
  await talking;
  drill.print("all that can answer do");
  world.heal();
  await world.settled(LIVE);
  const faults = await world.faults();
  const { delivered, duplicates } = world.counts();
  return {
    subscriptions: drill.subscriptions,
    messages: world.said.length,
    kills: victims.length,
    delivered,
    duplicates,
    dead: await world.deadLetters(),
    p99Alone,
    p99WithSick,
    ratio: p99WithSick / p99Alone,
    faults,
  };
}
