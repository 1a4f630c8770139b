import type { Logger } from "pino";
import type { Event, Position } from "../core/event-log.ts";
import { inOrder, isUnbroken, type LogEvent, mergeEvents } from "./log-event.ts";
import type { LogSource } from "./log-source.ts";

export interface FeedHandlers {
  /** One event, in order. May return a promise to hold what follows. */
  onEvent(event: LogEvent): Promise<void> | undefined;
  /** Events of this log are gone for good: its sessions must start afresh. */
  onGap(log: string): void;
  /** The sequence has started anew, with other numbers: all sessions must start afresh. */
  onEpochLost(): void;
}

const CHUNK = 500;
/** A feed that is cut off for this long is more than a hiccup: who waits for it gives up. */
const FENCE_MS = 10_000;
const RETRY_MS = 300;
const PROBE_MS = 1000;
/** Longer than a busy event loop or a slow Redis keeps a probe. */
const MUTE_MS = 5000;

/** Somebody waits for a probe: all that was published before it has been delivered then. */
interface Fence {
  probe: number;
  resolve(): void;
  reject(error: Error): void;
}

/**
 * A node's ordered view of the logs it subscribes to. Pub/sub may lose messages, when the connection drops or
 * silently; each event names the one before it in its log, so that a hole is seen. Then, as after each reconnect,
 * every log is read from where it was left before anything else goes on: another log's event must not overtake what
 * is missing.
 */
export class Feed {
  readonly #source: LogSource;
  readonly #handlers: FeedHandlers;
  readonly #log: Logger;
  /** The last kept event of each subscribed log, -1 until it is known. Added by subscribe, removed by unsubscribe. */
  readonly #positions = new Map<string, number>();
  /** Logs whose subscription is not confirmed yet. */
  readonly #subscribing = new Map<string, Promise<void>>();
  /** What has arrived and is not delivered yet, probes among it. */
  #queue: (LogEvent | number)[] = [];
  readonly #fences = new Set<Fence>();
  /** False from the moment the connection is lost until every log is read up to date. */
  #connected = false;
  /** Something is being read or waited for: events queue. */
  #busy = false;
  #recoverNext = false;
  #probeTimer: NodeJS.Timeout | undefined;
  #probesSent = 0;
  /** The latest probe that came back, or was sent before Redis listened to this connection; null while it is lost. */
  #probeHeard: number | null = null;
  /** When the last message came, a probe or an event. */
  #heardAt = Date.now();
  #epoch: string | null = null;
  #highest = 0;
  #stopped = false;

  private constructor(source: LogSource, handlers: FeedHandlers, log: Logger) {
    this.#source = source;
    this.#handlers = handlers;
    this.#log = log;
  }

  static async open(source: LogSource, handlers: FeedHandlers, log: Logger): Promise<Feed> {
    const feed = new Feed(source, handlers, log);
    source.start({
      onReady: () => void feed.#recover(),
      onLost: () => {
        feed.#connected = false;
        feed.#probeHeard = null;
      },
      onEvent: (epoch, event) => feed.#onEvent(epoch, event),
      onProbe: (number) => feed.#onProbe(number),
    });
    await feed.#recover();
    feed.#probeTimer = setInterval(() => feed.#look(), PROBE_MS).unref();
    return feed;
  }

  /** The highest number delivered. */
  get highest(): number {
    return this.#highest;
  }

  /** False while Redis is away or a hole is being read. */
  get flowing(): boolean {
    return this.#connected && !this.#busy;
  }

  /** The sequence that this node's numbers belong to. */
  get epoch(): string {
    if (this.#epoch === null) throw new Error("the feed has not started");
    return this.#epoch;
  }

  /** Starts to receive logs. Once it resolves, every event published from now on will come. */
  async subscribe(logs: readonly string[]): Promise<void> {
    for (let at = 0; at < logs.length; at += CHUNK) {
      const chunk = logs.slice(at, at + CHUNK);
      // Somebody else may be at it: a log counts as subscribed when it is confirmed, not before.
      const others = chunk.flatMap((log) => this.#subscribing.get(log) ?? []);
      const fresh = chunk.filter((log) => !this.#positions.has(log));
      if (fresh.length > 0) {
        const work = this.#subscribeTo(fresh);
        for (const log of fresh) this.#subscribing.set(log, work);
        const done = () => {
          for (const log of fresh) if (this.#subscribing.get(log) === work) this.#subscribing.delete(log);
        };
        await work.finally(done);
      }
      await Promise.all(others);
    }
  }

  async #subscribeTo(logs: readonly string[]): Promise<void> {
    const epoch = this.epoch;
    for (const log of logs) this.#positions.set(log, -1);
    try {
      await this.#source.listen(epoch, logs);
      const last = await this.#source.last(epoch, logs);
      for (const [i, log] of logs.entries()) {
        // An event may have come in between: a later one, or one from before, if the log was left just now.
        const position = this.#positions.get(log);
        if (position !== undefined) this.#positions.set(log, Math.max(position, last[i] ?? 0));
      }
    } catch (error) {
      this.unsubscribe(logs);
      throw error;
    }
  }

  unsubscribe(logs: readonly string[]): void {
    const known = logs.filter((log) => this.#positions.delete(log));
    if (known.length > 0) this.#source.unlisten(this.epoch, known);
  }

  /** Takes `count` fresh numbers: what a snapshot read after this reflects every event up to the last of them. */
  takeNumbers(count: number): Promise<number> {
    return this.#source.takeNumbers(count);
  }

  /**
   * The kept events of a log after a number, oldest first.
   * @returns null when some of them are gone
   */
  async history(log: string, after: number): Promise<LogEvent[] | null> {
    const { events, last } = await this.#source.history(this.epoch, log, after);
    const end = events.at(-1)?.number ?? after;
    return isUnbroken(events, after) && end >= last ? events : null;
  }

  /**
   * Resolves when everything that was published before this call has been delivered: whatever the caller has read
   * from streams will not come by the feed any more. Rejects when the sequence has started anew meanwhile.
   * @returns the latest number
   */
  async fence(): Promise<number> {
    const probe = ++this.#probesSent;
    const heard = this.#awaitProbe(probe);
    const sent = this.#probe(probe);
    const [number] = await Promise.all([sent, heard]);
    return number;
  }

  /** The latest number. Rejects when the sequence has started anew. */
  latest(): Promise<number> {
    return this.#probe(++this.#probesSent);
  }

  /** Publishes an event from this node. */
  publish(event: Event, limits: { maxEvents: number; windowSeconds: number }): Promise<void> {
    return this.#source.publish(this.epoch, event, limits);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#connected = false;
    clearInterval(this.#probeTimer);
    this.#source.stop();
    for (const fence of this.#fences) fence.reject(new Error("the feed has stopped"));
  }

  /**
   * A connection can be alive and mute: pings are answered, publishes succeed, nothing arrives (a replica that lost
   * its master does so). So the node sends a message to itself through Redis; when none comes back it reconnects,
   * and reads what it has missed.
   */
  #look(): void {
    if (!this.#connected) {
      this.#heardAt = Date.now();
      return;
    }
    if (Date.now() - this.#heardAt > MUTE_MS) {
      this.#log.warn("the feed is connected but mute: reconnecting");
      this.#heardAt = Date.now();
      this.#connected = false;
      this.#source.reconnect();
      return;
    }
    this.#probe(++this.#probesSent).catch(() => {});
  }

  /** Sends a probe; by its answer a node learns that Redis was emptied under it, with all connections alive. */
  async #probe(probe: number): Promise<number> {
    const asked = this.#epoch;
    const { epoch, number } = await this.#source.probe(probe);
    if (epoch === asked && asked === this.#epoch) return number;
    void this.#recover();
    throw new Error("another epoch has begun");
  }

  #awaitProbe(probe: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => {
        clearTimeout(timer);
        this.#fences.delete(fence);
        act();
      };
      const fence: Fence = {
        probe,
        resolve: () => settle(resolve),
        reject: (error) => settle(() => reject(error)),
      };
      const timer = setTimeout(() => fence.reject(new Error("the feed is behind")), FENCE_MS);
      this.#fences.add(fence);
    });
  }

  #onEvent(epoch: string, event: LogEvent): void {
    this.#heardAt = Date.now();
    if (epoch !== this.#epoch || !this.#positions.has(event.log)) return;
    this.#queue.push(event);
    if (this.flowing) this.#pump();
  }

  #onProbe(number: number): void {
    this.#heardAt = Date.now();
    const lost = this.#probeHeard !== null && number > this.#probeHeard + 1;
    this.#probeHeard = Math.max(this.#probeHeard ?? 0, number);
    this.#queue.push(number);
    if (lost) {
      this.#log.warn("a probe did not come back, reading the streams");
      void this.#recover();
    } else if (this.flowing) this.#pump();
  }

  /**
   * Delivers what is queued, without a pause between the last event and the end of the work: nothing may arrive in
   * between and be left lying. Stops to read a hole, or when a handler asks to wait.
   */
  #pump(): void {
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      if (typeof next === "number") {
        for (const fence of this.#fences) if (fence.probe <= next) fence.resolve();
        continue;
      }
      const position = this.#positions.get(next.log);
      if (position === undefined || (next.kept && next.number <= position)) continue;
      if (position !== -1 && next.previous > position) {
        this.#log.warn(
          { log: next.log, after: position, upTo: next.previous },
          "hole in the feed, reading the streams",
        );
        this.#queue.unshift(next);
        void this.#recover();
        return;
      }
      const wait = this.#deliver(next);
      if (wait === undefined) continue;
      this.#busy = true;
      wait.then(
        () => this.#goOn(),
        (error) => this.#tryAgain(error),
      );
      return;
    }
  }

  #deliver(event: LogEvent): Promise<void> | undefined {
    if (event.kept) this.#positions.set(event.log, event.number);
    // A hole that was read late must not send a socket's sequence backwards.
    this.#highest = Math.max(this.#highest, event.number);
    return this.#handlers.onEvent(event);
  }

  /** After a pause: reads anew if the connection was lost meanwhile, else delivers on. */
  #goOn(): void {
    this.#busy = false;
    if (this.#recoverNext) void this.#recover();
    else if (this.#connected) this.#pump();
  }

  #tryAgain(error: unknown): void {
    this.#log.warn({ err: String(error) }, "feed interrupted");
    this.#busy = false;
    this.#connected = false;
    if (!this.#stopped) setTimeout(() => void this.#recover(), RETRY_MS).unref();
  }

  /** Subscribes anew and reads every log from where it was left. */
  async #recover(): Promise<void> {
    if (this.#stopped) return;
    if (this.#busy) {
      this.#recoverNext = true;
      return;
    }
    this.#busy = true;
    this.#recoverNext = false;
    try {
      const seen = this.#epoch === null ? null : { epoch: this.#epoch, number: this.#highest };
      this.#enterEpoch(await this.#source.attach(seen));
      const logs = [...this.#positions.keys()];
      for (let at = 0; at === 0 || at < logs.length; at += CHUNK) {
        await this.#source.listen(this.epoch, logs.slice(at, at + CHUNK));
      }
      this.#probeHeard = this.#probesSent;
      const histories: LogEvent[][] = [];
      for (let at = 0; at < logs.length; at += CHUNK) {
        histories.push(...(await Promise.all(logs.slice(at, at + CHUNK).map((log) => this.#sinceLast(log)))));
      }
      const arrived = this.#queue.filter((each) => typeof each !== "number");
      // Ascending: what an earlier reading brought may stand before what has come since.
      this.#queue = mergeEvents(inOrder(histories), inOrder([arrived]));
      this.#connected = true;
      this.#heardAt = Date.now();
      this.#goOn();
      // Their probes may be lost; a later one does as well.
      if (this.#fences.size > 0) this.#look();
    } catch (error) {
      this.#tryAgain(error);
    }
  }

  #enterEpoch({ epoch }: Position): void {
    if (epoch === this.#epoch) return;
    if (this.#epoch !== null) {
      this.#handlers.onEpochLost();
      this.unsubscribe([...this.#positions.keys()]);
      this.#subscribing.clear();
    }
    this.#queue = [];
    this.#highest = 0;
    this.#epoch = epoch;
    for (const fence of this.#fences) fence.reject(new Error("another epoch has begun"));
  }

  async #sinceLast(log: string): Promise<LogEvent[]> {
    const position = this.#positions.get(log);
    if (position === undefined || position === -1) return [];
    const { events, last } = await this.#source.history(this.epoch, log, position);
    if (isUnbroken(events, position) && (events.at(-1)?.number ?? position) >= last) return events;
    this.#handlers.onGap(log);
    // Who subscribes anew starts after what is gone.
    if (this.#positions.get(log) === position) this.#positions.set(log, Math.max(position, last));
    return [];
  }
}
