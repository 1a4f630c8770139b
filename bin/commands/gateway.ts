import type { Config } from "../../core/config.ts";
import { preflight } from "../preflight.ts";
import { serveUntilStopped } from "./serve.ts";

/** `guildhall gateway`: one gateway process, until a signal. */
export async function gateway(config: Config): Promise<void> {
  await preflight(config, "gateway", "stores");
  const { startGateway } = await import("../../gateway/server.ts");
  await serveUntilStopped(await startGateway(config));
}
