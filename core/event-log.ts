import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Result } from "ioredis";
import type { Logger } from "pino";
import type { Sql } from "./db.ts";
import { EVENTS, type EventHeader, type EventName } from "./events.ts";
import { createOutbox, type Outbox } from "./outbox.ts";
import type { Redis } from "./redis.ts";
import { guildLog, redisKeys, userLog } from "./redis-keys.ts";

/** Something that happened, as a route tells it. `data` is the dispatch's `d`. */
export interface Event {
  t: EventName;
  /** The guild whose log it goes to; or else `userId`. */
  guildId?: string;
  userId?: string;
  channelId?: string;
  data: unknown;
  authorId?: string;
  mentions?: readonly string[];
  /** Set when who views channels may have changed: roles, overwrites, ownership. */
  changesView?: boolean;
  /** What was changed and its row's version: a late older state is dropped. */
  entity?: string;
  version?: string;
  /** Set where the same event may be published by several: within minutes, all but the first publish do nothing. */
  id?: string;
}

/** An event on its way: serialised once, with an id that makes a second publish harmless. */
export interface LogEntry {
  log: string;
  eventId: string;
  kept: boolean;
  entity: string;
  version: string;
  header: string;
  body: string;
}

export interface EventLog {
  /**
   * Publishes events in their order; resolves when each is either published or safe in the outbox. Call it after
   * commit and before the response.
   * @param outboxPending whether one of the logs has rows in the outbox, if the caller's own statement told
   * @throws only when both Redis and Postgres are away
   */
  publish(events: readonly Event[], outboxPending?: boolean): Promise<void>;
  /** Whether Redis takes events now. */
  healthy(): boolean;
  stop(): Promise<void>;
}

export interface EventLogOptions {
  redis: Redis;
  sql: Sql;
  log: Logger;
  maxEvents: number;
  windowSeconds: number;
}

/** How far the sequence is lifted when Redis fell back: past whatever another process may have seen. */
const LIFT = 1_000_000;
/** How long a repeated publish of the same event is known for one; no shorter than a nonce is remembered. */
const REPEAT_WINDOW_SECONDS = 300;
const publishScript = readFileSync(new URL("./lua/publish.lua", import.meta.url), "utf8");
const attachScript = readFileSync(new URL("./lua/attach.lua", import.meta.url), "utf8");

declare module "ioredis" {
  interface RedisCommander<Context> {
    guildhallPublish(...args: (string | number)[]): Result<number, Context>;
    guildhallAttach(...args: (string | number)[]): Result<[string, number, number], Context>;
  }
}

/** Teaches a connection the scripts: EVALSHA, with the text sent only when Redis doesn't know it. */
export function defineScripts(redis: Redis): void {
  redis.defineCommand("guildhallPublish", { numberOfKeys: 6, lua: publishScript });
  redis.defineCommand("guildhallAttach", { numberOfKeys: 3, lua: attachScript });
}

/** Where Redis stands; lifts its sequence above `highest`. Shapes: core/lua/attach.lua. */
export async function attach(redis: Redis, highest: number): Promise<{ epoch: string; seq: number; floor: number }> {
  const keys = [redisKeys.seq, redisKeys.epoch, redisKeys.floor];
  const [epoch, seq, floor] = await redis.guildhallAttach(...keys, highest, randomUUID(), LIFT);
  return { epoch, seq, floor };
}

export function toLogEntry(event: Event): LogEntry {
  const rule = EVENTS[event.t];
  const header: EventHeader = { t: event.t };
  if (event.guildId !== undefined) header.g = event.guildId;
  if (event.channelId !== undefined) header.c = event.channelId;
  if (event.authorId !== undefined) header.a = event.authorId;
  if (event.mentions !== undefined && event.mentions.length > 0) header.m = event.mentions;
  if (event.changesView === true) header.v = true;
  return {
    log: logOf(event),
    eventId: event.id ?? randomUUID(),
    kept: rule.kept,
    entity: event.entity ?? "",
    version: event.version ?? "",
    header: JSON.stringify(header),
    body: `"t":"${event.t}","d":${JSON.stringify(event.data)}`,
  };
}

function logOf(event: Event): string {
  if (event.userId !== undefined) return userLog(event.userId);
  if (event.guildId !== undefined) return guildLog(event.guildId);
  throw new TypeError(`Event ${event.t} names neither a guild nor a user`);
}

/** Runs the publish script for one event: core/lua/publish.lua. @returns the event's number, or 0 when superseded */
export function publishEntry(
  redis: Redis,
  entry: LogEntry,
  epoch: string,
  limits: { maxEvents: number; windowSeconds: number },
): Promise<number> {
  return redis.guildhallPublish(
    redisKeys.seq,
    redisKeys.epoch,
    redisKeys.last(entry.log),
    redisKeys.log(entry.log),
    redisKeys.done(entry.eventId),
    redisKeys.version(entry.entity),
    epoch,
    redisKeys.channel(entry.log),
    entry.kept ? "1" : "0",
    entry.entity === "" ? "" : entry.version,
    entry.header,
    entry.body,
    limits.maxEvents,
    limits.windowSeconds,
    REPEAT_WINDOW_SECONDS,
  );
}

export function createEventLog(options: EventLogOptions): EventLog {
  const { redis, sql, log } = options;
  defineScripts(redis);
  let epoch: string | null = null;
  let highest = 0;
  let attaching: Promise<void> | null = null;

  /** Learns the epoch; until then, and from each failure on, events go to the outbox. */
  function reattach(): Promise<void> {
    attaching ??= attach(redis, highest)
      .then((state) => {
        epoch = state.epoch;
        highest = Math.max(highest, state.seq);
        outbox.wake();
      })
      .finally(() => {
        attaching = null;
      });
    return attaching;
  }

  /** Publishes in one pipeline; returns the entries that were not confirmed, in order. */
  async function send(entries: readonly LogEntry[]): Promise<readonly LogEntry[]> {
    const knownEpoch = epoch;
    if (knownEpoch === null || redis.status !== "ready") return entries;
    const replies = await Promise.allSettled(entries.map((entry) => publishOne(entry, knownEpoch)));
    const failedAt = replies.findIndex((reply) => reply.status === "rejected");
    for (const reply of replies) if (reply.status === "fulfilled") highest = Math.max(highest, reply.value);
    if (failedAt === -1) return [];
    epoch = null;
    const failed = replies[failedAt];
    if (failed?.status === "rejected") log.warn({ err: String(failed.reason) }, "publish failed, using the outbox");
    return entries.slice(failedAt);
  }

  const limits = { maxEvents: options.maxEvents, windowSeconds: options.windowSeconds };
  const publishOne = (entry: LogEntry, knownEpoch: string) => publishEntry(redis, entry, knownEpoch, limits);

  const outbox: Outbox = createOutbox({ sql, log, send });

  async function publish(events: readonly Event[], outboxPending?: boolean): Promise<void> {
    if (events.length === 0) return;
    const entries = events.map(toLogEntry);
    const queueBehind = epoch !== null && (outboxPending ?? (await outbox.hasRows(entries.map((entry) => entry.log))));
    const unsent = queueBehind ? entries : await send(entries);
    // What is stale in a moment is not worth a row.
    const worthKeeping = unsent.filter((entry) => entry.kept);
    if (worthKeeping.length > 0) await outbox.put(worthKeeping);
  }

  const timer = setInterval(() => {
    if (epoch === null && redis.status === "ready") reattach().catch(() => {});
  }, 200);
  timer.unref();
  const onReady = () => {
    epoch = null;
    reattach().catch(() => {});
  };
  redis.on("ready", onReady);
  if (redis.status === "ready") onReady();

  return {
    publish,
    healthy: () => epoch !== null,
    stop: async () => {
      clearInterval(timer);
      redis.off("ready", onReady);
      await outbox.stop();
    },
  };
}
