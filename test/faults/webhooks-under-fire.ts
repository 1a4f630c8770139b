import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Webhook } from "standardwebhooks";
import { connectDatabase, type Sql } from "../../core/db.ts";
import { loadSecret, seal } from "../../core/secret.ts";
import { snowflakeGenerator } from "../../core/snowflake.ts";
import { generateKeyPair, newSigningSecret, parseSigningSecret } from "../../core/webhook-signing.ts";
import type { Json } from "../harness/client.ts";
import { type ProcessPlatform, startProcesses } from "../harness/processes.ts";

type Kind = "fast" | "slow" | "flapping" | "failing" | "resetting" | "dead";
const KINDS: readonly Kind[] = ["fast", "slow", "flapping", "failing", "resetting", "dead"];
/** These answer at last, so each must get all; of the others nothing is expected but their dead letters. */
const LIVE: readonly Kind[] = ["fast", "slow", "flapping"];

export interface Drill {
  subscriptions: number;
  messages: number;
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
  /** Milliseconds from the event to its first arrival at fast receivers: with the sick ones, and without them. */
  p99WithSick: number;
  p99Alone: number;
  ratio: number;
  /** What must not be: empty when every promise held. */
  faults: string[];
}

interface Subscription {
  id: string;
  kind: Kind;
  strict: boolean;
  secret: string;
}

interface Arrival {
  webhookId: string;
  body: string;
  sequence: number;
  content: string;
  delayMs: number;
}

/** Subscriptions of one guild with receivers good and bad, while dispatchers, Postgres and Redis are killed. */
export async function webhooksUnderFire(drill: Drill): Promise<Report> {
  const dir = await mkdtemp(join(tmpdir(), "guildhall-webhooks-"));
  const env = { EGRESS_ALLOW: "127.0.0.0/8", WEBHOOK_RETRY_SECONDS: String(drill.retrySeconds) };
  const platform = await startProcesses(dir, { apis: 1, gateways: 2 }, env);
  const sql = connectDatabase(platform.databaseUrl);
  const secret = await loadSecret({ secret: undefined, dataDir: dir });
  const world = new World(platform, sql, secret, drill.print);
  try {
    return await run(world, platform, drill);
  } finally {
    world.close();
    await sql.end();
    await platform.stop();
    await rm(dir, { recursive: true, force: true });
  }
}

async function run(world: World, platform: ProcessPlatform, drill: Drill): Promise<Report> {
  await world.open();
  // Alone: as many healthy ones as there will be among the sick.
  const healthy = Math.ceil(drill.subscriptions / KINDS.length);
  await world.subscribe(Array.from({ length: healthy }, () => "fast"));
  await world.talk(Math.ceil(drill.messages / 4), 20);
  await world.settled(["fast"]);
  const p99Alone = world.p99("fast");
  await world.forgetAll();

  await world.subscribe(Array.from({ length: drill.subscriptions }, (_, i) => KINDS[i % KINDS.length] ?? "fast"));
  const quiet = Math.ceil(drill.messages / 2);
  await world.talk(quiet, 20);
  await world.settled(["fast"]);
  const p99WithSick = world.p99("fast");
  const gateways = platform.names.filter((name) => name.startsWith("gateway"));
  const victims = [
    ...Array.from({ length: drill.kills }, (_, i) => gateways[i % gateways.length] ?? ""),
    "postgres",
    "redis",
  ];
  const talking = world.talk(drill.messages - quiet, 20);
  for (const name of victims) {
    drill.print(`kill -9 ${name}`);
    await platform.killAndRestart(name);
    await pause(500);
  }
  await talking;
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
    p99WithSick,
    p99Alone,
    ratio: p99WithSick / p99Alone,
    faults,
  };
}

const FLAPS_EVERY_MS = 3000;
const SETTLE_MS = 240_000;

class World {
  readonly #platform: ProcessPlatform;
  readonly #sql: Sql;
  readonly #secret: Buffer;
  readonly #print: (line: string) => void;
  readonly #nextId = snowflakeGenerator(() => 1021);
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #arrivals = new Map<string, Arrival[]>();
  readonly #server = createServer((request, response) => void this.#receive(request, response));
  #port = 0;
  #healed = false;
  #token = "";
  #guild = { id: "", channelId: "", ownerId: "" };
  /** Contents of messages that were acknowledged, in their order. */
  said: string[] = [];
  readonly #forged: string[] = [];

  constructor(platform: ProcessPlatform, sql: Sql, secret: Buffer, print: (line: string) => void) {
    this.#platform = platform;
    this.#sql = sql;
    this.#secret = secret;
    this.#print = print;
  }

  async open(): Promise<void> {
    await new Promise<void>((done) => this.#server.listen(0, "127.0.0.1", done));
    const address = this.#server.address();
    this.#port = typeof address === "object" ? (address?.port ?? 0) : 0;
    const account = { username: "drill", email: "drill@example.com", password: "correct horse battery" };
    const { token, user_id } = await this.#post("/auth/register", account);
    this.#token = token;
    const guild = await this.#post("/guilds", { name: "Under fire" });
    this.#guild = { id: guild.id, channelId: guild.system_channel_id, ownerId: user_id };
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /** Written into the tables: a guild may have 25 of its own, and this is about sending. Every third is strict. */
  async subscribe(kinds: readonly Kind[]): Promise<void> {
    for (const [i, kind] of kinds.entries()) {
      const id = this.#nextId();
      const secret = newSigningSecret();
      const { publicKey, seed } = generateKeyPair();
      // Nobody listens on this port.
      const url = kind === "dead" ? "http://127.0.0.1:2/" : `http://127.0.0.1:${this.#port}/${id}`;
      const sealed = seal(this.#secret, parseSigningSecret(secret) ?? Buffer.alloc(0));
      await this.#sql`
        insert into event_endpoints (id, server_id, creator_id, url, event_types, status, strict_order, public_key,
          private_key, secret)
        values (${id}, ${this.#guild.id}, ${this.#guild.ownerId}, ${url}, ${["MESSAGE_CREATE"]}, 2, ${i % 3 === 2},
          ${publicKey}, ${seal(this.#secret, seed)}, ${sealed})`;
      this.#subscriptions.set(id, { id, kind, strict: i % 3 === 2, secret });
      this.#arrivals.set(id, []);
    }
  }

  async forgetAll(): Promise<void> {
    await this.#sql`delete from event_endpoints`;
    this.#subscriptions.clear();
    this.#arrivals.clear();
    this.said = [];
  }

  /** Posts one message after the other; one that is not acknowledged is no promise. */
  async talk(count: number, everyMs: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const content = `${this.said.length}`;
      const posted = await this.#post(`/channels/${this.#guild.channelId}/messages`, { content }).catch(() => null);
      if (posted !== null) this.said.push(content);
      else await pause(200);
      await pause(everyMs);
    }
  }

  /** All answer from now on, but for those that never do. */
  heal(): void {
    this.#healed = true;
  }

  /** Waits until all of these kinds have had all that was said. */
  async settled(kinds: readonly Kind[]): Promise<void> {
    const waiting = () => this.#of(kinds).filter(({ id }) => this.#missing(id).length > 0);
    for (const end = Date.now() + SETTLE_MS; Date.now() < end; await pause(200)) if (waiting().length === 0) return;
    this.#print(`${waiting().length} subscriptions have not had all`);
  }

  p99(kind: Kind): number {
    const delays = this.#of([kind]).flatMap(({ id }) =>
      firsts(this.#arrivals.get(id) ?? []).map(({ delayMs }) => delayMs),
    );
    const sorted = delays.sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN;
  }

  counts(): { delivered: number; duplicates: number } {
    const all = this.#of(LIVE).map(({ id }) => this.#arrivals.get(id) ?? []);
    const delivered = all.reduce((sum, arrivals) => sum + firsts(arrivals).length, 0);
    return { delivered, duplicates: all.reduce((sum, arrivals) => sum + arrivals.length, 0) - delivered };
  }

  async deadLetters(): Promise<number> {
    const [row] = await this.#sql<
      [{ n: number }]
    >`select count(*)::int as n from webhook_deliveries where state = 'dead'`;
    return row.n;
  }

  async faults(): Promise<string[]> {
    const faults = [...this.#forged];
    for (const { id, kind, strict } of this.#of(LIVE)) {
      const arrivals = this.#arrivals.get(id) ?? [];
      const missing = this.#missing(id);
      if (missing.length > 0) faults.push(`${kind} ${id} never got ${missing.length}, such as ${missing[0]}`);
      const ids = new Map<string, Set<string>>();
      for (const each of arrivals)
        ids.set(each.content, (ids.get(each.content) ?? new Set()).add(each.webhookId + each.body));
      for (const [content, names] of ids)
        if (names.size > 1) faults.push(`${kind} ${id} got ${content} under several ids`);
      // A message whose acknowledgement was lost may be there twice, under two numbers: the numbers must rise.
      const order = firsts(arrivals).map(({ sequence }) => sequence);
      if (strict && order.some((sequence, i) => sequence < (order[i - 1] ?? 0)))
        faults.push(`${kind} ${id} was strict, and out of order`);
    }
    // Of those that never answer, everything is given up in the end.
    const hopeless = this.#of(KINDS.filter((kind) => !LIVE.includes(kind)));
    for (const end = Date.now() + SETTLE_MS; Date.now() < end; await pause(500)) {
      if ((await this.#unsettled(hopeless)) === 0) break;
    }
    const unsettled = await this.#unsettled(hopeless);
    if (unsettled > 0) faults.push(`${unsettled} deliveries to dead receivers are not in the list of dead letters`);
    const [wrong] = await this.#sql<[{ n: number }]>`
      select count(*)::int as n from webhook_deliveries
      where endpoint_id = any(${hopeless.map(({ id }) => id)}::bigint[]) and state <> 'dead'`;
    if (wrong.n > 0) faults.push(`${wrong.n} deliveries to dead receivers count as something else`);
    return faults;
  }

  async #unsettled(of: readonly Subscription[]): Promise<number> {
    const [row] = await this.#sql<[{ n: number }]>`
      select count(*)::int as n from webhook_queue where endpoint_id = any(${of.map(({ id }) => id)}::bigint[])`;
    return row.n;
  }

  #of(kinds: readonly Kind[]): Subscription[] {
    return [...this.#subscriptions.values()].filter(({ kind }) => kinds.includes(kind));
  }

  #missing(id: string): string[] {
    const had = new Set((this.#arrivals.get(id) ?? []).map(({ content }) => content));
    return this.said.filter((content) => !had.has(content));
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const at = Date.now();
    const id = (request.url ?? "").slice(1);
    const subscription = this.#subscriptions.get(id);
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk);
    } catch {
      return;
    }
    const body = Buffer.concat(chunks).toString();
    if (subscription === undefined) return void response.writeHead(204).end();
    const event = this.#verified(subscription, body, request.headers);
    if (event === null) return void response.writeHead(401).end();
    const { kind } = subscription;
    if (kind === "failing") return void response.writeHead(500).end();
    if (kind === "resetting") return void response.socket?.resetAndDestroy();
    const up = this.#healed || Math.floor(at / FLAPS_EVERY_MS) % 2 === 0;
    if (kind === "flapping" && !up) return void response.writeHead(503).end();
    if (kind === "slow") await pause(50 + Math.random() * 100);
    const delayMs = at - Date.parse(event.timestamp);
    const webhookId = String(request.headers["webhook-id"]);
    this.#arrivals.get(id)?.push({ webhookId, body, sequence: event.sequence, content: event.data.content, delayMs });
    response.writeHead(204).end();
  }

  #verified({ id, secret }: Subscription, body: string, headers: IncomingMessage["headers"]): Json | null {
    try {
      const given = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
      new Webhook(secret).verify(body, given);
    } catch {
      this.#forged.push(`${id} got what does not verify`);
      return null;
    }
    const { event }: Json = JSON.parse(body);
    return event ?? null;
  }

  async #post(path: string, body: object): Promise<Json> {
    const headers = { "content-type": "application/json", authorization: this.#token };
    const init = { method: "POST", headers, body: JSON.stringify(body), signal: AbortSignal.timeout(10_000) };
    const response = await fetch(`${this.#platform.apis[0]}/api/v10${path}`, init);
    if (!response.ok) throw new Error(`${path} answered ${response.status}`);
    return response.json();
  }
}

/** Without those that came again. */
function firsts(arrivals: readonly Arrival[]): Arrival[] {
  const seen = new Set<string>();
  return arrivals.filter(({ webhookId }) => seen.size < seen.add(webhookId).size);
}
