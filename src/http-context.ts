import { randomUUID } from "node:crypto";
import type { HttpBindings } from "@hono/node-server";
import { getConnInfo } from "@hono/node-server/conninfo";
import type { MiddlewareHandler } from "hono";
import { clientAddress } from "../core/client-address.ts";
import type { Config } from "../core/config.ts";
import { parseNetworks } from "../core/egress-rules.ts";
import type { Logger } from "../core/log.ts";
import type { RequestLimits } from "./limits/limiter.ts";
import { httpSeconds } from "./metrics.ts";

export interface HttpEnv {
  Bindings: HttpBindings;
  Variables: {
    requestId: string;
    /** Where it comes from. */
    address: string;
    /** Null, or not set yet: none. */
    limits: RequestLimits | null | undefined;
  };
}

/**
 * Gives each request an id, its time in the metrics, and the headers every answer has. They are set on Node's own
 * response: a header added to Hono's makes a whole `Response` of what is otherwise a text and a status, which took a
 * tenth of a small request's time.
 */
export function requestContext(app: { log: Logger; config: Config }): MiddlewareHandler<HttpEnv> {
  const trusted = parseNetworks(app.config.trustedProxies);
  let warned = false;
  return async (c, next) => {
    const started = performance.now();
    const requestId = randomUUID();
    c.set("requestId", requestId);
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
    c.env.outgoing.setHeader("X-Request-Id", requestId);
    // discord.py and JDA take a 429 without Via for a ban by a proxy in front.
    c.env.outgoing.setHeader("Via", "1.1 guildhall");
    await next();
    const seconds = (performance.now() - started) / 1000;
    const { status } = c.res;
    // A refusal by what holds for all routes tells nothing of this one's own; what it tells itself goes before this.
    const ofAllRoutes = status === 429 && c.res.headers.has("X-RateLimit-Global");
    if (!ofAllRoutes) tellLimits(c.env.outgoing, c.get("limits"));
    httpSeconds.observe({ method: c.req.method, status: String(status) }, seconds);
    if (!app.log.isLevelEnabled("debug")) return;
    // The path without what follows a webhook's or an interaction's id: that is its token.
    const path = c.req.path.replace(/(\/(?:webhooks|interactions)\/[^/]*\/).*/, "$1…");
    app.log.debug({ requestId, client: address, method: c.req.method, path, status, seconds }, "request");
  };
}

function tellLimits(outgoing: HttpBindings["outgoing"], limits: RequestLimits | null | undefined): void {
  if (!limits) return;
  for (const [name, value] of Object.entries(limits.headers())) outgoing.setHeader(name, value);
}
