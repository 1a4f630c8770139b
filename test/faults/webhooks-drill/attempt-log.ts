import type { Sql } from "../../../core/db.ts";
import type { Seen } from "./moody-receiver.ts";

/** Of an answer the log keeps so much. */
const KEPT_BYTES = 1024;
/** What a dispatcher has under way when it is killed began later than this before: its timeout, and a busy machine. */
const UNDER_WAY_MS = 5000;

export interface LogComparison {
  counts: {
    logged: number;
    /** Attempts that the log lacks, as their dispatcher was killed before it wrote them down. */
    notLogged: number;
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
  const rows = await sql<{ key: string; n: number; bytes: number | null }[]>`
    select concat_ws(' ', delivery_id, request_headers->>'webhook-timestamp', coalesce(status::text, 'none')) as key,
      count(*)::int as n, max(octet_length(response_body)) as bytes
    from webhook_attempts group by 1`;
  const logged = new Map(rows.map(({ key, n }) => [key, n]));
  const alike = new Map<string, Seen[]>();
  for (const one of seen) {
    const key = `${one.id} ${one.stamp} ${one.status ?? "none"}`;
    alike.set(key, [...(alike.get(key) ?? []), one]);
  }
  const invented = rows.filter(({ key, n }) => n > (alike.get(key)?.length ?? 0));
  let notLogged = 0;
  const unexplained: string[] = [];
  for (const [key, same] of alike) {
    const lacking = same.length - (logged.get(key) ?? 0);
    if (lacking <= 0) continue;
    notLogged += lacking;
    if (same.filter((one) => wasUnderWay(one, killed)).length < lacking) unexplained.push(key);
  }
  const longest = Math.max(0, ...rows.map(({ bytes }) => bytes ?? 0));
  const faults = [
    ...invented.map(({ key }) => `the log has an attempt that the receiver never had: ${key}`),
    ...unexplained.map((key) => `the log lacks an attempt whose dispatcher lived: ${key}`),
    ...(longest === KEPT_BYTES ? [] : [`the longest answer in the log has ${longest} bytes`]),
  ];
  return { counts: { logged: sum(rows.map(({ n }) => n)), notLogged, repeatedAfter2xx: repeats(seen) }, faults };
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

const sum = (numbers: readonly number[]) => numbers.reduce((all, one) => all + one, 0);
