/** Discord's epoch, the first second of 2015. https://discord.com/developers/docs/reference#snowflakes */
const EPOCH_MS = 1_420_070_400_000;
export const WORKER_COUNT = 1024;
const COUNTER_COUNT = 4096;

export type NextId = () => string;

const DIGITS = /^(0|[1-9]\d{0,18})$/;
/** The greatest `bigint` of Postgres, where ids are kept. */
const MAX_ID = 9_223_372_036_854_775_807n;

/** Whether a text is an id as we write them: decimal, without leading zeros, in 63 bits. */
export function isSnowflake(text: string): boolean {
  return DIGITS.test(text) && BigInt(text) <= MAX_ID;
}

/**
 * Makes snowflakes: 42 bits of milliseconds, 10 bits of worker, 12 bits of counter. Ids of one generator strictly
 * grow: a clock that steps back, or more than 4096 ids in a millisecond, borrows from the next millisecond.
 * @param worker 0..1023, leased: see core/worker-lease.ts
 * @param notBeforeMs no id is made for a time at or before this
 */
export function snowflakeGenerator(worker: () => number, now: () => number = Date.now, notBeforeMs = 0): NextId {
  let lastMs = notBeforeMs;
  let counter = COUNTER_COUNT - 1;
  return () => {
    const ms = now();
    if (ms > lastMs) {
      lastMs = ms;
      counter = 0;
    } else if (++counter === COUNTER_COUNT) {
      lastMs += 1;
      counter = 0;
    }
    return ((BigInt(lastMs - EPOCH_MS) << 22n) | (BigInt(worker()) << 12n) | BigInt(counter)).toString();
  };
}

/** Milliseconds since 1970 at which a snowflake was made. */
export function snowflakeTime(id: string): number {
  return Number(BigInt(id) >> 22n) + EPOCH_MS;
}

/** The shard that a guild's events go to. https://discord.com/developers/docs/events/gateway#sharding */
export function shardOf(guildId: string, shardCount: number): number {
  return Number((BigInt(guildId) >> 22n) % BigInt(shardCount));
}

/** The lowest id that could be made at a time. */
export function firstIdAt(ms: number): string {
  return (BigInt(Math.max(0, Math.floor(ms) - EPOCH_MS)) << 22n).toString();
}
