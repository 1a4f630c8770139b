import WebSocket from "ws";
import type { Payload } from "../harness/socket.ts";

/** A client that listens on whichever gateway answers, and resumes whenever its socket is gone. */
export class ResumingReader {
  readonly #gateways: readonly string[];
  readonly #token: string;
  /** Text of each message heard of, by id, in the order of their coming. */
  readonly heard = new Map<string, string>();
  readonly repeated: string[] = [];
  /** Dispatches whose number was lower than one before. */
  readonly backwards: string[] = [];
  resumes = 0;
  startedAfresh = 0;
  #sessionId: string | null = null;
  #seq = 0;
  #socket: WebSocket | undefined;
  #turn = 0;
  #over = false;
  #onReady: () => void = () => {};

  constructor(gateways: readonly string[], token: string) {
    this.#gateways = gateways;
    this.#token = token;
  }

  /** Resolves when the session has started. */
  async start(): Promise<void> {
    const ready = new Promise<void>((resolve) => {
      this.#onReady = resolve;
    });
    this.#connect();
    await ready;
  }

  /** Resolves when all of the messages were heard of, or none came for ten seconds. */
  async hears(ids: readonly string[]): Promise<void> {
    let quietSince = Date.now();
    let heard = this.heard.size;
    while (ids.some((id) => !this.heard.has(id)) && Date.now() - quietSince < 10_000) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      if (this.heard.size !== heard) quietSince = Date.now();
      heard = this.heard.size;
    }
  }

  async stop(): Promise<void> {
    this.#over = true;
    this.#socket?.terminate();
  }

  #connect(): void {
    if (this.#over) return;
    const gateway = this.#gateways[this.#turn++ % this.#gateways.length];
    const socket = new WebSocket(`${gateway}/?v=10&encoding=json`);
    this.#socket = socket;
    const heartbeat = setInterval(() => {
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ op: 1, d: this.#seq }));
    }, 5000);
    socket.on("message", (data) => this.#onPayload(socket, JSON.parse(String(data))));
    socket.on("error", () => {});
    socket.on("close", () => {
      clearInterval(heartbeat);
      setTimeout(() => this.#connect(), 100);
    });
  }

  #onPayload(socket: WebSocket, payload: Payload): void {
    if (payload.op === 10) this.#enter(socket);
    else if (payload.op === 9) {
      this.startedAfresh += 1;
      this.#sessionId = null;
      socket.close(4000);
    } else if (payload.op === 0) this.#onDispatch(payload);
  }

  #enter(socket: WebSocket): void {
    const d =
      this.#sessionId === null
        ? { token: this.#token, intents: 1 | (1 << 9) | (1 << 15), properties: {} }
        : { token: this.#token, session_id: this.#sessionId, seq: this.#seq };
    socket.send(JSON.stringify({ op: this.#sessionId === null ? 2 : 6, d }));
  }

  #onDispatch({ t, s, d }: Payload): void {
    if ((s ?? 0) < this.#seq) this.backwards.push(`${t} ${s} after ${this.#seq}`);
    this.#seq = Math.max(this.#seq, s ?? 0);
    if (t === "READY") this.#sessionId = d.session_id;
    else if (t === "GUILD_CREATE") this.#onReady();
    else if (t === "RESUMED") this.resumes += 1;
    else if (t === "MESSAGE_CREATE") {
      if (this.heard.has(d.id)) this.repeated.push(d.id);
      this.heard.set(d.id, d.content);
    }
  }
}
