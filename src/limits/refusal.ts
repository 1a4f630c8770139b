import { RESTJSONErrorCodes as Code } from "discord-api-types/v10";

/** Whose limit it was: of one caller, of one caller over all routes, or of all who use a resource. */
export type Scope = "user" | "global" | "shared";

/**
 * A request that came too soon.
 * https://discord.com/developers/docs/topics/rate-limits#exceeding-a-rate-limit
 */
export class RateLimited extends Error {
  readonly scope: Scope;
  /** When the same request will be let through, in ms from now. */
  readonly retryAfterMs: number;
  readonly code: number | undefined;

  constructor(scope: Scope, retryAfterMs: number, message: string, code?: number) {
    super(message);
    this.scope = scope;
    this.retryAfterMs = retryAfterMs;
    this.code = code;
  }
}

export const tooSoon = (resetMs: number) => new RateLimited("user", resetMs, "You are being rate limited.");
export const tooSoonEverywhere = (resetMs: number) => new RateLimited("global", resetMs, "You are being rate limited.");
export const resourceBusy = (resetMs: number) =>
  new RateLimited("shared", resetMs, "The resource is being rate limited.");
export const tooManyAttempts = (resetMs: number) =>
  new RateLimited("user", resetMs, "Too many attempts, try again later.", Code.ServiceResourceIsBeingRateLimited);
/** All routes refuse the address, so it is global: libraries then wait with everything. */
export const blocked = (resetMs: number) =>
  new RateLimited(
    "global",
    resetMs,
    "You are being blocked from accessing our API temporarily due to exceeding our rate limits frequently.",
    0,
  );

/** Discord's 429: libraries read the wait from the body or from either header. */
export function refusalResponse(error: RateLimited): Response {
  const seconds = inSeconds(error.retryAfterMs);
  const global = error.scope === "global";
  const body = {
    message: error.message,
    retry_after: Number(seconds),
    global,
    ...(error.code === undefined ? {} : { code: error.code }),
  };
  return Response.json(body, {
    status: 429,
    headers: {
      "Retry-After": String(Math.ceil(Number(seconds))),
      "X-RateLimit-Scope": error.scope,
      ...(error.scope === "user" ? { "X-RateLimit-Remaining": "0" } : {}),
      ...(global ? { "X-RateLimit-Global": "true" } : {}),
      // Of a shared limit nothing is told but the wait: the other headers are of the caller's own bucket.
      ...(error.scope === "shared" ? {} : resetHeaders(error.retryAfterMs)),
    },
  });
}

/** With milliseconds, never rounded down: who waits so long has waited long enough. */
const inSeconds = (ms: number): string => (Math.ceil(ms) / 1000).toFixed(3);

export function resetHeaders(resetMs: number): Record<string, string> {
  return { "X-RateLimit-Reset": inSeconds(Date.now() + resetMs), "X-RateLimit-Reset-After": inSeconds(resetMs) };
}
