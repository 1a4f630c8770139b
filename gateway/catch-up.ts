import type { Feed } from "./feed.ts";
import { inOrder, type LogEvent } from "./log-event.ts";
import type { Due } from "./session.ts";

/**
 * What a held session is due that listens to its logs already: what they hold after a number, and its queue, in
 * order. When this resolves, all that was published before it has come by the feed.
 * @param after the number for each log; what came of it up to there is not due
 * @returns null when some of it is gone
 */
export async function catchUp(feed: Feed, session: Held, after: ReadonlyMap<string, number>): Promise<Due[] | null> {
  const histories = await Promise.all([...after].map(([log, number]) => feed.history(log, number)));
  // Pub/sub comes over another connection than what was read here. And changes of permissions that were published
  // before have come then: what is missed is judged by them.
  await feed.fence();
  const known = histories.filter((events) => events !== null);
  if (known.length < histories.length) return null;
  const isDue = (due: Due) => !("event" in due) || due.event.number > (after.get(due.event.log) ?? 0);
  return addMissing((session.queue ?? []).filter(isDue), inOrder(known));
}

interface Held {
  queue: Due[] | null;
}

/** A queue with the events of `history` that it lacks, each before the first event of a higher number. */
function addMissing(queue: readonly Due[], history: readonly LogEvent[]): Due[] {
  const known = new Set(queue.map((due) => ("event" in due ? due.event.number : 0)));
  const missing = history.filter((event) => !known.has(event.number)).map((event) => ({ event }));
  const result: Due[] = [];
  let next = 0;
  for (const due of queue) {
    while ("event" in due && (missing[next]?.event.number ?? Number.POSITIVE_INFINITY) < due.event.number) {
      result.push(...missing.slice(next, next + 1));
      next += 1;
    }
    result.push(due);
  }
  return [...result, ...missing.slice(next)];
}
