import type { Config } from "../../core/config.ts";
import { connectDatabase } from "../../core/db.ts";
import { isSnowflake } from "../../core/snowflake.ts";
import { checkDatabase } from "../preflight.ts";
import { withRunningStores } from "../services/running-stores.ts";
import { StartupError } from "../services/startup-error.ts";

const USAGE = "Usage: guildhall limits APPLICATION_ID [FACTOR|off], where FACTOR is such as 4 or 0.5, and 1 the usual.";

/** `guildhall limits`: what one application may do, in times of the usual. API processes know within seconds. */
export async function limits(config: Config, [id = "", wanted]: readonly string[]): Promise<void> {
  if (!isSnowflake(id)) throw new StartupError(USAGE);
  const factor = wanted === undefined ? null : factorOf(wanted);
  const sql = connectDatabase(await checkDatabase(withRunningStores(config)), { name: "guildhall-limits" });
  try {
    const { setRateLimitFactor } = await import("../../src/store/applications.ts");
    const found = await setRateLimitFactor(sql, id, factor);
    if (found === undefined) throw new StartupError(`There is no application ${id}.`);
    const before = factor === null ? "" : `, was ${inWords(found.before)}`;
    console.log(`${found.name}: ${inWords(found.after)}${before}`);
  } finally {
    await sql.end({ timeout: 2 });
  }
}

function factorOf(text: string): number {
  if (text === "off") return Number.POSITIVE_INFINITY;
  const factor = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
  if (!(factor > 0)) throw new StartupError(USAGE);
  return factor;
}

const inWords = (factor: number): string =>
  factor === Number.POSITIVE_INFINITY
    ? "no rate limits"
    : factor === 1
      ? "the usual rate limits"
      : `${factor} times the usual rate limits`;
