import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { pino } from "pino";
import type { Sql } from "../../core/db.ts";
import { type Dispatcher, startDispatcher } from "../../gateway/webhooks/dispatcher.ts";
import type { DispatcherLimits } from "../../gateway/webhooks/limits.ts";
import { SECRET } from "./application.ts";

/** A dispatcher in this process. */
export function dispatchHere(
  sql: Sql,
  limits: Partial<DispatcherLimits> = {},
  egressAllow: readonly string[] = ["127.0.0.0/8"],
): Dispatcher {
  const config = { egressAllow: [...egressAllow], webhookLogDays: 30 };
  const guildNow = async () => null;
  return startDispatcher({ sql, secret: SECRET, config, log: pino({ level: "silent" }), guildNow, limits });
}

/** One in a process of its own. */
export function spawnDispatcher(databaseUrl: string, limits: Partial<DispatcherLimits> = {}): ChildProcess {
  const file = fileURLToPath(new URL("./dispatcher-process.ts", import.meta.url));
  return spawn(process.execPath, ["--import", "tsx", file], {
    env: { ...process.env, DATABASE_URL: databaseUrl, LIMITS: JSON.stringify(limits) },
    stdio: "ignore",
  });
}
