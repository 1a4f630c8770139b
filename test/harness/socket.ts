import { constants, createInflate, type Inflate } from "node:zlib";
import WebSocket from "ws";
import { decodeEtf, encodeEtf } from "../../gateway/etf.ts";
import { ZSTD_HEADER } from "../../gateway/frames.ts";
import type { Json } from "./client.ts";

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

/** A raw gateway connection that remembers all it got. */
export class Socket {
  readonly ws: WebSocket;
  readonly received: Payload[] = [];
  sessionId = "";
  resumeUrl = "";
  closed: { code: number; reason: string } | null = null;
  #waiting: Waiting[] = [];
  #heartbeat: NodeJS.Timeout | undefined;
  #inflate: Inflate | undefined;
  /** Settles when what has come so far is decompressed, which another thread does. */
  #inflated: Promise<void> = Promise.resolve();

  readonly #etf: boolean;
  readonly #compression: string | null;
  #zstdOpened = false;

  private constructor(url: string) {
    const { searchParams } = new URL(url);
    this.#etf = searchParams.get("encoding") === "etf";
    this.#compression = searchParams.get("compress");
    this.ws = new WebSocket(url);
    this.ws.on("message", (data: Buffer, binary: boolean) => this.#onData(data, binary));
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
    await this.#inflated;
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

  #onData(data: Buffer, binary: boolean): void {
    if (!binary) this.#onPayload(JSON.parse(data.toString("utf8")));
    else if (this.#compression === "zlib-stream") {
      this.#inflate ??= this.#startInflate();
      const inflate = this.#inflate;
      this.#inflated = new Promise((resolve) => inflate.write(data, () => resolve()));
    } else this.#onPayload(this.#decode(this.#compression === "zstd-stream" ? this.#readZstd(data) : data));
  }

  #decode(bytes: Buffer): Payload {
    // Our own decoder: what it is worth, its own test says.
    return (this.#etf ? decodeEtf(bytes) : JSON.parse(bytes.toString("utf8"))) as Payload;
  }

  #startInflate(): Inflate {
    const inflate = createInflate({ flush: constants.Z_SYNC_FLUSH });
    let pending = Buffer.alloc(0);
    inflate.on("data", (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      try {
        const payload = this.#decode(pending);
        pending = Buffer.alloc(0);
        this.#onPayload(payload);
      } catch {
        // A large message comes in several chunks.
      }
    });
    return inflate;
  }

  /** Reads raw blocks, which are all that is sent; a real decoder reads them in the discord.py test. */
  #readZstd(data: Buffer): Buffer {
    const blocks: Buffer[] = [];
    for (let at = this.#zstdOpened ? 0 : ZSTD_HEADER.length; at < data.length; ) {
      const size = data.readUIntLE(at, 3) >> 3;
      blocks.push(data.subarray(at + 3, at + 3 + size));
      at += 3 + size;
    }
    this.#zstdOpened = true;
    return Buffer.concat(blocks);
  }

  #onPayload(payload: Payload): void {
    this.received.push(payload);
    const ready = this.#waiting.filter((wait) => wait.test(payload));
    this.#waiting = this.#waiting.filter((wait) => !ready.includes(wait));
    for (const wait of ready) wait.resolve(payload);
  }
}
