import { setTimeout as sleep } from "node:timers/promises";
import { connectDatabase, type Sql } from "../../../core/db.ts";
import { DEFAULTS } from "../../../gateway/webhooks/limits.ts";
import { percentile } from "../../../loadtest/bench/rounds.ts";
import { until } from "../../harness/until.ts";
import { emitMessage, insertApplication, insertGuild } from "../../webhooks/application.ts";
import { spawnDispatcher } from "../../webhooks/dispatchers.ts";
import { idOf, type Receiver, startReceiver } from "../../webhooks/receiver.ts";
import { readDurations } from "./statement-log.ts";

export interface HeldTransactionDrill {
  /** A migrated database with no deliveries in it, whose user may have its statements logged. */
  databaseUrl: string;
  /** Where its server writes its log. */
  logFile: string;
  endpoints: number;
  /** Deliveries. */
  perSecond: number;
  minutes: number;
  print(line: string): void;
}

export interface HeldTransactionOutcome {
  counts: Record<string, number>;
  /** Milliseconds that 99 of 100 took at most in Postgres. */
  p99: { claims: number; looks: number };
  faults: string[];
}

const DISPATCHERS = 2;
const PRINT_MS = 15_000;
/** What may be on its way: a look comes within a second, and a machine is sometimes busy. */
const MOST_BEHIND_SECONDS = 5;
const PATIENCE_MS = 60_000;

/** Of the dispatchers' statements, what only they have in their text. */
const CLAIM = "e.paused_until is null or e.paused_until <= now()";
const LOOK = "as a (endpoint_id, start, first, due)";

/**
 * Deliveries at a steady rate while a transaction is open, so that vacuum removes nothing: their dead rows stay in the
 * queue. In the midst all dispatchers are killed; who takes over knows nothing of what the queue has below.
 */
export async function deliveriesBesideHeldTransaction(drill: HeldTransactionDrill): Promise<HeldTransactionOutcome> {
  const sql = connectDatabase(drill.databaseUrl, { max: 5 });
  const receiver = await startReceiver();
  const logged = new URL(drill.databaseUrl);
  logged.searchParams.set("log_min_duration_statement", "0");
  logged.searchParams.set("log_parameter_max_length", "0");
  const start = () => spawnDispatcher(logged.href, { pollMs: DEFAULTS.pollMs });
  const dispatchers = Array.from({ length: DISPATCHERS }, start);
  const held = await sql.reserve();
  try {
    await held`set idle_in_transaction_session_timeout = 0`;
    await held`begin isolation level repeatable read`;
    await held`select count(*) from webhook_queue`;
    return await run(drill, sql, receiver, () => {
      for (const each of dispatchers.splice(0)) each.kill("SIGKILL");
      dispatchers.push(...Array.from({ length: DISPATCHERS }, start));
    });
  } finally {
    for (const each of dispatchers) each.kill("SIGKILL");
    await held`rollback`.catch(() => {});
    held.release();
    receiver.close();
    await sql.end();
  }
}

async function run(
  drill: HeldTransactionDrill,
  sql: Sql,
  receiver: Receiver,
  replaceDispatchers: () => void,
): Promise<HeldTransactionOutcome> {
  const { minutes, perSecond, print } = drill;
  const arrivals = counted(receiver);
  const speaker = await openSpeaker(sql, drill, receiver.url);
  const began = performance.now();
  let printAt = PRINT_MS;
  let mostBehind = 0;
  const talkUntil = async (end: number) => {
    for (let at = performance.now() - began; at < end; at = performance.now() - began) {
      await speaker.say(Math.floor((at / 1000) * perSecond));
      await sleep(5);
      if (at < printAt) continue;
      printAt += PRINT_MS;
      const behind = speaker.said - arrivals.size;
      mostBehind = Math.max(mostBehind, behind);
      print(`${speaker.said} deliveries, ${behind} behind`);
    }
  };
  await talkUntil(minutes * 30_000);
  print("kill -9 of all dispatchers");
  replaceDispatchers();
  await talkUntil(minutes * 60_000);
  const seconds = (performance.now() - began) / 1000;
  const behind = speaker.said - arrivals.size;
  const all = await until(() => arrivals.size === speaker.said, PATIENCE_MS);
  const [claims = [], looks = []] = await readDurations(drill.logFile, [CLAIM, LOOK]);
  const faults = [
    ...(behind > MOST_BEHIND_SECONDS * perSecond ? [`at the end ${behind} deliveries were behind`] : []),
    ...(speaker.said < 0.95 * seconds * perSecond ? [`only ${speaker.said} were enqueued in ${seconds} s`] : []),
    ...(all ? [] : [`${speaker.said - arrivals.size} deliveries never arrived`]),
  ];
  const p99 = { claims: percentile(claims, 0.99), looks: percentile(looks, 0.99) };
  const counts = {
    deliveries: speaker.said,
    mostBehind,
    claims: claims.length,
    looks: looks.length,
    longestLook: percentile(looks, 1),
    longestClaim: percentile(claims, 1),
    p99Arrival: percentile([...arrivals.values()], 0.99),
  };
  return { counts, p99, faults };
}

/** How long each delivery took to its first arrival. Nothing else is kept of them: they are many. */
function counted(receiver: Receiver): Map<string, number> {
  const delays = new Map<string, number>();
  const { answer } = receiver;
  receiver.answer = (request, response) => {
    receiver.received.length = 0;
    const { event } = JSON.parse(request.body);
    const id = idOf(request);
    if (!delays.has(id)) delays.set(id, Date.now() - Date.parse(event.timestamp));
    answer(request, response);
  };
  return delays;
}

interface Speaker {
  /** Deliveries so far. */
  said: number;
  /** Says as much as is missing to so many. */
  say(deliveries: number): Promise<void>;
}

async function openSpeaker(sql: Sql, { endpoints }: HeldTransactionDrill, url: string): Promise<Speaker> {
  const guild = await insertGuild(sql);
  for (let i = 0; i < endpoints; i++) await insertApplication(sql, guild, `${url}/${i}`);
  const speaker: Speaker = {
    said: 0,
    say: async (deliveries) => {
      for (; speaker.said + endpoints <= deliveries; speaker.said += endpoints) await emitMessage(sql, guild, "hello");
    },
  };
  return speaker;
}
