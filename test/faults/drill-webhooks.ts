/**
 * What outgoing webhooks must withstand, one after the other, at full size. Prints what it counted; exit code 1 when a
 * promise did not hold, or when somebody waited too long.
 *   npm run drill:webhooks -- --only=held --hold-minutes=10
 *
 * - kills: subscriptions with receivers good and bad, while dispatchers, Postgres and Redis are killed (the long form of
 *   kill-webhooks.test.ts)
 * - attempts: the log of attempts beside that of a receiver of many moods, while dispatchers are killed
 * - black-hole: one endpoint never answers, with a long queue; the others are healthy
 * - held: deliveries at a steady rate while a transaction is held open
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { z } from "zod";
import { startPostgres } from "../../bin/services/postgres.ts";
import { migrate } from "../../core/migrate.ts";
import { DEFAULTS } from "../../gateway/webhooks/limits.ts";
import { attemptsUnderFire } from "./webhooks-drill/attempts.ts";
import { blackHoleBesideHealthy } from "./webhooks-drill/black-hole.ts";
import { deliveriesBesideHeldTransaction } from "./webhooks-drill/held-transaction.ts";
import { webhooksUnderFire } from "./webhooks-under-fire.ts";

/**
 * How much later than by themselves healthy receivers may get theirs beside the sick (p99). Both are mostly the pause
 * between two looks at the queue, 0.1 to 1 s; a busy machine's pauses are of the same size.
 */
const BOUND = { times: 1.5, orMs: 500 };
/** Milliseconds that 99 of 100 deliveries to healthy endpoints may take beside a black hole. */
const HEALTHY_MS = 2000;
/** Milliseconds that 99 of 100 claims and looks may take in Postgres while a transaction is held open. */
const LOOK_MS = 50;

const number = (otherwise: number) => z.coerce.number().positive().default(otherwise);
const { values } = parseArgs({
  options: {
    only: { type: "string" },
    kills: { type: "string" },
    subscriptions: { type: "string" },
    messages: { type: "string" },
    backlog: { type: "string" },
    retrySeconds: { type: "string" },
    attempts: { type: "string" },
    seed: { type: "string" },
    healthy: { type: "string" },
    rate: { type: "string" },
    "hold-minutes": { type: "string" },
  },
});
const options = z
  .object({
    only: z.enum(["kills", "attempts", "black-hole", "held"]).optional(),
    kills: number(30),
    subscriptions: number(200),
    messages: number(400),
    backlog: number(10_000),
    retrySeconds: number(240),
    attempts: number(5000),
    seed: number(Math.ceil(Math.random() * 1_000_000)),
    healthy: number(100),
    rate: number(800),
    "hold-minutes": number(2),
  })
  .parse(values);

const print = (line: string) => console.log(`${new Date().toISOString().slice(11, 19)} ${line}`);

interface Outcome {
  counts: object;
  faults: string[];
}

async function kills(): Promise<Outcome> {
  const { faults, ...counts } = await webhooksUnderFire({ ...options, print });
  const { p99Alone, p99WithSick } = counts;
  if (p99WithSick > Math.max(p99Alone * BOUND.times, p99Alone + BOUND.orMs)) {
    faults.push(`healthy receivers waited ${p99WithSick} ms beside the sick, ${p99Alone} ms by themselves (p99)`);
  }
  return { counts, faults };
}

async function attempts(databaseUrl: string): Promise<Outcome> {
  print(`seed ${options.seed}`);
  const { attempts: messages } = options;
  return attemptsUnderFire({ ...options, databaseUrl, endpoints: 10, messages, retries: 2, print });
}

async function blackHole(databaseUrl: string): Promise<Outcome> {
  const { backlog: queued, healthy } = options;
  const drill = { databaseUrl, queued, guilds: 100, healthy, everyMs: 500, limits: DEFAULTS, print };
  const { counts, faults } = await blackHoleBesideHealthy(drill);
  if (!(counts.p99 <= HEALTHY_MS)) faults.push(`healthy endpoints waited ${counts.p99} ms beside a black hole (p99)`);
  return { counts, faults };
}

async function held(databaseUrl: string, logFile: string): Promise<Outcome> {
  const { rate: perSecond, "hold-minutes": minutes } = options;
  const drill = { databaseUrl, logFile, endpoints: 20, perSecond, minutes, print };
  const { counts, p99, faults } = await deliveriesBesideHeldTransaction(drill);
  // Without any there is no figure: that is no success either.
  for (const [what, ms] of Object.entries(p99)) if (!(ms <= LOOK_MS)) faults.push(`${what} took ${ms} ms (p99)`);
  return { counts: { ...counts, p99Claim: p99.claims, p99Look: p99.looks }, faults };
}

/** A new database with a server of its own, as durable as `npm start` makes it. */
async function withPostgres(run: (url: string, logFile: string) => Promise<Outcome>): Promise<Outcome> {
  const dir = await mkdtemp(join(tmpdir(), "guildhall-webhooks-"));
  const postgres = await startPostgres(dir);
  try {
    await migrate(postgres.url);
    return await run(postgres.url, join(dir, "postgres/postgres.log"));
  } finally {
    await postgres.stop();
    await rm(dir, { recursive: true, force: true });
  }
}

const SCENARIOS: Record<string, () => Promise<Outcome>> = {
  kills,
  attempts: () => withPostgres(attempts),
  "black-hole": () => withPostgres(blackHole),
  held: () => withPostgres(held),
};
const faults: string[] = [];
for (const [name, run] of Object.entries(SCENARIOS)) {
  if (options.only !== undefined && options.only !== name) continue;
  print(`== ${name}`);
  const outcome = await run();
  for (const [what, value] of Object.entries(outcome.counts)) {
    console.log(`${what.padEnd(20)} ${Math.round(value * 100) / 100}`);
  }
  faults.push(...outcome.faults.map((fault) => `${name}: ${fault}`));
}
for (const fault of faults.slice(0, 20)) console.error(fault);
process.exit(faults.length === 0 ? 0 : 1);
