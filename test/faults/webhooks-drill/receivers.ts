import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { Webhook } from "standardwebhooks";
import type { Json } from "../../harness/client.ts";

/** How a receiver behaves. `moody` draws for each request: 2xx, 500, silence, or a reset before or within its answer. */
export type Kind = "fast" | "slow" | "flapping" | "moody" | "failing" | "resetting" | "silent" | "dead";
export const KINDS: readonly Kind[] = ["fast", "slow", "flapping", "moody", "failing", "resetting", "silent", "dead"];
/** These answer at last, so each must get all; of the others nothing is expected but their dead letters. */
export const LIVE: readonly Kind[] = ["fast", "slow", "flapping", "moody"];

const FLAPS_EVERY_MS = 3000;

export interface Subscription {
  id: string;
  kind: Kind;
  strict: boolean;
  secret: string;
}

export interface Arrival {
  webhookId: string;
  body: string;
  sequence: number;
  content: string;
  delayMs: number;
}

/** All receivers of the drill, on one port: a path for each subscription. */
export class Receivers {
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #arrivals = new Map<string, Arrival[]>();
  readonly #server = createServer((request, response) => void this.#receive(request, response));
  #healed = false;
  #port = 0;
  /** What did not verify. */
  readonly forged: string[] = [];

  async open(): Promise<void> {
    await new Promise<void>((done) => this.#server.listen(0, "127.0.0.1", done));
    const address = this.#server.address();
    this.#port = typeof address === "object" ? (address?.port ?? 0) : 0;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  urlOf({ kind, id }: Subscription): string {
    // Nobody listens on port 2.
    return kind === "dead" ? "http://127.0.0.1:2/" : `http://127.0.0.1:${this.#port}/${id}`;
  }

  add(subscription: Subscription): void {
    this.#subscriptions.set(subscription.id, subscription);
    this.#arrivals.set(subscription.id, []);
  }

  forgetAll(): void {
    this.#subscriptions.clear();
    this.#arrivals.clear();
  }

  of(kinds: readonly Kind[]): Subscription[] {
    return [...this.#subscriptions.values()].filter(({ kind }) => kinds.includes(kind));
  }

  arrivalsAt(id: string): readonly Arrival[] {
    return this.#arrivals.get(id) ?? [];
  }

  /** All answer from now on, but for those that never do. */
  heal(): void {
    this.#healed = true;
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const at = Date.now();
    const subscription = this.#subscriptions.get((request.url ?? "").slice(1));
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
    if (await this.#refuses(subscription.kind, at, response)) return;
    const delayMs = at - Date.parse(event.timestamp);
    const webhookId = String(request.headers["webhook-id"]);
    const { sequence, data } = event;
    this.#arrivals.get(subscription.id)?.push({ webhookId, body, sequence, content: data.content, delayMs });
    response.writeHead(204).end();
  }

  /** Does what a sick one does instead of taking it. @returns false when it takes it */
  async #refuses(kind: Kind, at: number, response: ServerResponse): Promise<boolean> {
    if (kind === "slow") await pause(50 + Math.random() * 100);
    if (kind === "silent") return true;
    if (kind === "failing") response.writeHead(500).end();
    if (kind === "resetting") response.socket?.resetAndDestroy();
    if (kind === "failing" || kind === "resetting") return true;
    if (this.#healed) return false;
    if (kind === "flapping" && Math.floor(at / FLAPS_EVERY_MS) % 2 === 1) {
      response.writeHead(503).end();
      return true;
    }
    return kind === "moody" && sulks(response);
  }

  #verified({ id, secret }: Subscription, body: string, headers: IncomingMessage["headers"]): Json | null {
    try {
      const given = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
      new Webhook(secret).verify(body, given);
    } catch {
      this.forged.push(`${id} got what does not verify`);
      return null;
    }
    const { event }: Json = JSON.parse(body);
    return event ?? null;
  }
}

/** @returns whether it did not take it */
function sulks(response: ServerResponse): boolean {
  const mood = Math.random();
  if (mood < 0.75) return false;
  if (mood < 0.85) response.writeHead(500).end();
  else if (mood < 0.91) response.socket?.resetAndDestroy();
  else if (mood < 0.97) response.writeHead(200).write("half", () => response.socket?.resetAndDestroy());
  // The rest is never answered.
  return true;
}

/** Without those that came again. */
export function firsts(arrivals: readonly Arrival[]): Arrival[] {
  const seen = new Set<string>();
  return arrivals.filter(({ webhookId }) => seen.size < seen.add(webhookId).size);
}
