import type { LogEvent } from "./log-event.ts";

/** What is kept of a log after a number, and the number of its last kept event when that was read. */
export interface History {
  events: LogEvent[];
  last: number;
}

type ReadHistory = (epoch: string, log: string, after: number) => Promise<History>;

/** A read of one log that is under way, and the one to follow it. */
interface Reading {
  done: Promise<unknown>;
  next: Next | null;
}

interface Next {
  after: number;
  result: Promise<History>;
}

/**
 * Makes one read of a log of many that are asked for at once: when a node has died, the sessions of a guild resume
 * together, and all of them want much the same. Whoever asks while a read is under way shares the next one, which
 * begins only after they asked: nothing that was published before is missing in it.
 */
export function sharedHistory(read: ReadHistory): ReadHistory {
  const readings = new Map<string, Reading>();

  function begin(epoch: string, log: string, after: number): Promise<History> {
    const key = `${epoch} ${log}`;
    const result = read(epoch, log, after);
    const reading: Reading = { done: result.catch(() => {}), next: null };
    readings.set(key, reading);
    void reading.done.then(() => {
      if (reading.next === null) readings.delete(key);
    });
    return result;
  }

  return async (epoch, log, after) => {
    const reading = readings.get(`${epoch} ${log}`);
    if (reading === undefined) return begin(epoch, log, after);
    reading.next ??= follow(reading, epoch, log);
    const { next } = reading;
    next.after = Math.min(next.after, after);
    const { events, last } = await next.result;
    return { events: events.filter((event) => event.number > after), last };
  };

  function follow(reading: Reading, epoch: string, log: string): Next {
    const next: Next = {
      after: Number.POSITIVE_INFINITY,
      result: reading.done.then(() => begin(epoch, log, next.after)),
    };
    return next;
  }
}
