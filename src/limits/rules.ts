import { createHash } from "node:crypto";

/** So many requests in so many seconds; the window begins with its first request. */
export interface Rate {
  requests: number;
  seconds: number;
}

/** A route's own limit: what one caller may do to one guild, channel or webhook. */
export interface Limit extends Rate {
  /** Names the bucket, for routes that share it. */
  bucket?: string;
  /** What all callers together may do to it. */
  shared?: Rate;
}

/** A bucket as clients know it, made once for a route. */
export interface Bucket extends Limit {
  /** What clients know it by: the same for routes that share a bucket, in every process. */
  hash: string;
  /** Path parameters that each have a bucket of their own. */
  per: readonly string[];
  /** Whether whoever has the token in the path is the caller, and the limit over all routes does not count. */
  byToken: boolean;
}

/**
 * For routes without a limit of their own. Discord documents no figures, since they change: a library reads them from
 * the headers. These let a bot do what bots do.
 */
const DEFAULTS: Readonly<Record<string, Rate>> = {
  GET: { requests: 30, seconds: 5 },
  POST: { requests: 10, seconds: 10 },
  PUT: { requests: 10, seconds: 5 },
  PATCH: { requests: 10, seconds: 10 },
  DELETE: { requests: 10, seconds: 5 },
};

/**
 * Resources that are counted apart, by the first segments of a path, with the token where there is one.
 * https://discord.com/developers/docs/topics/rate-limits
 */
const MAJOR = /^\/(?:channels|guilds|webhooks|interactions)\/:(\w+)(?:\/:(\w*token))?/;

export function bucketOf(route: { method: string; path: string; limit?: Limit | undefined }): Bucket {
  const [, id, token] = MAJOR.exec(route.path) ?? [];
  const name = route.limit?.bucket ?? `${route.method} ${route.path}`;
  return {
    ...(route.limit ?? DEFAULTS[route.method] ?? { requests: 10, seconds: 10 }),
    hash: createHash("sha256").update(name).digest("hex").slice(0, 32),
    per: [id, token].filter((part) => part !== undefined),
    byToken: token !== undefined,
  };
}

/** A rate for a caller who has so many times the usual; never less than one request. Infinity is no limit. */
export function scaled(rate: Rate, factor: number): number {
  return Math.max(1, Math.floor(rate.requests * factor));
}
