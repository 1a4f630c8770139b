import type { ChildProcess } from "node:child_process";
import { connectDatabase, type Sql } from "../../../core/db.ts";
import { replayDeliveries } from "../../../src/store/event-deliveries.ts";
import { until } from "../../harness/until.ts";
import { emitMessage, insertApplication, insertGuild, type TestApplication } from "../../webhooks/application.ts";
import { spawnDispatcher } from "../../webhooks/dispatchers.ts";
import { byNode, verifiesAsDiscord, verifiesAsStandard } from "../../webhooks/receiver.ts";
import { pick, seeded } from "../gateway-drill/random.ts";
import { compareLogs } from "./attempt-log.ts";
import { MoodyReceiver } from "./moody-receiver.ts";

export interface AttemptsDrill {
  /** A migrated database with no deliveries in it. */
  databaseUrl: string;
  endpoints: number;
  messages: number;
  /** kill -9 of a dispatcher; every other one between an answer of 2xx and its mark. */
  kills: number;
  /** After so many more attempts a delivery is given up. */
  retries: number;
  seed: number;
  print(line: string): void;
}

export interface AttemptsOutcome {
  counts: Record<string, number>;
  /** What must not be: empty when every promise held. */
  faults: string[];
}

const LIMITS = {
  leaseMs: 3000,
  timeoutMs: 1000,
  // A third of the attempts fail: that must not look like an endpoint that is down.
  breaker: { windowMs: 300_000, share: 0.7, fewest: 1000, openMs: [15_000, 300_000] as const },
};
const DISPATCHERS = 3;
const PATIENCE_MS = 120_000;

/**
 * Messages to a receiver of many moods, from dispatchers that are killed. Each attempt that it saw is compared with the
 * log; at last what was given up is sent again, first of a range of time and then the rest.
 */
export async function attemptsUnderFire(drill: AttemptsDrill): Promise<AttemptsOutcome> {
  const random = seeded(drill.seed);
  const sql = connectDatabase(drill.databaseUrl, { max: 5 });
  const receiver = await MoodyReceiver.start(random);
  const stage = new Stage(drill, sql, receiver, random);
  try {
    return await stage.run();
  } finally {
    stage.stop();
    receiver.close();
    await sql.end();
  }
}

interface Endpoint {
  application: TestApplication;
  say(text: string): Promise<void>;
}

class Stage {
  readonly #drill: AttemptsDrill;
  readonly #sql: Sql;
  readonly #receiver: MoodyReceiver;
  readonly #random: () => number;
  readonly #endpoints: Endpoint[] = [];
  readonly #said: string[] = [];
  #dispatchers: ChildProcess[] = [];
  /** When, by process. */
  readonly #killed = new Map<number, number>();

  constructor(drill: AttemptsDrill, sql: Sql, receiver: MoodyReceiver, random: () => number) {
    this.#drill = drill;
    this.#sql = sql;
    this.#receiver = receiver;
    this.#random = random;
  }

  stop(): void {
    for (const each of this.#dispatchers) each.kill("SIGKILL");
  }

  async run(): Promise<AttemptsOutcome> {
    const { endpoints, messages, kills, print } = this.#drill;
    for (let i = 0; i < endpoints; i++) await this.#addEndpoint();
    for (let i = 0; i < DISPATCHERS; i++) this.#startDispatcher();
    const round = Math.floor(messages / (kills + 1));
    for (let i = 0; i < kills; i++) {
      print(`${this.#said.length} messages, ${this.#receiver.seen.length} attempts, kill -9 ${i + 1} of ${kills}`);
      await (i % 2 === 0 ? this.#killAnyTime(round) : this.#killBeforeMark(round));
      this.#startDispatcher();
    }
    await this.#say(messages - this.#said.length);
    print("no more kills");
    await this.#waitFor(() => this.#areSettled(), "ends of all deliveries");
    print("what was given up is sent again");
    this.#receiver.calm = true;
    const attempts = this.#receiver.seen.length;
    const log = await compareLogs(this.#sql, this.#receiver.seen, this.#killed);
    const replayed = await this.#replay(0.25, 0.75);
    const rest = await this.#replay(0, 1);
    const faults = [...log.faults, ...replayed.faults, ...rest.faults, ...this.#faults()];
    if (log.counts.repeatedAfter2xx < Math.floor(kills / 2)) faults.push("kills before a mark led to no repeats");
    const ended = { replayed: replayed.count, replayedLater: rest.count };
    return { counts: { messages, attempts, kills: this.#killed.size, ...log.counts, ...ended }, faults };
  }

  async #addEndpoint(): Promise<void> {
    const guild = await insertGuild(this.#sql);
    const application = await insertApplication(this.#sql, guild, `${this.#receiver.url}/${this.#endpoints.length}`);
    this.#endpoints.push({ application, say: (text) => emitMessage(this.#sql, guild, text) });
  }

  #startDispatcher(): void {
    const { databaseUrl, retries } = this.#drill;
    this.#dispatchers.push(spawnDispatcher(databaseUrl, { ...LIMITS, retryDelaysMs: Array(retries).fill(100) }));
  }

  async #say(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const text = `${this.#said.length}`;
      this.#said.push(text);
      await pick(this.#endpoints, this.#random).say(text);
    }
  }

  async #killAnyTime(messages: number): Promise<void> {
    const before = this.#receiver.seen.length;
    await this.#say(messages);
    await this.#waitFor(() => this.#receiver.seen.length > before + messages / 4, "attempts");
    await this.#kill(pick(this.#dispatchers, this.#random));
  }

  /** What would mark a delivery waits for a lock, until a 2xx was given and who got it is dead. */
  async #killBeforeMark(messages: number): Promise<void> {
    const held = await this.#sql.reserve();
    await held`set idle_in_transaction_session_timeout = 0`;
    await held`begin`;
    await held`lock table webhook_attempts in share mode`;
    const since = this.#receiver.seen.length;
    await this.#say(messages);
    let victim: ChildProcess | undefined;
    await this.#waitFor(async () => {
      const waiting = new Set((await writersThatWait(this.#sql)).map(({ name }) => name));
      const answered = this.#receiver.seen.slice(since).flatMap(({ status, by }) => (status === 200 ? [by] : []));
      victim = this.#dispatchers.find(({ pid = 0 }) => waiting.has(nameOf(pid)) && answered.includes(pid));
      return victim !== undefined;
    }, "an answer whose mark waits");
    if (victim !== undefined) {
      const { pid = 0 } = victim;
      await this.#kill(victim);
      for (const { name, backend } of await writersThatWait(this.#sql)) {
        if (name === nameOf(pid)) await this.#sql`select pg_terminate_backend(${backend})`;
      }
    }
    await held`rollback`;
    held.release();
  }

  async #waitFor(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
    if (!(await until(condition, PATIENCE_MS))) throw new Error(`there were no ${what}`);
  }

  async #kill(child: ChildProcess): Promise<void> {
    const exited = new Promise((done) => child.once("exit", done));
    child.kill("SIGKILL");
    await exited;
    this.#killed.set(child.pid ?? 0, Date.now());
    this.#dispatchers = this.#dispatchers.filter((each) => each !== child);
  }

  async #areSettled(): Promise<boolean> {
    return (await this.#sql`select 1 from webhook_queue limit 1`).length === 0;
  }

  #faults(): string[] {
    const { seen } = this.#receiver;
    const taken = new Set(seen.flatMap(({ status, text }) => (status === 200 ? [text] : [])));
    const lost = this.#said.filter((text) => !taken.has(text));
    const ids = new Map<string, Set<string>>();
    for (const { text, id, request } of seen) ids.set(text, (ids.get(text) ?? new Set()).add(`${id} ${request.body}`));
    const several = [...ids].filter(([, all]) => all.size !== 1);
    const forged = seen.filter(({ request }) => {
      const key = this.#endpoints[Number(request.path.slice(1))]?.application.publicKey ?? Buffer.alloc(32);
      return !verifiesAsDiscord(request, key, byNode) || !verifiesAsStandard(request, key, byNode);
    });
    const stale = seen.filter(({ at, stamp }) => Math.abs(at - Number(stamp) * 1000) > LIMITS.leaseMs);
    return [
      ...(lost.length > 0 ? [`${lost.length} messages were lost, such as ${lost[0]}`] : []),
      ...several.map(([text]) => `${text} came under several ids, or with several bodies`),
      ...(forged.length > 0 ? [`${forged.length} attempts do not verify`] : []),
      ...(stale.length > 0 ? [`${stale.length} attempts were not signed when they were sent`] : []),
    ];
  }

  /** Sends again what was given up, of each endpoint from this to that share of it by the time of the event. */
  async #replay(from: number, to: number): Promise<{ count: number; faults: string[] }> {
    const before = this.#receiver.seen.length;
    const wanted: string[] = [];
    for (const { application } of this.#endpoints) {
      const dead = await this.#sql<{ id: string; created_at: Date }[]>`
        select id, created_at from webhook_deliveries where endpoint_id = ${application.id} and state = 'dead'
        order by created_at`;
      const [first, last] = [dead[Math.floor(dead.length * from)], dead[Math.ceil(dead.length * to) - 1]];
      if (first === undefined || last === undefined) continue;
      // Dates have milliseconds, times in Postgres have more.
      const [since, until] = [first.created_at, new Date(last.created_at.getTime() + 1)];
      wanted.push(...dead.filter(({ created_at: at }) => at >= since && at < until).map(({ id }) => id));
      await replayDeliveries(this.#sql, application.id, { states: ["dead"], since, until, limit: 10_000 });
    }
    await this.#waitFor(() => this.#areSettled(), "ends of the replay");
    const again = this.#receiver.seen.slice(before).map(({ id }) => id);
    const exact = again.sort().join() === wanted.sort().join();
    const faults = exact
      ? []
      : [`${wanted.length} had been given up, ${again.length} were sent again, and not the same`];
    return { count: wanted.length, faults };
  }
}

const nameOf = (pid: number) => `dispatcher ${pid}`;

/** Statements of dispatchers that wait to write to the log of attempts. */
const writersThatWait = (sql: Sql) => sql<{ backend: number; name: string }[]>`
  select a.pid as backend, a.application_name as name from pg_locks l join pg_stat_activity a on a.pid = l.pid
  where l.relation = 'webhook_attempts'::regclass and not l.granted`;
