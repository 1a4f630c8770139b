import type { Sql } from "../../../core/db.ts";
import type { Seen } from "./moody-receiver.ts";

/** Of an answer the log keeps so much. */
const KEPT_BYTES = 1024;
/** In place of a status. */
const NONE = 0;
/** What a dispatcher has under way when it is killed began later than this before, also on a busy machine. */
const UNDER_WAY_MS = 15_000;

export interface LogComparison {
  counts: {
    logged: number;
    /** Attempts that the log lacks, as their dispatcher was killed before it wrote them down. */
    notLogged: number;
    /** Attempts that were answered when the dispatcher had given them up: it says that there was no answer. */
    answeredTooLate: number;
    /** Deliveries that came again though they had been answered 2xx. */
    repeatedAfter2xx: number;
  };
  faults: string[];
}

/**
 * Compares the log with what the receiver saw, attempt by attempt: by delivery, second and answer. The log may lack what
 * was under way at a process that was killed, and nothing else.
 * @param killed when, by process
 */
export async function compareLogs(
  sql: Sql,
  seen: readonly Seen[],
  killed: ReadonlyMap<number, number>,
): Promise<LogComparison> {
  const rows = await sql<{ key: string; statuses: number[]; bytes: number | null }[]>`
    select delivery_id || ' at ' || (request_headers->>'webhook-timestamp') as key, array_agg(coalesce(status, ${NONE})) as statuses,
      max(octet_length(response_body)) as bytes
    from webhook_attempts group by 1`;
  const logged = new Map(rows.map(({ key, statuses }) => [key, statuses]));
  const faults: string[] = [];
  let [notLogged, answeredTooLate] = [0, 0];
  const had = byKey(seen);
  for (const key of logged.keys()) if (!had.has(key)) faults.push(`${key}: logged, and the receiver never had it`);
  for (const [key, attempts] of had) {
    const statuses = logged.get(key) ?? [];
    const lacking = attempts.length - statuses.length;
    if (lacking < 0) faults.push(`${key}: logged more often than the receiver had it`);
    if (attempts.filter((one) => wasUnderWay(one, killed)).length < lacking) {
      faults.push(`${key}: not logged, and its dispatcher was not killed`);
    }
    const others = beyond(
      statuses,
      attempts.map(({ status }) => status ?? NONE),
    );
    if (others.some((status) => status !== NONE)) faults.push(`${key}: logged with another answer than was given`);
    notLogged += Math.max(0, lacking);
    answeredTooLate += others.length;
  }
  const longest = Math.max(0, ...rows.map(({ bytes }) => bytes ?? 0));
  if (longest !== KEPT_BYTES) faults.push(`the longest answer in the log has ${longest} bytes`);
  const counts = { logged: rows.reduce((sum, { statuses }) => sum + statuses.length, 0), notLogged, answeredTooLate };
  return { counts: { ...counts, repeatedAfter2xx: repeats(seen) }, faults };
}

function byKey(seen: readonly Seen[]): Map<string, Seen[]> {
  const all = new Map<string, Seen[]>();
  for (const one of seen) {
    const key = `${one.id} at ${one.stamp}`;
    all.set(key, [...(all.get(key) ?? []), one]);
  }
  return all;
}

/** What is in one list beyond the other, each as often as it is. */
function beyond<T>(list: readonly T[], other: readonly T[]): T[] {
  const left = [...other];
  return list.filter((value) => {
    const at = left.indexOf(value);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

function wasUnderWay({ by, at }: Seen, killed: ReadonlyMap<number, number>): boolean {
  const killedAt = killed.get(by);
  return killedAt !== undefined && at > killedAt - UNDER_WAY_MS;
}

function repeats(seen: readonly Seen[]): number {
  const taken = new Set<string>();
  const again = new Set<string>();
  for (const { id, status } of seen) {
    if (taken.has(id)) again.add(id);
    if (status === 200) taken.add(id);
  }
  return again.size;
}
