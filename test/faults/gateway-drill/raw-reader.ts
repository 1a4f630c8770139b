import WebSocket from "ws";
import { encodeEtf } from "../../../gateway/etf.ts";
import { PayloadDecoder } from "../../harness/payload-decoder.ts";
import type { Payload } from "../../harness/socket.ts";
import type { Clock } from "./clock.ts";
import type { SocketRecord } from "./record.ts";

/** What a raw reader can be made to do wrong, to see that the verdict notices. */
export type Sabotage = "lose" | "repeat" | "ignore-resume";

export interface RawReaderOptions {
  /** Where to connect this time. */
  url(): string;
  token: string;
  /** Such as `encoding=etf&compress=zlib-stream`. */
  format: string;
  record: SocketRecord;
  clock: Clock;
  sabotage?: Sabotage | undefined;
}

const HELLO_MS = 5000;
/** A RESUME or IDENTIFY that got no answer: longer than any fault of the drill. */
const ENTER_MS = 20_000;
const BACK_MS = 300;
/** A client that reads again finds within this time that it was closed. */
const SLOW_MS = 3000;

/** A client of our own that resumes whenever its socket is gone, as the documentation asks of one. */
export class RawReader {
  readonly #options: RawReaderOptions;
  readonly record: SocketRecord;
  #socket: WebSocket | undefined;
  #stopped = false;
  /** It doesn't read, or didn't until a moment ago. */
  #slow = false;
  #sabotage: Sabotage | undefined;
  #timers: NodeJS.Timeout[] = [];

  constructor(options: RawReaderOptions) {
    this.#options = options;
    this.record = options.record;
  }

  get format(): string {
    return this.#options.format;
  }

  connect(): void {
    if (this.#stopped) return;
    const url = new URL(`${this.#options.url()}/?v=10&${this.#options.format.replace("&compress=payload", "")}`);
    const socket = new WebSocket(url);
    this.#socket = socket;
    // What is decoded after the close is not counted as received: the client asks for it anew.
    const decoder = new PayloadDecoder(url.searchParams, (payload) => {
      if (this.#socket === socket && socket.readyState <= WebSocket.OPEN) this.#onPayload(socket, payload);
    });
    socket.on("message", (data: Buffer, binary: boolean) => decoder.read(data, binary));
    socket.on("error", () => {});
    socket.on("close", (code, reason) => this.#onClose(code, String(reason)));
    this.#later(HELLO_MS, () => socket.terminate());
  }

  /** From now on, it does this wrong. */
  sabotage(kind: Sabotage): void {
    this.#sabotage = kind;
    if (kind === "ignore-resume") this.#socket?.terminate();
  }

  /** Stops to read what comes; the connection stays. */
  pause(): void {
    this.#slow = true;
    this.#socket?.pause();
  }

  /** Reads again; a close that the server has decided upon meanwhile is found now. */
  goOn(): void {
    setTimeout(() => {
      this.#slow = false;
    }, SLOW_MS);
    if (this.#socket?.isPaused === true) this.#socket.resume();
  }

  stop(): void {
    this.#stopped = true;
    this.#clear();
    this.#socket?.terminate();
  }

  #later(ms: number, work: () => void): void {
    this.#timers.push(setTimeout(work, ms));
  }

  #clear(): void {
    for (const timer of this.#timers.splice(0)) clearTimeout(timer);
  }

  #onClose(code: number, reason: string): void {
    const { record } = this.#options;
    this.#clear();
    if (this.#slow) record.tooSlow += 1;
    this.#slow = false;
    // Codes after which a library would not resume, or would think itself at fault.
    if (code > 4000 && code !== 4009) record.problems.push(`closed with ${code} ${reason}`);
    if (!this.#stopped) setTimeout(() => this.connect(), BACK_MS * Math.random());
  }

  #onPayload(socket: WebSocket, { op, t, s, d }: Payload): void {
    if (op === 10) this.#enter(socket, d.heartbeat_interval);
    else if (op === 1) this.#send(socket, 1, this.record.seq);
    else if (op === 7) socket.close(4000);
    else if (op === 9) {
      this.record.isToldAfresh();
      socket.close(4000);
    } else if (op === 11) this.#acknowledged = true;
    else if (op === 0) {
      this.#options.clock.see(s ?? 0);
      this.#onDispatch({ t, s, d });
    }
  }

  #onDispatch(dispatch: Pick<Payload, "t" | "s" | "d">): void {
    const spoil = dispatch.t === "MESSAGE_CREATE" ? this.#sabotage : undefined;
    if (spoil === "lose") this.#sabotage = undefined;
    else this.record.onDispatch(dispatch, Date.now());
    if (spoil === "repeat") {
      this.#sabotage = undefined;
      this.record.onDispatch(dispatch, Date.now());
    }
    if (this.record.entered) this.#entered();
  }

  #enterTimer: NodeJS.Timeout | undefined;
  #acknowledged = true;

  #enter(socket: WebSocket, heartbeatMs: number): void {
    this.#clear();
    const { record, token, format, clock } = this.#options;
    if (this.#sabotage === "ignore-resume") {
      record.sessionId = null;
      this.#sabotage = undefined;
    }
    record.asks(clock.highest);
    if (record.sessionId !== null) {
      this.#send(socket, 6, { token, session_id: record.sessionId, seq: record.seq });
    } else {
      const compress = format.includes("compress=payload");
      const { intents, shard } = record;
      this.#send(socket, 2, { token, intents, shard, compress, properties: {} });
    }
    this.#enterTimer = setTimeout(() => socket.terminate(), ENTER_MS);
    this.#timers.push(this.#enterTimer);
    this.#acknowledged = true;
    this.#later(heartbeatMs * Math.random(), () => this.#beat(socket, heartbeatMs));
  }

  #entered(): void {
    clearTimeout(this.#enterTimer);
  }

  #beat(socket: WebSocket, everyMs: number): void {
    // No answer to the last one: the connection is dead, whatever TCP says.
    if (!this.#acknowledged && !socket.isPaused) return socket.terminate();
    this.#acknowledged = false;
    this.#send(socket, 1, this.record.seq);
    this.#later(everyMs, () => this.#beat(socket, everyMs));
  }

  #send(socket: WebSocket, op: number, d: unknown): void {
    if (socket.readyState !== WebSocket.OPEN) return;
    socket.send(this.#options.format.includes("etf") ? encodeEtf({ op, d }) : JSON.stringify({ op, d }));
  }
}
