import { setTimeout as sleep } from "node:timers/promises";
import { connectDatabase, type Sql } from "../../../core/db.ts";
import { DEFAULTS, type DispatcherLimits } from "../../../gateway/webhooks/limits.ts";
import { percentile } from "../../../loadtest/bench/rounds.ts";
import { until } from "../../harness/until.ts";
import { addBot, emitMessage, insertApplication, insertGuild } from "../../webhooks/application.ts";
import { spawnDispatcher } from "../../webhooks/dispatchers.ts";
import { idOf, type Receiver, startReceiver } from "../../webhooks/receiver.ts";

export interface BlackHoleDrill {
  /** A migrated database with no deliveries in it. */
  databaseUrl: string;
  /** Events that wait for the black hole, of so many guilds. */
  queued: number;
  guilds: number;
  /** Endpoints that answer; each gets a message every so often. */
  healthy: number;
  everyMs: number;
  limits: Partial<DispatcherLimits>;
  print(line: string): void;
}

export interface BlackHoleOutcome {
  counts: {
    /** Attempts at the black hole until its breaker opened. */
    untilOpen: number;
    /** Half open, until it opened again. */
    probes: number;
    /** At once, ever. */
    most: number;
    /** Deliveries to healthy endpoints. */
    healthy: number;
    /** Milliseconds from an event to its arrival at healthy endpoints: 99 of 100 took no longer. */
    p99: number;
  };
  /** What must not be, whatever the times: empty when every promise held. */
  faults: string[];
}

const PATIENCE_MS = 240_000;

/** One endpoint takes requests and never answers, until its breaker has opened twice; the others are healthy. */
export async function blackHoleBesideHealthy(drill: BlackHoleDrill): Promise<BlackHoleOutcome> {
  const sql = connectDatabase(drill.databaseUrl, { max: 5 });
  const [hole, healthy] = [await startReceiver(), await startReceiver()];
  const dispatcher = spawnDispatcher(drill.databaseUrl, drill.limits);
  try {
    return await run(drill, sql, hole, healthy);
  } finally {
    dispatcher.kill("SIGKILL");
    for (const receiver of [hole, healthy]) receiver.close();
    await sql.end();
  }
}

async function run(drill: BlackHoleDrill, sql: Sql, hole: Receiver, healthy: Receiver): Promise<BlackHoleOutcome> {
  const waitFor = async (what: string, condition: () => boolean | Promise<boolean>) => {
    if (!(await until(condition, PATIENCE_MS))) throw new Error(`did not happen: ${what}`);
    drill.print(`${what} (attempts at the black hole: ${hole.received.length}, at others: ${healthy.received.length})`);
  };
  const { answer } = hole;
  hole.answer = () => {};
  const id = await pileUp(sql, drill, hole.url);
  await waitFor("the dispatcher is at work", () => hole.received.length > 0);
  const delays = timed(healthy);
  const stopTalking = await talkToHealthy(sql, drill, healthy.url);
  const pausedUntil = async () => {
    const [row] = await sql<{ at: number | null }[]>`
      select extract(epoch from paused_until)::float8 as at from event_endpoints where id = ${id}`;
    return row?.at ?? null;
  };

  let opened: number | null = null;
  await waitFor("the breaker opens", async () => {
    opened = await pausedUntil();
    return opened !== null;
  });
  const untilOpen = hole.received.length;
  await waitFor("half open, it fails and opens again", async () => ((await pausedUntil()) ?? 0) > (opened ?? 0));
  const probes = hole.received.length - untilOpen;
  hole.answer = answer;
  await waitFor("half open, it answers: the breaker closes", async () => (await pausedUntil()) === null);
  await waitFor("all that was queued has arrived", () => new Set(hole.received.map(idOf)).size === drill.queued);
  const expected = (await stopTalking()) * drill.healthy;
  await waitFor("the others have all of theirs", () => delays.size === expected);
  const counts = { untilOpen, probes, most: hole.open.most, healthy: delays.size };
  const p99 = percentile([...delays.values()], 0.99);
  return { counts: { ...counts, p99 }, faults: faultsOf(counts, { ...DEFAULTS, ...drill.limits }) };
}

function faultsOf(
  { untilOpen, probes, most }: Omit<BlackHoleOutcome["counts"], "p99">,
  { breaker, perEndpoint }: DispatcherLimits,
): string[] {
  // Those that were under way beside the one that opened it.
  const late = untilOpen < breaker.fewest || untilOpen >= breaker.fewest + perEndpoint;
  return [
    ...(late ? [`the breaker opened after ${untilOpen} attempts`] : []),
    ...(probes === 1 ? [] : [`half open, there were ${probes} attempts`]),
    ...(most === perEndpoint ? [] : [`the endpoint had up to ${most} at once, and may have ${perEndpoint}`]),
  ];
}

/** As if an endpoint had missed so many events, of its guilds in turn. @returns its id */
async function pileUp(sql: Sql, { queued, guilds }: BlackHoleDrill, url: string): Promise<string> {
  const first = await insertGuild(sql);
  const { id, botId } = await insertApplication(sql, first, url);
  const all = [first];
  while (all.length < guilds) {
    const guild = await insertGuild(sql);
    await addBot(sql, guild, botId);
    all.push(guild);
  }
  await sql`
    with missed as (
      insert into webhook_events (id, event_type, server_id, channel_id, data)
      select nextval('webhook_event_id'), 'MESSAGE_CREATE', g.id, g.channel_id, '{}'
      from unnest(${all.map((guild) => guild.id)}::bigint[], ${all.map(({ channelId }) => channelId)}::bigint[])
        as g (id, channel_id)
      returning id, server_id)
    insert into webhook_queue (endpoint_id, event_id, event_type, server_id)
    select ${id}, m.id, 'MESSAGE_CREATE', m.server_id
    from generate_series(1, ${queued}::int) n cross join missed m order by n, m.id limit ${queued}`;
  return id;
}

/** How long each event took to its first arrival, by delivery. */
function timed(receiver: Receiver): Map<string, number> {
  const delays = new Map<string, number>();
  const { answer } = receiver;
  receiver.answer = (request, response) => {
    const { event } = JSON.parse(request.body);
    const id = idOf(request);
    if (!delays.has(id)) delays.set(id, Date.now() - Date.parse(event.timestamp));
    answer(request, response);
  };
  return delays;
}

/** @returns how to stop; that resolves to how many messages there were, each for all endpoints */
async function talkToHealthy(sql: Sql, drill: BlackHoleDrill, url: string): Promise<() => Promise<number>> {
  const guild = await insertGuild(sql);
  for (let i = 0; i < drill.healthy; i++) await insertApplication(sql, guild, `${url}/${i}`);
  let stopped = false;
  const talking = (async () => {
    let count = 0;
    for (; !stopped; await sleep(drill.everyMs)) await emitMessage(sql, guild, `${count++}`);
    return count;
  })();
  return () => {
    stopped = true;
    return talking;
  };
}
