import postgres from "postgres";

/**
 * Postgres' default is four times the price for a page out of order, from the days of turning disks; by that it reads a
 * table of 100,000 users whole to find a page of a thousand of them.
 */
export const PLANNER = { random_page_cost: 1.1 };

/** A pool of Postgres connections. `bigint` columns (snowflakes) arrive as decimal strings. */
export type Sql = postgres.Sql;
export type Transaction = postgres.TransactionSql;
/** Either: what a store function takes, so that it can run alone or inside a caller's transaction. */
export type Db = Sql | Transaction;

/**
 * Opens a lazy pool: the first query connects. Lost connections are reopened by the next query.
 * Statements are cut off after 10 s so that a stuck lock is an error and not a hang.
 */
export function connectDatabase(url: string, options: { max?: number; name?: string } = {}): Sql {
  return postgres(url, {
    max: options.max ?? 10,
    connect_timeout: 5,
    idle_timeout: 60,
    // Seconds. A query fails when a connect fails; by the driver's own pauses, of up to 20 s, those that queue would
    // wait for minutes to fail, and Postgres would be long back before it is asked again.
    backoff: () => 0.05 + Math.random() * 0.05,
    onnotice: () => {},
    connection: {
      application_name: options.name ?? "guildhall",
      statement_timeout: 10_000,
      idle_in_transaction_session_timeout: 15_000,
      ...PLANNER,
    },
  });
}

/** True for errors that mean "Postgres is away or can't do it now", as opposed to "the statement is wrong". */
export function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error) || !("code" in error)) return false;
  const code = String(error.code);
  return PASSING_STATES.test(code) || CONNECTION_ERRORS.has(code);
}

/**
 * Lost connection (08), shutdown or start (57P), resources (53), deadlock (40), a lock or a statement that took too
 * long (55P03, 57014), a transaction cut off (25P03), a standby after a failover (25006).
 * https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const PASSING_STATES = /^(08...|57P..|53...|40...)$|^(55P03|57014|25P03|25006)$/;

/** True when a row is refused because another has the same of what this index keeps unique. */
export function isTaken(error: unknown, index: string): boolean {
  return error instanceof postgres.PostgresError && error.code === "23505" && error.constraint_name === index;
}

/** True when Postgres gave up a statement for another's sake, as in a deadlock: nothing of it was done (class 40). */
export function isGivenUp(error: unknown): boolean {
  return error instanceof postgres.PostgresError && error.code.startsWith("40");
}

const CONNECTION_ERRORS = new Set([
  "CONNECTION_CLOSED",
  "CONNECTION_ENDED",
  "CONNECTION_DESTROYED",
  "CONNECT_TIMEOUT",
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ENOENT",
]);

/**
 * The column whose row went away while a statement referred to it, e.g. `channel_id`; undefined for other errors.
 * A channel can be deleted between the look at it and the message put into it.
 */
export function vanishedReference(error: unknown): string | undefined {
  if (!(error instanceof postgres.PostgresError) || error.code !== "23503") return undefined;
  // Postgres names foreign keys TABLE_COLUMN_fkey.
  return /(application_id|channel_id|server_id|user_id)_fkey$/.exec(error.constraint_name ?? "")?.[1] ?? "";
}
