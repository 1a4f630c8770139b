import { type Logger, pino } from "pino";

export type { Logger };

/** JSON lines on stdout. Tokens and passwords are removed wherever a careless caller might log them. */
export function createLogger(level: string, name: string): Logger {
  return pino({
    level,
    name,
    base: { pid: process.pid },
    serializers: { err: shownError },
    redact: { paths: ["token", "password", "*.token", "*.password", "*.authorization"], remove: true },
  });
}

/** What tells where an error is from. Its other fields are data: Postgres' `detail` is the whole row that it refuses. */
function shownError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { name: type, message, stack, cause } = error;
  const { code, table_name, constraint_name }: Record<string, unknown> = { ...error };
  return { type, message, stack, code, table_name, constraint_name, ...(cause ? { cause: shownError(cause) } : {}) };
}
