import { randomBytes, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Result } from "ioredis";
import type { Logger } from "pino";
import { batched } from "./batched.ts";
import type { Sql, Transaction } from "./db.ts";
import type { DeliverableEvent } from "./deliveries.ts";
import { EVENTS, type EventHeader, type EventName } from "./events.ts";
import { createOutbox, type Outbox, putInTransaction } from "./outbox.ts";
import type { Redis } from "./redis.ts";
import { guildLog, redisKeys, userLog } from "./redis-keys.ts";
import type { AuditDraft } from "./wire/audit-log.ts";
import type { ChannelRow } from "./wire/channel.ts";

/** The channels of a guild that endpoints see, by endpoint and channel: src/sights.ts. */
export type Sights = ReadonlyMap<string, ReadonlyMap<string, ChannelRow>>;

/** Something that happened, as a route tells it. `data` is the dispatch's `d`. */
export interface Event {
  t: EventName;
  /** The guild whose log it goes to; or else `userId`. */
  guildId?: string;
  userId?: string;
  channelId?: string;
  data: unknown;
  /** `data` as JSON text, where it was made already. */
  json?: string;
  authorId?: string;
  mentions?: readonly string[];
  /** Set when who views channels may have changed, by roles, overwrites or ownership: what URLs had seen. */
  changesView?: Sights;
  /** Set when somebody may lose what they had, other than by `changesView`: who is kicked, or leaves a thread. */
  takesAway?: boolean;
  /** What was changed and its row's version: a late older state is dropped. */
  entity?: string;
  version?: string;
  /** Set on GUILD_AUDIT_LOG_ENTRY_CREATE until it is stored; `data` is made of it then. */
  audit?: AuditDraft;
  /** What single endpoints are told before it: what gateways make of the event for the one session. */
  byUrl?: readonly DeliverableEvent[];
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
  /**
   * Puts events into the outbox in a transaction of the caller's, as its last step: for what must be told even if this
   * process dies after the commit. They are relayed soon after it by whichever process is there.
   */
  enqueue(tx: Transaction, events: readonly Event[]): Promise<void>;
  /** Relays what was enqueued now. Never rejects: what Redis doesn't take is relayed later. */
  relay(events: readonly Event[]): Promise<void>;
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

/** How long a repeated publish of the same event is known for one; no shorter than a nonce is remembered. */
const REPEAT_WINDOW_SECONDS = 300;
/**
 * How long it is known which event of a log was its last: far longer than a session can be away, for it is what tells
 * that a stream has expired with events in it; not for ever, or every guild that ever was would leave a key.
 */
export const LAST_SECONDS = 30 * 86_400;
/**
 * Client libraries may hold numbers in 32 bits with a sign. The epoch ends a little before: snapshots take numbers as
 * well, without asking.
 */
export const HIGHEST_NUMBER = 2 ** 31 - 1_000_000;
/** In one write. */
const PUBLISHED_AT_ONCE = 100;
const publishScript = readFileSync(new URL("./lua/publish.lua", import.meta.url), "utf8");
const attachScript = readFileSync(new URL("./lua/attach.lua", import.meta.url), "utf8");

declare module "ioredis" {
  interface RedisCommander<Context> {
    guildhallPublish(...args: (string | number)[]): Result<number, Context>;
    guildhallAttach(...args: (string | number)[]): Result<[string, number], Context>;
  }
}

/** Teaches a connection the scripts: EVALSHA, with the text sent only when Redis doesn't know it. */
export function defineScripts(redis: Redis): void {
  redis.defineCommand("guildhallPublish", { numberOfKeys: 6, lua: publishScript });
  redis.defineCommand("guildhallAttach", { numberOfKeys: 2, lua: attachScript });
}

/** A place in the sequence. Numbers of different epochs have nothing to do with each other. */
export interface Position {
  epoch: string;
  number: number;
}

/** Where Redis stands; begins a new epoch when it has lost what the process has seen. core/lua/attach.lua */
export async function attach(redis: Redis, seen: Position | null): Promise<Position> {
  const fresh = randomBytes(8).toString("hex");
  const known = [seen?.epoch ?? "", seen?.number ?? 0];
  const [epoch, number] = await redis.guildhallAttach(redisKeys.seq, redisKeys.epoch, ...known, fresh);
  return { epoch, number };
}

export function toLogEntry(event: Event): LogEntry {
  const rule = EVENTS[event.t];
  const header: EventHeader = { t: event.t };
  if (event.guildId !== undefined) header.g = event.guildId;
  if (event.channelId !== undefined) header.c = event.channelId;
  if (event.authorId !== undefined) header.a = event.authorId;
  if (event.mentions !== undefined && event.mentions.length > 0) header.m = event.mentions;
  if (event.changesView !== undefined) header.v = true;
  return {
    log: logOf(event),
    eventId: event.id ?? randomUUID(),
    kept: rule.kept,
    entity: event.entity ?? "",
    version: event.version ?? "",
    header: JSON.stringify(header),
    body: `"t":"${event.t}","d":${dataJson(event)}`,
  };
}

/** What an event tells, as JSON text. */
export const dataJson = (event: Event): string => event.json ?? JSON.stringify(event.data);

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
    redisKeys.last(epoch, entry.log),
    redisKeys.log(epoch, entry.log),
    redisKeys.done(epoch, entry.eventId),
    redisKeys.version(entry.entity),
    epoch,
    redisKeys.channel(epoch, entry.log),
    entry.kept ? "1" : "0",
    entry.entity === "" ? "" : entry.version,
    entry.header,
    entry.body,
    limits.maxEvents,
    limits.windowSeconds,
    REPEAT_WINDOW_SECONDS,
    LAST_SECONDS,
    HIGHEST_NUMBER,
  );
}

export function createEventLog(options: EventLogOptions): EventLog {
  const { redis, sql, log } = options;
  defineScripts(redis);
  /** The epoch to publish in; null until it is learnt, and from each failure on. */
  let epoch: string | null = null;
  /** The highest number seen, kept over failures: by it Redis is found to have fallen back. */
  let seen: Position | null = null;
  let attaching: Promise<void> | null = null;

  /** Learns the epoch; until then, and from each failure on, events go to the outbox. */
  function reattach(): Promise<void> {
    attaching ??= attach(redis, seen)
      .then((position) => {
        seen = position;
        epoch = position.epoch;
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
    const replies = await Promise.allSettled(entries.map((entry) => publishOne({ entry, knownEpoch })));
    const failedAt = replies.findIndex((reply) => reply.status === "rejected");
    for (const reply of replies) {
      if (reply.status !== "fulfilled" || seen?.epoch !== knownEpoch) continue;
      seen.number = Math.max(seen.number, reply.value);
    }
    if (failedAt === -1) return [];
    epoch = null;
    const failed = replies[failedAt];
    if (failed?.status === "rejected") log.warn({ err: String(failed.reason) }, "publish failed, using the outbox");
    return entries.slice(failedAt);
  }

  const limits = { maxEvents: options.maxEvents, windowSeconds: options.windowSeconds };
  /** What is published in one turn of the event loop leaves in one write: a write costs more than the rest. */
  const publishOne = batched(PUBLISHED_AT_ONCE, async (entries: readonly { entry: LogEntry; knownEpoch: string }[]) => {
    const { stream } = redis;
    stream.cork();
    try {
      return entries.map(({ entry, knownEpoch }) => publishEntry(redis, entry, knownEpoch, limits));
    } finally {
      stream.uncork();
    }
  });

  const outbox: Outbox = createOutbox({ sql, log, send });

  async function publish(events: readonly Event[], outboxPending?: boolean): Promise<void> {
    if (events.length === 0) return;
    const entries = events.map(toLogEntry);
    const queueBehind = epoch !== null && (outboxPending ?? (await outbox.hasRows(entries.map((entry) => entry.log))));
    const unsent = queueBehind ? entries : await send(entries);
    // What is stale in a moment is not worth a row.
    const worthKeeping = unsent.filter((entry) => entry.kept);
    if (worthKeeping.length > 0) await outbox.put(worthKeeping);
    if (queueBehind) outbox.wake();
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
    enqueue: (tx, events) => putInTransaction(tx, events.map(toLogEntry)),
    relay: (events) => outbox.relay(events.map(logOf)),
    healthy: () => epoch !== null,
    stop: async () => {
      clearInterval(timer);
      redis.off("ready", onReady);
      await outbox.stop();
    },
  };
}
