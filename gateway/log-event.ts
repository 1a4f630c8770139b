import { EVENTS, type EventHeader, type EventRule, isEventName } from "../core/events.ts";

/** An event as it comes out of the log. */
export interface LogEvent {
  number: number;
  /** The last kept event of the same log before this one. */
  previous: number;
  kept: boolean;
  log: string;
  header: EventHeader;
  rule: EventRule;
  /** `"t":"NAME","d":{…}`, serialised once by the process where it happened. */
  body: string;
}

/** Reads a pub/sub message: core/lua/publish.lua. */
export function parsePublished(log: string, message: string): LogEvent {
  const first = message.indexOf("\n");
  const second = message.indexOf("\n", first + 1);
  const [number, previous, kept] = message.slice(0, first).split(" ");
  return build(
    log,
    Number(number),
    Number(previous),
    kept === "1",
    message.slice(first + 1, second),
    message.slice(second + 1),
  );
}

/** Reads a stream entry: `[id, [field, value, …]]`. */
export function parseEntry(log: string, [id, fields]: [string, string[]]): LogEvent {
  const values = new Map<string, string>();
  for (let i = 0; i + 1 < fields.length; i += 2) values.set(fields[i] ?? "", fields[i + 1] ?? "");
  const number = Number(id.slice(0, id.indexOf("-")));
  return build(log, number, Number(values.get("p")), true, values.get("h") ?? "", values.get("b") ?? "");
}

function build(
  log: string,
  number: number,
  previous: number,
  kept: boolean,
  headerText: string,
  body: string,
): LogEvent {
  // Our own writing: the header's shape is that of toLogEntry.
  const told: EventHeader = JSON.parse(headerText);
  // Left out, it would look like a hole that no stream fills.
  const header: EventHeader = isEventName(told.t) ? told : { t: "$UNKNOWN" };
  return { number, previous, kept, log, header, rule: EVENTS[header.t], body };
}

/** The event's `d`, parsed: only for events that change who may see what, and for internal ones. */
export function eventData(event: LogEvent): unknown {
  const parsed: { d: unknown } = JSON.parse(`{${event.body}}`);
  return parsed.d;
}

/** Whether events of one log, ascending, are all that came after a number: each names the one before it. */
export function isUnbroken(events: readonly LogEvent[], after: number): boolean {
  return events.every((event, i) => event.previous <= (events[i - 1]?.number ?? after));
}

/** All events of several logs, ascending. */
export function inOrder(histories: readonly (readonly LogEvent[])[]): LogEvent[] {
  return histories.flat().sort((a, b) => a.number - b.number);
}

/** Merges two ascending lists of events into one without repeats, by number. */
export function mergeEvents(one: readonly LogEvent[], other: readonly LogEvent[]): LogEvent[] {
  const merged: LogEvent[] = [];
  let i = 0;
  let j = 0;
  while (i < one.length || j < other.length) {
    const a = one[i];
    const b = other[j];
    const next = b === undefined || (a !== undefined && a.number <= b.number) ? a : b;
    if (next === a) i += 1;
    else j += 1;
    if (next !== undefined && next.number !== merged.at(-1)?.number) merged.push(next);
  }
  return merged;
}
