import { randomUUID } from "node:crypto";
import type { MiddlewareHandler } from "hono";
import type { Logger } from "../core/log.ts";
import { httpSeconds } from "./metrics.ts";

export interface HttpEnv {
  Variables: { log: Logger; requestId: string };
}

/** Gives each request an id, a logger that bears it, its time in the metrics, and the headers every answer has. */
export function requestContext(app: { log: Logger }): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    const started = performance.now();
    const requestId = randomUUID();
    c.set("requestId", requestId);
    c.set("log", app.log.child({ requestId }));
    await next();
    c.res.headers.set("X-Request-Id", requestId);
    // discord.py and JDA take a 429 without Via for a ban by a proxy in front.
    c.res.headers.set("Via", "1.1 guildhall");
    const seconds = (performance.now() - started) / 1000;
    httpSeconds.observe({ method: c.req.method, status: String(c.res.status) }, seconds);
    app.log.debug({ requestId, method: c.req.method, path: c.req.path, status: c.res.status, seconds }, "request");
  };
}
