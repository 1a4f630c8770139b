import type { ServerResponse } from "node:http";
import { idOf, type Received, type Receiver, SENT_BY, startReceiver, textOf } from "../../webhooks/receiver.ts";

/** One attempt, as the receiver knows it. */
export interface Seen {
  request: Received;
  id: string;
  text: string;
  /** The webhook-timestamp. */
  stamp: string;
  /** Process of the dispatcher. */
  by: number;
  at: number;
  /** Null when it got no whole answer. */
  status: number | null;
}

/** Longer than what the log keeps of an answer. */
const LONG_ANSWER = "x".repeat(20_000);

/** Draws for each request: 200, 500, no answer, or a reset before or within its body. */
export class MoodyReceiver {
  readonly #receiver: Receiver;
  readonly #random: () => number;
  readonly seen: Seen[] = [];
  /** From now on it takes all. */
  calm = false;

  private constructor(receiver: Receiver, random: () => number) {
    this.#receiver = receiver;
    this.#random = random;
    receiver.answer = (request, response) => this.#take(request, response);
  }

  static async start(random: () => number): Promise<MoodyReceiver> {
    return new MoodyReceiver(await startReceiver(), random);
  }

  get url(): string {
    return this.#receiver.url;
  }

  close(): void {
    this.#receiver.close();
  }

  #take(request: Received, response: ServerResponse): void {
    const text = textOf(request);
    const { "webhook-timestamp": stamp = "", [SENT_BY]: by } = request.headers;
    const seen = { request, id: idOf(request), text, stamp, by: Number(by), at: Date.now() };
    this.seen.push({ ...seen, status: this.#answer(response) });
  }

  #answer(response: ServerResponse): number | null {
    const mood = this.calm ? 0 : this.#random();
    if (mood < 0.7) {
      response.writeHead(200).end(mood < 0.1 ? LONG_ANSWER : "");
      return 200;
    }
    if (mood < 0.85) {
      response.writeHead(500).end(LONG_ANSWER);
      return 500;
    }
    if (mood < 0.9) response.socket?.resetAndDestroy();
    else if (mood < 0.95) response.writeHead(200).write("half", () => response.socket?.resetAndDestroy());
    // The rest is never answered.
    return null;
  }
}
