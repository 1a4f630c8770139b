import WebSocket from "ws";
import { encodeEtf } from "../../gateway/etf.ts";
import { eventFault } from "../contract/event-schemas.ts";
import type { Json } from "./client.ts";
import { noteLeak } from "./leaks.ts";
import { PayloadDecoder } from "./payload-decoder.ts";

export interface Payload {
  op: number;
  t: string | null;
  s: number | null;
  d: Json;
}

const ALL_INTENTS = 53_608_447;

interface Waiting {
  test(payload: Payload): boolean;
  resolve(payload: Payload): void;
  giveUp(): void;
}

/** Generous: the machine may be busy with other tests. */
const WAIT_MS = 20_000;

/** What was wrong with dispatches by Discord's schemas, once each: the test file fails with it (platform.ts). */
export const eventFaults = new Set<string>();

/** A raw gateway connection that remembers all it got. */
export class Socket {
  readonly ws: WebSocket;
  readonly received: Payload[] = [];
  sessionId = "";
  resumeUrl = "";
  closed: { code: number; reason: string } | null = null;
  #waiting: Waiting[] = [];
  #heartbeat: NodeJS.Timeout | undefined;

  readonly #etf: boolean;
  readonly #decoder: PayloadDecoder;

  private constructor(url: string) {
    const { searchParams } = new URL(url);
    this.#etf = searchParams.get("encoding") === "etf";
    this.#decoder = new PayloadDecoder(searchParams, (payload) => this.#onPayload(payload));
    this.ws = new WebSocket(url);
    this.ws.on("message", (data: Buffer, binary: boolean) => this.#decoder.read(data, binary));
    this.ws.on("close", (code, reason) => {
      this.closed = { code, reason: String(reason) };
      clearInterval(this.#heartbeat);
      for (const wait of this.#waiting.splice(0)) wait.giveUp();
    });
    this.ws.on("error", () => {});
  }

  /** Connects and waits for HELLO. */
  static async open(url: string, query = "v=10&encoding=json"): Promise<Socket> {
    const socket = new Socket(`${url}/?${query}`);
    const hello = await socket.next((payload) => payload.op === 10);
    socket.#heartbeat = setInterval(() => socket.send(1, socket.seq), hello.d.heartbeat_interval);
    return socket;
  }

  /** The highest sequence number received. */
  get seq(): number {
    return this.received.reduce((highest, { s }) => Math.max(highest, s ?? 0), 0);
  }

  get dispatches(): Payload[] {
    return this.received.filter((payload) => payload.op === 0);
  }

  /** Logs in and waits for READY and every guild in it. */
  async identify(token: string, intents: number = ALL_INTENTS, extra: object = {}): Promise<Payload> {
    const properties = { os: "linux", browser: "test", device: "test" };
    this.send(2, { token: token.replace(/^Bot /, ""), intents, properties, ...extra });
    const ready = await this.event("READY");
    this.sessionId = ready.d.session_id;
    this.resumeUrl = ready.d.resume_gateway_url;
    if ((intents & 1) !== 0) for (const { id } of ready.d.guilds) await this.event("GUILD_CREATE", (d) => d.id === id);
    return ready;
  }

  /** Goes on with a session; resolves with RESUMED or INVALID_SESSION. */
  async resume(token: string, sessionId: string, seq: number): Promise<Payload> {
    this.sessionId = sessionId;
    this.send(6, { token: token.replace(/^Bot /, ""), session_id: sessionId, seq });
    return this.next((payload) => payload.t === "RESUMED" || payload.op === 9);
  }

  send(op: number, d: unknown): void {
    if (this.ws.readyState !== WebSocket.OPEN) return;
    this.ws.send(this.#etf ? encodeEtf({ op, d }) : JSON.stringify({ op, d }));
  }

  /** The first dispatch of this name, past or coming, that fits. */
  event(t: string, fits: (d: Json) => boolean = () => true): Promise<Payload> {
    return this.next((payload) => payload.t === t && fits(payload.d));
  }

  /** The first payload, past or coming, that fits; fails when the socket closes, or nothing such comes. */
  next(test: (payload: Payload) => boolean): Promise<Payload> {
    const known = this.received.find(test);
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        clearTimeout(timer);
        const seen = this.received.map((payload) => payload.t ?? `op ${payload.op}`).join(", ");
        reject(new Error(`nothing came that fits; closed: ${JSON.stringify(this.closed)}; got: ${seen}`));
      };
      const timer = setTimeout(giveUp, WAIT_MS);
      if (this.closed !== null) return giveUp();
      this.#waiting.push({
        test,
        giveUp,
        resolve: (payload) => {
          clearTimeout(timer);
          resolve(payload);
        },
      });
    });
  }

  /** Resolves with the close code, when all that came before it is in `received`. */
  async closing(): Promise<number> {
    if (this.closed === null) await new Promise((resolve) => this.ws.once("close", resolve));
    await this.#decoder.caughtUp;
    return this.closed?.code ?? 0;
  }

  /** Waits until everything sent before now has arrived: a heartbeat and its answer. */
  async settled(): Promise<void> {
    const acks = this.received.filter((payload) => payload.op === 11).length;
    this.send(1, this.seq);
    await this.next(() => this.received.filter((payload) => payload.op === 11).length > acks);
  }

  close(code = 4000): void {
    this.ws.close(code);
  }

  /** Cuts the connection without a word. */
  cut(): void {
    this.ws.terminate();
  }

  #onPayload(payload: Payload): void {
    this.received.push(payload);
    noteLeak(`event ${payload.t}`, JSON.stringify(payload.d) ?? "");
    const fault = payload.op === 0 ? eventFault(payload.t ?? "", payload.d) : null;
    if (fault !== null) eventFaults.add(fault);
    const ready = this.#waiting.filter((wait) => wait.test(payload));
    this.#waiting = this.#waiting.filter((wait) => !ready.includes(wait));
    for (const wait of ready) wait.resolve(payload);
  }
}
