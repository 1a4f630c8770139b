import type fc from "fast-check";
import type { Position } from "../../core/event-log.ts";
import { EVENTS } from "../../core/events.ts";
import type { LogEvent } from "../../gateway/log-event.ts";
import type { LogSource } from "../../gateway/log-source.ts";

type Listener = Parameters<LogSource["start"]>[0];

/** What Redis holds, in memory: real Redis can't be told which of two things comes first. */
export class MemoryLog {
  number = 0;
  readonly logs = new Map<string, LogEvent[]>();
  readonly sources = new Set<MemorySource>();

  publish(log: string, kept = true): LogEvent {
    const events = this.logs.get(log) ?? [];
    this.logs.set(log, events);
    this.number += 1;
    const event: LogEvent = {
      number: this.number,
      previous: events.at(-1)?.number ?? 0,
      kept,
      log,
      header: { t: "MESSAGE_CREATE" },
      rule: EVENTS.MESSAGE_CREATE,
      body: "",
    };
    if (kept) events.push(event);
    for (const source of this.sources) source.told(log, event);
    return event;
  }
}

/**
 * One node's two connections to a MemoryLog. On each, things keep their order; whether the next to move is a
 * message, a request or a reply, the scheduler decides.
 */
export class MemorySource implements LogSource {
  readonly #log: MemoryLog;
  readonly #scheduler: fc.Scheduler;
  #listener: Listener | undefined;
  readonly #subscribed = new Set<string>();
  /** What is on its way over the subscriber's connection. */
  #wire: (() => void)[] = [];
  #refused: (() => void)[] = [];
  readonly #requests: (() => void)[] = [];
  readonly #replies: (() => void)[] = [];
  /** Messages are lost, without a word. */
  mute = false;
  #up = true;

  constructor(log: MemoryLog, scheduler: fc.Scheduler) {
    this.#log = log;
    this.#scheduler = scheduler;
    log.sources.add(this);
  }

  start(listener: Listener): void {
    this.#listener = listener;
  }

  attach(): Promise<Position> {
    return this.#ask(() => ({ epoch: "1", number: this.#log.number }));
  }

  async listen(_epoch: string, logs: readonly string[]): Promise<void> {
    if (!this.#up) throw new Error("not connected");
    await new Promise<void>((resolve, reject) => {
      this.#refused.push(() => reject(new Error("connection lost")));
      const arrive = () => {
        for (const log of logs) this.#subscribed.add(log);
        this.#move(this.#wire, resolve);
      };
      // The request travels on the same connection as messages, the other way.
      this.#move(this.#wire, arrive);
    });
  }

  unlisten(_epoch: string, logs: readonly string[]): void {
    if (!this.#up) return;
    this.#move(this.#wire, () => {
      for (const log of logs) this.#subscribed.delete(log);
    });
  }

  last(_epoch: string, logs: readonly string[]): Promise<number[]> {
    return this.#ask(() => logs.map((log) => this.#log.logs.get(log)?.at(-1)?.number ?? 0));
  }

  async history(_epoch: string, log: string, after: number): Promise<{ events: LogEvent[]; last: number }> {
    const [last, events] = await Promise.all([
      this.#ask(() => this.#log.logs.get(log)?.at(-1)?.number ?? 0),
      this.#ask(() => (this.#log.logs.get(log) ?? []).filter(({ number }) => number > after)),
    ]);
    return { events, last };
  }

  probe(number: number): Promise<Position> {
    return this.#ask(() => {
      if (this.#up && !this.mute) this.#move(this.#wire, () => this.#listener?.onProbe(number));
      return { epoch: "1", number: this.#log.number };
    });
  }

  takeNumbers(count: number): Promise<number> {
    return this.#ask(() => {
      this.#log.number += count;
      return this.#log.number;
    });
  }

  async publish(): Promise<void> {}

  /** An event is published: it goes to this node if Redis has its subscription. */
  told(log: string, event: LogEvent): void {
    if (!this.#subscribed.has(log) || this.mute) return;
    this.#move(this.#wire, () => this.#listener?.onEvent("1", event));
  }

  /** The subscriber's connection is lost, with what was on its way, and comes back. */
  reconnect(): void {
    if (!this.#up) return;
    this.#up = false;
    this.mute = false;
    this.#subscribed.clear();
    this.#wire = [];
    for (const refuse of this.#refused.splice(0)) refuse();
    this.#listener?.onLost();
    void this.#scheduler.schedule(Promise.resolve(), "reconnected").then(() => {
      this.#up = true;
      this.#listener?.onReady();
    });
  }

  stop(): void {
    this.#log.sources.delete(this);
  }

  #ask<T>(work: () => T): Promise<T> {
    return new Promise((resolve) => {
      this.#move(this.#requests, () => {
        const answer = work();
        this.#move(this.#replies, () => resolve(answer));
      });
    });
  }

  /** Puts something on a connection; each turn that the scheduler gives it moves the foremost. */
  #move(connection: (() => void)[], arrive: () => void): void {
    connection.push(arrive);
    void this.#scheduler.schedule(Promise.resolve(), "moves").then(() => connection.shift()?.());
  }
}
