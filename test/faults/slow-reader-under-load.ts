import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connectDatabase } from "../../core/db.ts";
import type { Event } from "../../core/event-log.ts";
import { messageEvent, openPublisher, type Publisher } from "../../loadtest/bench/publisher.ts";
import { RawSocket } from "../../loadtest/bench/raw-socket.ts";
import { percentile } from "../../loadtest/bench/rounds.ts";
import { type Account, type Guild, join, makeGuilds, makePeople } from "../../loadtest/bench/world.ts";
import { readMetric } from "../harness/gateway-process.ts";
import { startProcesses } from "../harness/processes.ts";
import { frame, opcode, RawWebSocket } from "../harness/raw-websocket.ts";
import { until } from "../harness/until.ts";

export interface SlowReaderDrill {
  /** One of them is the slow one. */
  clients: number;
  /** The slow client is in all of them, each of the others in one. */
  guilds: number;
  /** Messages in a second, in all guilds together. */
  perSecond: number;
  /** Characters of each. */
  length: number;
  /** How long all read what comes, and then how long one does not. */
  seconds: number;
  /** What the slow one reads then. */
  bytesPerSecond: number;
  print(line: string): void;
}

export interface SlowReaderOutcome {
  counts: Record<string, number>;
  /** Promises that did not hold. */
  faults: string[];
  /** Milliseconds that 99 of 100 messages took at most to the others: while all read, and while one did not. */
  p99: { even: number; slow: number };
}

interface World {
  guilds: Guild[];
  slow: Account;
  others: Account[];
}

const MAX_BACKPRESSURE_BYTES = 65_536;
const BATCH_MS = 20;
const SETTLE_MS = 60_000;
const TOO_SLOW = 4000;
const INTENTS = 513;

/** Clients hear messages of many guilds. One reads too slowly: it is closed, resumes, and nobody else notices. */
export async function slowReaderUnderLoad(drill: SlowReaderDrill): Promise<SlowReaderOutcome> {
  const dir = await mkdtemp(joinPath(tmpdir(), "guildhall-drill-"));
  const platform = await startProcesses(
    dir,
    { apis: 0, gateways: 1 },
    {
      MAX_BACKPRESSURE_BYTES: String(MAX_BACKPRESSURE_BYTES),
      HEARTBEAT_INTERVAL_MS: "600000",
      RESUME_MAX_EVENTS: "1000000",
    },
  );
  const sql = connectDatabase(platform.databaseUrl);
  const publisher = await openPublisher(platform.redisUrl);
  try {
    const [slow, ...others] = await makePeople(sql, drill.clients);
    if (slow === undefined) throw new RangeError("a drill without clients");
    const guilds = await makeGuilds(sql, drill.guilds, slow);
    const own = guilds.flatMap((guild, at) =>
      others.filter((_, i) => i % guilds.length === at).map((account) => ({ guild, account })),
    );
    await join(sql, [...guilds.map((guild) => ({ guild, account: slow })), ...own]);
    return await run(drill, platform.gateways[0] ?? "", publisher, { guilds, slow, others });
  } finally {
    publisher.stop();
    await sql.end();
    await platform.stop();
    await rm(dir, { recursive: true, force: true });
  }
}

async function run(
  drill: SlowReaderDrill,
  url: string,
  publisher: Publisher,
  world: World,
): Promise<SlowReaderOutcome> {
  const said = new Said(world.guilds.length);
  const faults: string[] = [];
  const metric = (name: string) => readMetric(url, name);
  const others = await openOthers(url, world, said, faults);
  const slow = new SlowClient(url, world.slow, said.all, faults);
  await slow.login(world.guilds.length);
  drill.print(`${drill.clients} clients in ${drill.guilds} guilds; all read`);

  const publish = () => publishFor(drill, publisher, world, said);
  const settled = () =>
    until(() => slow.isUpToDate() && others.every(({ due }) => due.isMet()), SETTLE_MS).then((met) => {
      if (!met)
        faults.push(
          `not all had all after ${SETTLE_MS} ms: ${others.filter(({ due }) => !due.isMet()).length}, slow one ${slow.isUpToDate()}`,
        );
    });
  await publish();
  await settled();
  const even = said.takeP99();

  const before = await metric("process_resident_memory_bytes");
  let highest = before;
  const memory = setInterval(() => {
    void metric("process_resident_memory_bytes").then((bytes) => {
      highest = Math.max(highest, bytes);
    });
  }, 500);
  drill.print(`one reads ${drill.bytesPerSecond} bytes a second`);
  slow.throttle(drill.bytesPerSecond);
  const throttledAt = performance.now();
  let closedAfter = Number.NaN;
  const backAgain = (async () => {
    const isClosed = async () => (await metric("guildhall_gateway_sessions")) < drill.clients;
    if (!(await until(isClosed, drill.seconds * 1000 + SETTLE_MS))) return faults.push("the slow one was not closed");
    closedAfter = performance.now() - throttledAt;
    drill.print(`it is closed after ${Math.round(closedAfter)} ms, and resumes`);
    await slow.comeBack();
  })();
  await publish();
  await backAgain;
  await settled();
  clearInterval(memory);

  const p99 = { even, slow: said.takeP99() };
  const [drops, closes] = [
    await metric("guildhall_gateway_dropped_total"),
    await metric("guildhall_gateway_too_slow_total"),
  ];
  if (closes !== 1) faults.push(`${closes} were closed as too slow`);
  if (drops < closes) faults.push(`${drops} sends were dropped, ${closes} sockets closed for it`);
  const grown = highest - before;
  if (grown >= MAX_BACKPRESSURE_BYTES * drill.clients) faults.push(`the gateway grew by ${grown} bytes`);
  for (const { socket } of others) socket.destroy();
  slow.stop();
  return {
    faults,
    p99,
    counts: {
      messages: said.all.length,
      deliveries: others.reduce((sum, { due }) => sum + due.got, 0) + slow.got,
      "messages a second": said.all.length / (2 * drill.seconds),
      "closed after ms": closedAfter,
      "heard before the close": slow.heardBefore,
      "dropped sends": drops,
      "closed as too slow": closes,
      "grown by KiB": grown / 1024,
      "p99 ms, all read": p99.even,
      "p99 ms, one does not": p99.slow,
    },
  };
}

/** What was said, by the number in each message's id, and how long it took to arrive. */
class Said {
  readonly all: number[] = [];
  readonly byGuild: number[][];
  readonly #at = new Map<number, number>();
  #took: number[] = [];

  constructor(guilds: number) {
    this.byGuild = Array.from({ length: guilds }, () => []);
  }

  say(guild: number, event: Event): void {
    const number = numberIn(JSON.stringify(event.data));
    if (number === null) throw new Error("a message without a number");
    this.all.push(number);
    this.byGuild[guild]?.push(number);
    this.#at.set(number, performance.now());
  }

  arrived(number: number): void {
    this.#took.push(performance.now() - (this.#at.get(number) ?? Number.NaN));
  }

  takeP99(): number {
    const took = this.#took;
    this.#took = [];
    return percentile(took, 0.99);
  }
}

/** The publisher's messages are numbered in their ids. */
const numberIn = (text: string): number | null => {
  const digits = /"id":"10{6}(\d{12})"/.exec(text)?.[1];
  return digits === undefined ? null : Number(digits);
};

/** The messages that a client is due, and how many of them it has got. */
class Due {
  readonly #messages: readonly number[];
  got = 0;

  constructor(messages: readonly number[]) {
    this.#messages = messages;
  }

  /** @returns false when it is not the next that is due */
  take(number: number): boolean {
    if (this.#messages[this.got] !== number) return false;
    this.got += 1;
    return true;
  }

  isMet(): boolean {
    return this.got === this.#messages.length;
  }
}

interface Other {
  socket: RawSocket;
  due: Due;
}

async function openOthers(url: string, { others, guilds }: World, said: Said, faults: string[]): Promise<Other[]> {
  const opened: Other[] = [];
  const openOne = (account: Account, i: number) =>
    new Promise<void>((resolve, reject) => {
      const due = new Due(said.byGuild[i % guilds.length] ?? []);
      const socket = new RawSocket({
        port: Number(new URL(url).port),
        path: "/?v=10&encoding=json",
        first: JSON.stringify({ op: 2, d: { token: account.token, intents: INTENTS, properties: {} } }),
        onOpen: () => {},
        onText: (_, text) => {
          if (text.includes('"t":"GUILD_CREATE"')) return resolve();
          const number = text.includes('"t":"MESSAGE_CREATE"') ? numberIn(text) : null;
          if (number === null) return;
          said.arrived(number);
          if (!due.take(number)) faults.push(`client ${i} got ${number} out of turn`);
        },
        onFrame: () => {},
        onClose: ({ dropped, closeCode }) => {
          if (!dropped) faults.push(`client ${i} was closed with ${closeCode}`);
          reject(new Error(`closed with ${closeCode}`));
        },
      });
      opened[i] = { socket, due };
    });
  for (let at = 0; at < others.length; at += 50) {
    await Promise.all(others.slice(at, at + 50).map((account, i) => openOne(account, at + i)));
  }
  return opened;
}

/** The client that reads slowly for a while, and what came over all its sockets. */
class SlowClient {
  readonly #url: string;
  readonly #token: string;
  readonly #due: Due;
  readonly #faults: string[];
  #socket: RawWebSocket | null = null;
  #sessionId = "";
  #seq = 0;
  #release = () => {};
  heardBefore = 0;

  constructor(url: string, { token }: Account, messages: readonly number[], faults: string[]) {
    this.#url = url;
    this.#token = token;
    this.#due = new Due(messages);
    this.#faults = faults;
  }

  get got(): number {
    return this.#due.got;
  }

  isUpToDate(): boolean {
    this.#take();
    return this.#due.isMet();
  }

  async login(guilds: number): Promise<void> {
    await this.#open(2, { token: this.#token, intents: INTENTS, properties: {} });
    let snapshots = 0;
    await until(() => {
      snapshots += this.#take().filter((text) => text.includes('"t":"GUILD_CREATE"')).length;
      return snapshots === guilds;
    }, SETTLE_MS);
  }

  throttle(bytesPerSecond: number): void {
    this.#release = this.#socket?.throttle(bytesPerSecond) ?? this.#release;
  }

  /** Reads what is left of the closed socket, and goes on with another. */
  async comeBack(): Promise<void> {
    this.#release();
    await until(() => this.#socket?.ended === true, SETTLE_MS);
    this.#take();
    // The code gets through only if there is room for it; else the connection is cut, on which clients resume as well.
    const code = this.#socket?.closeCode ?? null;
    if (code !== null && code !== TOO_SLOW) this.#faults.push(`the slow one was closed with ${code}`);
    this.heardBefore = this.got;
    await this.#open(6, { token: this.#token, session_id: this.#sessionId, seq: this.#seq });
    const resumed = await until(() => this.#take().some((text) => text.includes('"t":"RESUMED"')), SETTLE_MS);
    if (!resumed) this.#faults.push("the slow one could not resume");
  }

  stop(): void {
    this.#socket?.destroy();
  }

  async #open(op: number, d: object): Promise<void> {
    this.#socket = await RawWebSocket.open(this.#url);
    this.#socket.write(frame(opcode.text, JSON.stringify({ op, d })));
  }

  /** What has come since the last look. */
  #take(): string[] {
    const texts = this.#socket?.texts.splice(0) ?? [];
    for (const text of texts) {
      this.#seq = Math.max(this.#seq, Number(/^\{"op":0,"s":(\d+)/.exec(text)?.[1] ?? 0));
      this.#sessionId = /"session_id":"([0-9a-f]{32})"/.exec(text)?.[1] ?? this.#sessionId;
      const number = text.includes('"t":"MESSAGE_CREATE"') ? numberIn(text) : null;
      if (number !== null && !this.#due.take(number)) this.#faults.push(`the slow one got ${number} out of turn`);
    }
    return texts;
  }
}

/** Says so much in a second, guild after guild; late is made up for. */
async function publishFor(
  { seconds, perSecond, length }: SlowReaderDrill,
  publisher: Publisher,
  { guilds, slow }: World,
  said: Said,
): Promise<void> {
  const startedAt = performance.now();
  for (let sent = 0; sent < seconds * perSecond; ) {
    const due = Math.min(seconds, (performance.now() - startedAt) / 1000) * perSecond;
    const events: Event[] = [];
    for (; sent < Math.floor(due); sent++) {
      const at = sent % guilds.length;
      const [guild] = guilds.slice(at);
      if (guild === undefined) throw new RangeError("a drill without guilds");
      const event = messageEvent(guild, slow);
      event.data = Object.assign({}, event.data, { content: "x".repeat(length) });
      said.say(at, event);
      events.push(event);
    }
    if (events.length > 0) await publisher.publish(events);
    await sleep(BATCH_MS);
  }
}
