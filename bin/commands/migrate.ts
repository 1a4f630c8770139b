import type { Config } from "../../core/config.ts";
import { migrate } from "../../core/migrate.ts";
import { checkDatabase } from "../preflight.ts";

/** `guildhall migrate`: applies what is new and says so. */
export async function migrateCommand(config: Config): Promise<void> {
  const { applied } = await migrate(await checkDatabase(config));
  for (const name of applied) console.log(`applied ${name}`);
  if (applied.length === 0) console.log("The database is up to date.");
}
