import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import { attach, defineScripts, type Event, type Position, publishEntry, toLogEntry } from "../core/event-log.ts";
import { connectRedis, type Redis, redisReady } from "../core/redis.ts";
import { redisKeys } from "../core/redis-keys.ts";
import { type LogEvent, parseEntry, parsePublished } from "./log-event.ts";
import { type History, sharedHistory } from "./shared-history.ts";

/** What comes from a source without being asked for. */
interface SourceListener {
  /** Connected, or connected again: nothing is listened to any more. */
  onReady(): void;
  onLost(): void;
  onEvent(epoch: string, event: LogEvent): void;
  /** A probe of this source has come back. */
  onProbe(number: number): void;
}

/** All that a feed needs of the place where events come from. Each promise rejects while it is away. */
export interface LogSource {
  /** Tells who listens, once, before anything else. */
  start(listener: SourceListener): void;
  /** Where the log stands; a new epoch when it has lost what was seen. */
  attach(seen: Position | null): Promise<Position>;
  /** Resolves when events of these logs published from now on will come, as long as the connection lives. */
  listen(epoch: string, logs: readonly string[]): Promise<void>;
  unlisten(epoch: string, logs: readonly string[]): void;
  /** The numbers of the last kept events of logs, 0 for none. */
  last(epoch: string, logs: readonly string[]): Promise<number[]>;
  history(epoch: string, log: string, after: number): Promise<History>;
  /** Sends a message to itself the way events come, after all events published before. @returns where the log stands */
  probe(number: number): Promise<{ epoch: string | null; number: number }>;
  takeNumbers(count: number): Promise<number>;
  publish(epoch: string, event: Event, limits: { maxEvents: number; windowSeconds: number }): Promise<void>;
  /** Gives the connection up for a new one. */
  reconnect(): void;
  stop(): void;
}

/** Redis as the source: streams over the node's connection, pub/sub over one of its own. */
export async function openRedisSource(url: string, command: Redis, log: Logger): Promise<LogSource> {
  defineScripts(command);
  const subscriber = connectRedis(url, log, { name: "gateway-feed" });
  await redisReady(subscriber);
  const probeChannel = redisKeys.probe(randomUUID());
  const keysOf = (key: (epoch: string, log: string) => string, epoch: string, logs: readonly string[]) =>
    logs.map((each) => key(epoch, each));
  return {
    start: (listener) => {
      subscriber.on("message", (channel: string, message: string) => {
        if (channel === probeChannel) return listener.onProbe(Number(message));
        const [epoch, name] = redisKeys.splitChannel(channel);
        listener.onEvent(epoch, parsePublished(name, message));
      });
      subscriber.on("close", () => listener.onLost());
      subscriber.on("ready", () => listener.onReady());
    },
    attach: (seen) => attach(command, seen),
    listen: async (epoch, logs) => {
      await subscriber.subscribe(probeChannel, ...keysOf(redisKeys.channel, epoch, logs));
    },
    unlisten: (epoch, logs) => {
      subscriber.unsubscribe(...keysOf(redisKeys.channel, epoch, logs)).catch(() => {});
    },
    last: async (epoch, logs) =>
      logs.length === 0
        ? []
        : (await command.mget(keysOf(redisKeys.last, epoch, logs))).map((last) => Number(last ?? 0)),
    history: sharedHistory(async (epoch, name, after) => {
      // The last number first: an event that comes in between must not look like one that is gone.
      const [last, entries] = await Promise.all([
        command.get(redisKeys.last(epoch, name)),
        command.xrange(redisKeys.log(epoch, name), `${after + 1}-0`, "+"),
      ]);
      return { events: entries.map((entry) => parseEntry(name, entry)), last: Number(last ?? 0) };
    }),
    probe: async (number) => {
      const [, [epoch, latest]] = await Promise.all([
        command.publish(probeChannel, String(number)),
        command.mget(redisKeys.epoch, redisKeys.seq),
      ]);
      return { epoch: epoch ?? null, number: Number(latest ?? 0) };
    },
    takeNumbers: (count) => command.incrby(redisKeys.seq, count),
    publish: async (epoch, event, limits) => {
      await publishEntry(command, toLogEntry(event), epoch, limits);
    },
    reconnect: () => subscriber.stream.destroy(),
    stop: () => subscriber.disconnect(),
  };
}
