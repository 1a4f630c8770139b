import { createHash } from "node:crypto";
import { addressKey } from "../../core/client-address.ts";
import type { Config } from "../../core/config.ts";
import type { Logger } from "../../core/log.ts";
import type { Redis } from "../../core/redis.ts";
import type { Caller } from "../auth/caller.ts";
import { type Counter, createCounters } from "./counters.ts";
import { FullCounters } from "./full-counters.ts";
import { createInvalidRequests } from "./invalid-requests.ts";
import {
  blocked,
  type RateLimited,
  resetHeaders,
  resourceBusy,
  tooManyAttempts,
  tooSoon,
  tooSoonEverywhere,
} from "./refusal.ts";
import { type Bucket, type Rate, scaled } from "./rules.ts";

export interface Limiter {
  /** @throws RateLimited for an address that has sent too many invalid requests, without asking anybody. */
  checkAddress(address: string): void;
  /** The limits of one request; null where it has none. */
  of(request: Limited): RequestLimits | null;
  /**
   * Counts an attempt at something that nobody does often, such as a login, by each key.
   * @throws RateLimited when one has had too many
   */
  attempt(attempts: readonly Attempt[]): Promise<void>;
  /** Lets the attempts of a key start anew. */
  forget(key: string): Promise<void>;
  stop(): Promise<void>;
}

interface Attempt extends Rate {
  key: string;
}

/** What of a request its limits depend on. */
interface Limited {
  bucket: Bucket;
  params: Readonly<Record<string, string>>;
  caller: Caller | null;
  address: string;
}

export interface RequestLimits {
  /**
   * Counts the request. Throws at once, without asking Redis, where a limit is known to be reached.
   * @throws RateLimited
   */
  take(): Promise<void>;
  /**
   * Counts it in a limit of its own that all callers share.
   * @param name of the limit
   * @throws RateLimited
   */
  takeShared(name: string, rate: Rate): Promise<void>;
  /** Counts an answer of 401, 403 or 429, or a webhook that isn't there. */
  invalid(): void;
  /** What every answer tells of the bucket. */
  headers(): Record<string, string>;
}

/**
 * The documented second is kept a little short. Libraries count their requests by when they send them; if the first
 * travelled slower than those of the next second, they would be refused though they kept the limit exactly.
 */
const GLOBAL_WINDOW_MS = 900;
/** https://discord.com/developers/docs/topics/rate-limits#invalid-request-limit-aka-cloudflare-bans */
const INVALID_WINDOW_MS = 600_000;
/** Clocks and timers count in whole milliseconds, and a key lives to the end of its last one. */
const MARGIN_MS = 2;

type Refuse = (resetMs: number) => RateLimited;
interface Rule extends Counter {
  refuse: Refuse;
}

export function createLimiter(config: Config, redis: Redis, log: Logger): Limiter {
  if (!config.rateLimits) return UNLIMITED;
  const counters = createCounters(redis, log);
  const full = new FullCounters(() => performance.now());
  const invalid = createInvalidRequests(counters, full, config.invalidRequestLimit, INVALID_WINDOW_MS);

  /** @throws RateLimited */
  function checkKnown(rules: readonly Rule[]): void {
    for (const { key, limit, refuse } of rules) {
      const resetMs = full.resetMs(key, limit);
      if (resetMs > 0) throw refuse(resetMs);
    }
  }

  /** @returns the count and the end of the window of each */
  async function count(rules: readonly Rule[]) {
    const outcome = await counters.take(rules);
    if (outcome.refusedBy === null) {
      return outcome.counts.map(({ count, resetMs }, i) => {
        const { key = "", limit = 0 } = rules[i] ?? {};
        const leftMs = resetMs + MARGIN_MS;
        if (count >= limit) full.add(key, limit, leftMs);
        return { count, endsAt: performance.now() + leftMs };
      });
    }
    const rule = rules[outcome.refusedBy];
    if (rule === undefined) throw new RangeError("there is no such counter");
    const leftMs = outcome.resetMs + MARGIN_MS;
    full.add(rule.key, rule.limit, leftMs);
    throw rule.refuse(leftMs);
  }

  const ban = (address: string): Rule => {
    return { key: invalid.key(address), limit: config.invalidRequestLimit, windowMs: 0, refuse: blocked };
  };

  return {
    checkAddress: (address) => checkKnown([ban(addressKey(address))]),
    of: (request) => {
      const factor = config.rateLimitFactor * (request.caller?.rateLimitFactor ?? 1);
      if (factor === Number.POSITIVE_INFINITY) return null;
      return requestLimits(request, factor);
    },
    attempt: async (attempts) => {
      const rules = attempts.map(({ key, requests, seconds }) => {
        return { key, limit: requests, windowMs: seconds * 1000, refuse: tooManyAttempts };
      });
      checkKnown(rules);
      await count(rules);
    },
    forget: async (key) => {
      full.delete(key);
      await counters.forget(key);
    },
    stop: () => invalid.stop(),
  };

  function requestLimits({ bucket, params, caller, address: from }: Limited, factor: number): RequestLimits {
    const address = addressKey(from);
    const major = bucket.per
      .map((name) => (bucket.byToken ? digest(params[name] ?? "") : (params[name] ?? "")))
      .join(":");
    const subject = subjectOf(caller, address);
    const limit = scaled(bucket, factor);
    const resource = `${bucket.hash}:${major}`;
    const own: Rule = {
      key: bucket.byToken ? resource : `${resource}:${subject}`,
      limit,
      windowMs: bucket.seconds * 1000,
      refuse: tooSoon,
    };
    const rules: Rule[] = [own, ban(address)];
    if (!bucket.byToken) {
      const everywhere = Math.floor(config.globalRateLimit * factor) || 1;
      rules.push({ key: `all:${subject}`, limit: everywhere, windowMs: GLOBAL_WINDOW_MS, refuse: tooSoonEverywhere });
    }
    if (bucket.shared !== undefined) {
      const limit = scaled(bucket.shared, factor);
      rules.push({ key: resource, limit, windowMs: bucket.shared.seconds * 1000, refuse: resourceBusy });
    }
    let counted: { count: number; endsAt: number } | undefined;
    return {
      take: () => {
        checkKnown(rules);
        return count(rules).then(([first]) => {
          counted = first;
        });
      },
      takeShared: async (name, rate) => {
        const key = `${name}:${major}`;
        const rule = { key, limit: scaled(rate, factor), windowMs: rate.seconds * 1000, refuse: resourceBusy };
        checkKnown([rule]);
        await count([rule]);
      },
      invalid: () => invalid.add(address),
      headers: () => {
        const known = { "X-RateLimit-Limit": String(limit), "X-RateLimit-Bucket": bucket.hash };
        if (counted === undefined) return known;
        const leftMs = Math.max(1, counted.endsAt - performance.now());
        return { ...known, "X-RateLimit-Remaining": String(limit - counted.count), ...resetHeaders(leftMs) };
      },
    };
  }
}

/** Whose requests are counted together: those of an application that acts for a user are not the user's own. */
function subjectOf(caller: Caller | null, address: string): string {
  if (caller === null) return `a:${address}`;
  return caller.grant === null ? `u:${caller.user.id}` : `o:${caller.grant.applicationId}:${caller.user.id}`;
}

/** Short enough for a key, and no token in it. */
const digest = (text: string): string => createHash("sha256").update(text).digest("base64url").slice(0, 16);

const UNLIMITED: Limiter = {
  checkAddress: () => {},
  of: () => null,
  attempt: async () => {},
  forget: async () => {},
  stop: async () => {},
};
