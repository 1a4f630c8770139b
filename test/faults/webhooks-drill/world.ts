import { setTimeout as pause } from "node:timers/promises";
import type { Sql } from "../../../core/db.ts";
import { seal } from "../../../core/secret.ts";
import { snowflakeGenerator } from "../../../core/snowflake.ts";
import { generateKeyPair, newSigningSecret, parseSigningSecret } from "../../../core/webhook-signing.ts";
import type { Json } from "../../harness/client.ts";
import type { ProcessPlatform } from "../../harness/processes.ts";
import { firsts, KINDS, type Kind, LIVE, Receivers, type Subscription } from "./receivers.ts";

export interface WorldOptions {
  platform: ProcessPlatform;
  sql: Sql;
  secret: Buffer;
  /** How long is waited for what must come at last. */
  settleMs: number;
  print(line: string): void;
}

/** A guild with subscriptions, in which somebody talks. */
export class World {
  readonly #of: WorldOptions;
  readonly #nextId = snowflakeGenerator(() => 1021);
  readonly #receivers = new Receivers();
  #token = "";
  #guild = { id: "", channelId: "", ownerId: "" };
  /** Contents of messages that were acknowledged, in their order. */
  said: string[] = [];

  constructor(of: WorldOptions) {
    this.#of = of;
  }

  async open(): Promise<void> {
    await this.#receivers.open();
    const account = { username: "drill", email: "drill@example.com", password: "correct horse battery" };
    const { token, user_id } = await this.#post("/auth/register", account);
    this.#token = token;
    const guild = await this.#post("/guilds", { name: "Under fire" });
    this.#guild = { id: guild.id, channelId: guild.system_channel_id, ownerId: user_id };
  }

  close(): void {
    this.#receivers.close();
  }

  /** Written into the tables: a guild may have 25 of its own, and this is about sending. Every third is strict. */
  async subscribe(kinds: readonly Kind[]): Promise<void> {
    for (const [i, kind] of kinds.entries()) {
      const secret = newSigningSecret();
      const subscription = { id: this.#nextId(), kind, strict: i % 3 === 2, secret };
      const { publicKey, seed } = generateKeyPair();
      const sealed = seal(this.#of.secret, parseSigningSecret(secret) ?? Buffer.alloc(0));
      this.#receivers.add(subscription);
      await this.#of.sql`
        insert into event_endpoints (id, server_id, creator_id, url, event_types, status, strict_order, public_key,
          private_key, secret)
        values (${subscription.id}, ${this.#guild.id}, ${this.#guild.ownerId}, ${this.#receivers.urlOf(subscription)},
          ${["MESSAGE_CREATE"]}, 2, ${subscription.strict}, ${publicKey}, ${seal(this.#of.secret, seed)}, ${sealed})`;
    }
  }

  async forgetAll(): Promise<void> {
    await this.#of.sql`delete from event_endpoints`;
    await this.#of.sql`truncate webhook_queue, webhook_deliveries`;
    this.#receivers.forgetAll();
    this.said = [];
  }

  /** As if one that is silent had missed so many events. */
  async pileUp(count: number): Promise<void> {
    const [silent] = this.#receivers.of(["silent"]);
    await this.#of.sql`
      with missed as (
        insert into webhook_events (id, event_type, server_id, channel_id, data)
        values (nextval('webhook_event_id'), 'MESSAGE_CREATE', ${this.#guild.id}, ${this.#guild.channelId}, '{}')
        returning id)
      insert into webhook_queue (endpoint_id, event_id, event_type, server_id)
      select ${silent?.id ?? null}, id, 'MESSAGE_CREATE', ${this.#guild.id}
      from missed, generate_series(1, ${count}::int)`;
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

  heal(): void {
    this.#receivers.heal();
  }

  /** Waits until all of these kinds have had all that was said. */
  async settled(kinds: readonly Kind[]): Promise<void> {
    const waiting = () => this.#receivers.of(kinds).filter(({ id }) => this.#missing(id).length > 0);
    for (const end = Date.now() + this.#of.settleMs; Date.now() < end; await pause(200)) {
      if (waiting().length === 0) return;
    }
    this.#of.print(`${waiting().length} subscriptions have not had all`);
  }

  /** Milliseconds from the event to its first arrival. */
  p99(kind: Kind): number {
    const delays = this.#receivers
      .of([kind])
      .flatMap(({ id }) => firsts(this.#receivers.arrivalsAt(id)).map(({ delayMs }) => delayMs));
    const sorted = delays.sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN;
  }

  counts(): { delivered: number; duplicates: number } {
    const all = this.#receivers.of(LIVE).map(({ id }) => this.#receivers.arrivalsAt(id));
    const delivered = all.reduce((sum, arrivals) => sum + firsts(arrivals).length, 0);
    return { delivered, duplicates: all.reduce((sum, arrivals) => sum + arrivals.length, 0) - delivered };
  }

  async deadLetters(): Promise<number> {
    const [row] = await this.#of.sql<[{ n: number }]>`
      select count(*)::int as n from webhook_deliveries where state = 'dead'`;
    return row.n;
  }

  async faults(): Promise<string[]> {
    const live = this.#receivers.of(LIVE).flatMap((subscription) => this.#faultsOf(subscription));
    return [...this.#receivers.forged, ...live, ...(await this.#faultsOfHopeless())];
  }

  #faultsOf({ id, kind, strict }: Subscription): string[] {
    const faults: string[] = [];
    const arrivals = this.#receivers.arrivalsAt(id);
    const missing = this.#missing(id);
    if (missing.length > 0) faults.push(`${kind} ${id} never got ${missing.length}, such as ${missing[0]}`);
    const ids = new Map<string, Set<string>>();
    for (const { content, webhookId, body } of arrivals) {
      ids.set(content, (ids.get(content) ?? new Set()).add(webhookId + body));
    }
    for (const [content, names] of ids) {
      if (names.size > 1) faults.push(`${kind} ${id} got ${content} under several ids`);
    }
    // A message whose acknowledgement was lost may be there twice, under two numbers: the numbers must rise.
    const order = firsts(arrivals).map(({ sequence }) => sequence);
    if (strict && order.some((sequence, i) => sequence < (order[i - 1] ?? 0))) {
      faults.push(`${kind} ${id} was strict, and out of order`);
    }
    return faults;
  }

  /** Of those that never answer, everything is given up in the end. */
  async #faultsOfHopeless(): Promise<string[]> {
    const { sql, settleMs } = this.#of;
    const ids = this.#receivers.of(KINDS.filter((kind) => !LIVE.includes(kind))).map(({ id }) => id);
    const unsettled = async () => {
      const [row] = await sql<[{ n: number }]>`
        select count(*)::int as n from webhook_queue where endpoint_id = any(${ids}::bigint[])`;
      return row.n;
    };
    let left = await unsettled();
    for (const end = Date.now() + settleMs; left > 0 && Date.now() < end; left = await unsettled()) await pause(500);
    const faults = left === 0 ? [] : [`${left} deliveries to dead receivers are not in the list of dead letters`];
    const [wrong] = await sql<[{ n: number }]>`
      select count(*)::int as n from webhook_deliveries where endpoint_id = any(${ids}::bigint[]) and state <> 'dead'`;
    if (wrong.n > 0) faults.push(`${wrong.n} deliveries to dead receivers count as something else`);
    return faults;
  }

  #missing(id: string): string[] {
    const had = new Set(this.#receivers.arrivalsAt(id).map(({ content }) => content));
    return this.said.filter((content) => !had.has(content));
  }

  async #post(path: string, body: object): Promise<Json> {
    const headers = { "content-type": "application/json", authorization: this.#token };
    const init = { method: "POST", headers, body: JSON.stringify(body), signal: AbortSignal.timeout(10_000) };
    const response = await fetch(`${this.#of.platform.apis[0]}/api/v10${path}`, init);
    if (!response.ok) throw new Error(`${path} answered ${response.status}`);
    return response.json();
  }
}
