import { readFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import type { Config } from "../core/config.ts";
import { createLogger } from "../core/log.ts";
import { startFanOut } from "./announcements/fan-out.ts";
import { createHttpApp } from "./app.ts";
import { warmUpPasswords } from "./auth/passwords.ts";
import { createSureChange } from "./change.ts";
import { startHousekeeping } from "./housekeeping.ts";
import { watchDeadlines } from "./interactions/deadline.ts";
import { registry } from "./metrics.ts";
import { type OpenOptions, openApp } from "./open-app.ts";

const KEEP_ALIVE_MS = 75_000;

/**
 * Starts one API process.
 * @param options.now milliseconds since 1970, by which interactions end
 * @returns the port it listens on, and how to stop: requests under way are finished
 */
export async function startApi(
  config: Config,
  options: OpenOptions = {},
): Promise<{ port: number; stop(): Promise<void> }> {
  const log = createLogger(config.logLevel, "api");
  const { app, close } = await openApp(config, log, "api", options);
  await warmUpPasswords();
  const http = createHttpApp(app);
  let ready = true;
  http.get("/healthz", (c) => c.text("ok"));
  http.get("/readyz", async (c) => {
    const databaseAnswers = await app.sql`select 1`.then(
      () => true,
      () => false,
    );
    return ready && databaseAnswers ? c.text("ready") : c.text("not ready", 503);
  });
  http.get("/metrics", async (c) => c.body(await registry.metrics(), 200, { "content-type": registry.contentType }));
  const server = await listen(http.fetch, config);
  const stopHousekeeping = startHousekeeping(app);
  const stopDeadlines = watchDeadlines(app);
  const stopFanOut = startFanOut({ ...app, surely: createSureChange(app.sql, app.eventLog) });
  const port = portOf(server.address());
  log.info({ port }, "api ready");
  return {
    port,
    stop: async () => {
      ready = false;
      stopHousekeeping();
      stopDeadlines();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        if ("closeIdleConnections" in server) server.closeIdleConnections();
        setTimeout(() => "closeAllConnections" in server && server.closeAllConnections(), 3000).unref();
      });
      await stopFanOut();
      await close();
    },
  };
}

function listen(fetch: Parameters<typeof serve>[0]["fetch"], config: Config): Promise<ReturnType<typeof serve>> {
  return new Promise((resolve, reject) => {
    const tls =
      config.tlsCert && config.tlsKey
        ? {
            createServer: createHttpsServer,
            serverOptions: { cert: readFileSync(config.tlsCert), key: readFileSync(config.tlsKey) },
          }
        : { createServer: createHttpServer };
    const server = serve({ fetch, port: config.port, ...tls }, () => resolve(server));
    server.once("error", reject);
    // Longer than proxies and clients keep an idle connection: who closes first must not be us, just as a request
    // is on its way. Node's default is five seconds.
    if ("keepAliveTimeout" in server) server.keepAliveTimeout = KEEP_ALIVE_MS;
  });
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return address.port;
}
