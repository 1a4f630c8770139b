import { type Logger, pino } from "pino";

export type { Logger };

/** JSON lines on stdout. Tokens and passwords are removed wherever a careless caller might log them. */
export function createLogger(level: string, name: string): Logger {
  return pino({
    level,
    name,
    base: { pid: process.pid },
    redact: { paths: ["token", "password", "*.token", "*.password", "*.authorization"], remove: true },
  });
}
