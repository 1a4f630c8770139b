import type { Config } from "../../core/config.ts";
import { preflight } from "../preflight.ts";
import { serveUntilStopped } from "./serve.ts";

/** `guildhall api`: one API process, until a signal. */
export async function api(config: Config): Promise<void> {
  await preflight(config, "api", "stores");
  const { startApi } = await import("../../src/server.ts");
  await serveUntilStopped(await startApi(config));
}
