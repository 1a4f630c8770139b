import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import { attach, defineScripts, type Event, publishEntry, toLogEntry } from "../core/event-log.ts";
import { connectRedis, type Redis, redisReady } from "../core/redis.ts";
import { redisKeys } from "../core/redis-keys.ts";
import { type LogEvent, mergeEvents, parseEntry, parsePublished } from "./log-event.ts";

export interface FeedHandlers {
  /** One event, in order: numbers grow over all logs of the node. May return a promise to hold what follows. */
  onEvent(event: LogEvent): Promise<void> | undefined;
  /** Events of this log are gone for good: its sessions must start afresh. */
  onGap(log: string): void;
  /** Redis lost everything: all sessions must start afresh. */
  onEpochLost(): void;
}

const CHUNK = 500;
/** A feed that is cut off for this long is more than a hiccup: who waits for it gives up. */
const REACH_MS = 10_000;
const RETRY_MS = 300;
const PROBE_MS = 1000;
/** Longer than a busy event loop or a slow Redis keeps a probe. */
const MUTE_MS = 5000;

/**
 * A node's ordered view of the logs it subscribes to. Pub/sub may lose messages, when the connection drops or
 * silently; each message names the one before it in its log, so that a hole is seen, and read from the stream before
 * anything else goes on: another log's event must not overtake what is missing.
 */
export class Feed {
  readonly #command: Redis;
  readonly #subscriber: Redis;
  readonly #handlers: FeedHandlers;
  readonly #log: Logger;
  /** The last kept event of each subscribed log. Added by subscribe, removed by unsubscribe. */
  readonly #positions = new Map<string, number>();
  readonly #channels = new Map<string, string>();
  /** Logs that Redis has not confirmed yet. */
  readonly #subscribing = new Map<string, Promise<void>>();
  /** What has arrived and is not delivered yet. */
  #queue: LogEvent[] = [];
  /** Who waits for a log to come to a number; removed when it has. */
  readonly #waiting = new Set<{ log: string; number: number; resolve: () => void }>();
  /** False from the moment the connection is lost until every log is read up to date. */
  #connected = false;
  /** Something is being read or waited for: events queue. */
  #busy = false;
  #recoverNext = false;
  readonly #probeChannel = redisKeys.probe(randomUUID());
  #probeTimer: NodeJS.Timeout | undefined;
  /** When the last message came, a probe or an event. */
  #heardAt = Date.now();
  #epoch: string | null = null;
  #highest = 0;
  #stopped = false;

  private constructor(command: Redis, subscriber: Redis, handlers: FeedHandlers, log: Logger) {
    this.#command = command;
    this.#subscriber = subscriber;
    this.#handlers = handlers;
    this.#log = log;
  }

  /** Connects. @param command the node's connection for everything but subscriptions */
  static async open(url: string, command: Redis, handlers: FeedHandlers, log: Logger): Promise<Feed> {
    defineScripts(command);
    const subscriber = connectRedis(url, log, { name: "gateway-feed" });
    await redisReady(subscriber);
    const feed = new Feed(command, subscriber, handlers, log);
    subscriber.on("message", (channel: string, message: string) => feed.#onMessage(channel, message));
    subscriber.on("close", () => {
      feed.#connected = false;
    });
    subscriber.on("ready", () => void feed.#recover());
    await feed.#recover();
    feed.#probeTimer = setInterval(() => feed.#probe(), PROBE_MS).unref();
    return feed;
  }

  /**
   * A connection can be alive and mute: pings are answered, publishes succeed, nothing arrives (a replica that lost
   * its master does so). So the node sends a message to itself through Redis; when none comes back it reconnects,
   * and reads what it has missed.
   */
  #probe(): void {
    if (!this.#connected) {
      this.#heardAt = Date.now();
      return;
    }
    if (Date.now() - this.#heardAt > MUTE_MS) {
      this.#log.warn("the feed is connected but mute: reconnecting");
      this.#heardAt = Date.now();
      this.#connected = false;
      this.#subscriber.stream.destroy();
      return;
    }
    this.#command.publish(this.#probeChannel, "").catch(() => {});
  }

  /** The highest number delivered. */
  get highest(): number {
    return this.#highest;
  }

  /** False while Redis is away or a hole is being read. */
  get flowing(): boolean {
    return this.#connected && !this.#busy;
  }

  /** Starts to receive logs. Once it resolves, every event published from now on will come. */
  async subscribe(logs: readonly string[]): Promise<void> {
    const fresh = logs.filter((log) => !this.#positions.has(log));
    // Somebody else may be at it: a log counts as subscribed when Redis has confirmed it, not before.
    const others = logs.flatMap((log) => this.#subscribing.get(log) ?? []);
    for (let at = 0; at < fresh.length; at += CHUNK) {
      const chunk = fresh.slice(at, at + CHUNK);
      const work = this.#subscribeChunk(chunk);
      for (const log of chunk) this.#subscribing.set(log, work);
      await work;
    }
    await Promise.all(others);
  }

  async #subscribeChunk(logs: readonly string[]): Promise<void> {
    for (const log of logs) {
      this.#positions.set(log, -1);
      this.#channels.set(redisKeys.channel(log), log);
    }
    try {
      await this.#subscriber.subscribe(...logs.map(redisKeys.channel));
      const last = await this.#command.mget(logs.map(redisKeys.last));
      for (const [i, log] of logs.entries()) {
        // An event may have come in between, and told the position itself.
        if (this.#positions.get(log) === -1) this.#positions.set(log, Number(last[i] ?? 0));
      }
    } catch (error) {
      this.unsubscribe(logs);
      throw error;
    } finally {
      for (const log of logs) this.#subscribing.delete(log);
    }
  }

  unsubscribe(logs: readonly string[]): void {
    const channels = logs.filter((log) => this.#positions.delete(log)).map(redisKeys.channel);
    for (const channel of channels) this.#channels.delete(channel);
    if (channels.length > 0) this.#subscriber.unsubscribe(...channels).catch(() => {});
  }

  /** Takes `count` fresh numbers: what a snapshot read after this reflects every event up to the last of them. */
  async takeNumbers(count: number): Promise<number> {
    return this.#command.incrby(redisKeys.seq, count);
  }

  /**
   * The kept events of a log after a number, oldest first.
   * @returns null when some of them are gone
   */
  async history(log: string, after: number): Promise<LogEvent[] | null> {
    const [entries, last] = await Promise.all([
      this.#command.xrange(redisKeys.log(log), `${after + 1}-0`, "+"),
      this.#command.get(redisKeys.last(log)),
    ]);
    const events = entries.flatMap((entry) => parseEntry(log, entry) ?? []);
    const complete = events[0] === undefined ? Number(last ?? 0) <= after : events[0].previous <= after;
    return complete ? events : null;
  }

  /**
   * Resolves when a log has come at least as far as `number`: whatever was read from its stream up to there will not
   * come by the feed any more.
   */
  reach(log: string, number: number): Promise<void> {
    if ((this.#positions.get(log) ?? number) >= number) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`the feed did not reach ${number} of ${log}`)), REACH_MS);
      this.#waiting.add({
        log,
        number,
        resolve: () => {
          clearTimeout(timer);
          resolve();
        },
      });
    });
  }

  /** Publishes an event from this node. */
  async publish(event: Event, limits: { maxEvents: number; windowSeconds: number }): Promise<void> {
    if (this.#epoch !== null) await publishEntry(this.#command, toLogEntry(event), this.#epoch, limits);
  }

  /** The number of the latest event of all, which may still be on its way here. */
  async latest(): Promise<number> {
    return Number((await this.#command.get(redisKeys.seq)) ?? 0);
  }

  /** Sessions older than this number may have missed events that Redis lost. */
  async floor(): Promise<number> {
    return Number((await this.#command.get(redisKeys.floor)) ?? 0);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#connected = false;
    clearInterval(this.#probeTimer);
    this.#subscriber.disconnect();
  }

  #onMessage(channel: string, message: string): void {
    this.#heardAt = Date.now();
    const log = this.#channels.get(channel);
    if (log === undefined) return;
    const event = parsePublished(log, message);
    if (event === null) return;
    this.#queue.push(event);
    if (this.flowing) this.#pump();
  }

  /**
   * Delivers what is queued, without a pause between the last event and the end of the work: nothing may arrive in
   * between and be left lying. Stops to read a hole, or when a handler asks to wait.
   */
  #pump(): void {
    for (let event = this.#queue.shift(); event !== undefined; event = this.#queue.shift()) {
      const wait = this.#take(event);
      if (wait === undefined) continue;
      this.#busy = true;
      wait.then(
        () => this.#goOn(),
        (error) => this.#tryAgain(error),
      );
      return;
    }
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

  /** Delivers an event, and what is missing before it. */
  #take(event: LogEvent): Promise<void> | undefined {
    const position = this.#positions.get(event.log);
    if (position === undefined || (event.kept && event.number <= position)) return undefined;
    if (position === -1 || event.previous <= position) return this.#deliver(event);
    return this.#fillHole(event, position);
  }

  async #fillHole(event: LogEvent, position: number): Promise<void> {
    this.#log.warn({ log: event.log, after: position, upTo: event.previous }, "hole in the feed, reading the stream");
    const missed = await this.history(event.log, position);
    if (missed === null) this.#handlers.onGap(event.log);
    for (const each of missed ?? []) if (each.number <= event.previous) await this.#deliver(each);
    await this.#deliver(event);
  }

  #deliver(event: LogEvent): Promise<void> | undefined {
    if (event.kept) this.#positions.set(event.log, event.number);
    // A hole that was read late must not send a socket's sequence backwards.
    this.#highest = Math.max(this.#highest, event.number);
    const wait = this.#handlers.onEvent(event);
    for (const waiter of this.#waiting) {
      if (waiter.log !== event.log || waiter.number > event.number) continue;
      this.#waiting.delete(waiter);
      waiter.resolve();
    }
    return wait;
  }

  /** After a (re)connect: subscribes anew and reads every log from where it was left. */
  async #recover(): Promise<void> {
    if (this.#busy) {
      this.#recoverNext = true;
      return;
    }
    this.#busy = true;
    this.#recoverNext = false;
    try {
      const state = await attach(this.#command, this.#highest);
      if (this.#epoch !== null && this.#epoch !== state.epoch) this.#handlers.onEpochLost();
      this.#epoch = state.epoch;
      await this.#subscriber.subscribe(this.#probeChannel);
      const logs = [...this.#positions.keys()];
      for (let at = 0; at < logs.length; at += CHUNK) {
        await this.#subscriber.subscribe(...logs.slice(at, at + CHUNK).map(redisKeys.channel));
      }
      let missed: LogEvent[] = [];
      for (let at = 0; at < logs.length; at += CHUNK) {
        const histories = await Promise.all(logs.slice(at, at + CHUNK).map((log) => this.#sinceLast(log)));
        for (const events of histories) missed = mergeEvents(missed, events);
      }
      this.#queue = mergeEvents(missed, this.#queue);
      this.#connected = true;
      this.#goOn();
    } catch (error) {
      this.#tryAgain(error);
    }
  }

  async #sinceLast(log: string): Promise<LogEvent[]> {
    const position = this.#positions.get(log);
    if (position === undefined || position === -1) return [];
    const events = await this.history(log, position);
    if (events === null) this.#handlers.onGap(log);
    return events ?? [];
  }
}
