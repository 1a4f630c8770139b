import { randomUUID } from "node:crypto";
import { getConnInfo } from "@hono/node-server/conninfo";
import type { MiddlewareHandler } from "hono";
import { clientAddress } from "../core/client-address.ts";
import type { Config } from "../core/config.ts";
import { parseNetworks } from "../core/egress-rules.ts";
import type { Logger } from "../core/log.ts";
import type { RequestLimits } from "./limits/limiter.ts";
import { httpSeconds } from "./metrics.ts";

export interface HttpEnv {
  Variables: {
    log: Logger;
    requestId: string;
    /** Where it comes from. */
    address: string;
    /** Null, or not set yet: none. */
    limits: RequestLimits | null | undefined;
  };
}

/** Gives each request an id, a logger that bears it, its time in the metrics, and the headers every answer has. */
export function requestContext(app: { log: Logger; config: Config }): MiddlewareHandler<HttpEnv> {
  const trusted = parseNetworks(app.config.trustedProxies);
  let warned = false;
  return async (c, next) => {
    const started = performance.now();
    const requestId = randomUUID();
    c.set("requestId", requestId);
    c.set("log", app.log.child({ requestId }));
    const peer = getConnInfo(c).remote.address ?? "";
    const forwarded = c.req.header("x-forwarded-for");
    const address = clientAddress(peer, forwarded, trusted);
    c.set("address", address);
    if (!warned && address === peer && forwarded !== undefined) {
      warned = true;
      app.log.warn(
        { peer },
        "X-Forwarded-For from a peer that TRUSTED_PROXIES does not name: one address to the limits",
      );
    }
    await next();
    tellLimits(c.res.headers, c.get("limits"));
    c.res.headers.set("X-Request-Id", requestId);
    // discord.py and JDA take a 429 without Via for a ban by a proxy in front.
    c.res.headers.set("Via", "1.1 guildhall");
    const seconds = (performance.now() - started) / 1000;
    const { status } = c.res;
    httpSeconds.observe({ method: c.req.method, status: String(status) }, seconds);
    if (!app.log.isLevelEnabled("debug")) return;
    // The path without what follows a webhook's id: that is its token.
    const path = c.req.path.replace(/(\/webhooks\/\d+\/).*/, "$1…");
    app.log.debug({ requestId, client: address, method: c.req.method, path, status, seconds }, "request");
  };
}

/** A refusal has told what it knows better; one of all routes tells nothing of this one. */
function tellLimits(headers: Headers, limits: RequestLimits | null | undefined): void {
  if (!limits || headers.has("X-RateLimit-Global")) return;
  for (const [name, value] of Object.entries(limits.headers())) {
    if (!headers.has(name)) headers.set(name, value);
  }
}
