import type { Config } from "../../core/config.ts";
import { ensureDemoData } from "../demo-data.ts";
import { restClient } from "../rest-client.ts";
import { StartupError } from "../services/startup-error.ts";
import { addresses, demoLines } from "../welcome.ts";

/** `guildhall demo`: makes the demo data on the platform at PUBLIC_URL, and shows it. */
export async function demo(config: Config): Promise<void> {
  if (config.production) throw new StartupError("NODE_ENV is production: no demo data is made.");
  const rest = restClient(config.publicUrl, config.tlsCert);
  const answer = await rest.fetch("GET", "/api/v10/gateway").catch(() => undefined);
  if (answer?.status !== 200) {
    throw new StartupError(`No API answers at ${config.publicUrl}; run \`guildhall start\` first, or set PUBLIC_URL.`);
  }
  const data = await ensureDemoData(rest, config.dataDir);
  console.log(`${addresses(config)}\n\n${demoLines(config, data)}`);
}
