import type { Client } from "./client.ts";
import { Socket } from "./socket.ts";

/** A client that resumes on the next of its gateways whenever its socket is gone, and remembers what came. */
export class Follower {
  readonly #urls: readonly string[];
  readonly #query: string;
  readonly #token: string;
  /** Ids of messages, as they came over all sockets. */
  readonly messages: string[] = [];
  /** Numbers of dispatches, as they came. */
  readonly sequence: number[] = [];
  /** How each return ended: RESUMED, or null for INVALID_SESSION. */
  readonly returns: (string | null)[] = [];
  socket: Socket | null = null;
  sessionId = "";
  #turn = 0;
  #over = false;

  constructor(client: Client, urls: readonly string[], query: string) {
    this.#token = client.token ?? "";
    this.#urls = urls;
    this.#query = query;
  }

  get seq(): number {
    return Math.max(0, ...this.sequence);
  }

  /** Logs in on the first gateway. */
  async start(): Promise<void> {
    const socket = await Socket.open(this.#urls[0] ?? "", this.#query);
    await socket.identify(this.#token);
    this.sessionId = socket.sessionId;
    this.socket = socket;
    void this.#follow(socket);
  }

  stop(): void {
    this.#over = true;
    this.socket?.close();
  }

  async #follow(first: Socket): Promise<void> {
    let socket = first;
    while (!this.#over) {
      await socket.closing();
      this.#collect(socket);
      socket = await this.#comeBack();
    }
  }

  /** Whatever came before the socket was gone counts, RESUMED or not. */
  async #comeBack(): Promise<Socket> {
    for (;;) {
      if (this.#over && this.socket !== null) return this.socket;
      this.#turn += 1;
      const url = this.#urls[this.#turn % this.#urls.length] ?? "";
      const socket = await Socket.open(url, this.#query).catch(() => null);
      if (socket !== null) {
        const answer = await socket.resume(this.#token, this.sessionId, this.seq).catch(() => null);
        if (answer !== null) {
          this.returns.push(answer.t);
          this.socket = socket;
          return socket;
        }
        socket.cut();
        this.#collect(socket);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  #collect(socket: Socket): void {
    const { messages, sequence } = read(socket);
    this.messages.push(...messages);
    this.sequence.push(...sequence);
  }

  /** What came up to now, the open socket's included. */
  all(): { messages: string[]; sequence: number[] } {
    const open =
      this.socket !== null && this.socket.closed === null ? read(this.socket) : { messages: [], sequence: [] };
    return { messages: [...this.messages, ...open.messages], sequence: [...this.sequence, ...open.sequence] };
  }
}

function read(socket: Socket): { messages: string[]; sequence: number[] } {
  const created = socket.dispatches.filter(({ t }) => t === "MESSAGE_CREATE");
  return { messages: created.map(({ d }) => String(d.id)), sequence: socket.dispatches.map(({ s }) => s ?? 0) };
}
