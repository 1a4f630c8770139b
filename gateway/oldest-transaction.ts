import type { Sql } from "../core/db.ts";
import type { Logger } from "../core/log.ts";

export interface TransactionWatch {
  /** Age of the oldest transaction that keeps Postgres from removing dead rows; 0 without one, or if it isn't known. */
  seconds(): number;
  stop(): void;
}

const LOOK_MS = 30_000;
const WARN_AFTER_SECONDS = 300;

/**
 * Watches the oldest transaction. While it is open, dead rows stay in all tables; those of the queue of outgoing
 * webhooks are as many as there are deliveries.
 */
export function watchTransactions(sql: Sql, log: Logger, warnAfterSeconds = WARN_AFTER_SECONDS): TransactionWatch {
  /** performance.now() of its beginning. */
  let since: number | undefined;
  const look = async () => {
    const oldest = await oldestTransaction(sql);
    since = oldest === undefined ? undefined : performance.now() - oldest.seconds * 1000;
    if (oldest === undefined || oldest.seconds < warnAfterSeconds) return;
    log.warn(oldest, "a transaction keeps Postgres from cleaning up: end it");
  };
  const tell = (error: unknown) => log.debug({ err: String(error) }, "the oldest transaction could not be read");
  const timer = setInterval(() => void look().catch(tell), LOOK_MS);
  void look().catch(tell);
  return {
    seconds: () => (since === undefined ? 0 : (performance.now() - since) / 1000),
    stop: () => clearInterval(timer),
  };
}

/**
 * Of this database, as others' don't count for its tables. Vacuum's own keep nothing.
 * https://www.postgresql.org/docs/current/routine-vacuuming.html#VACUUM-FOR-WRAPAROUND
 */
async function oldestTransaction(sql: Sql): Promise<{ pid: number | null; name: string; seconds: number } | undefined> {
  const [oldest] = await sql<[{ pid: number | null; name: string; seconds: number }?]>`
    select pid, name, extract(epoch from now() - since)::float8 as seconds from (
      select a.pid, a.application_name as name, a.xact_start as since from pg_stat_activity a
      where a.datname = current_database() and (a.backend_xmin is not null or a.backend_xid is not null)
        and a.pid <> pg_backend_pid() and a.pid not in (select v.pid from pg_stat_progress_vacuum v)
      union all
      select null, gid, prepared from pg_prepared_xacts where database = current_database()
    ) t where since is not null order by since limit 1`;
  return oldest;
}
