import type { Sql } from "../../core/db.ts";
import type { Redis } from "../../core/redis.ts";
import { redisKeys } from "../../core/redis-keys.ts";
import type { OwnUserRow } from "../../core/wire/user.ts";
import type { Scope } from "../oauth2/scopes.ts";
import { accountOfBearerToken } from "../store/oauth2-tokens.ts";
import { accountOfAccessToken, accountOfBotToken } from "../store/tokens.ts";
import { hashToken, isBearerToken } from "./tokens.ts";

/** Who makes a request. */
export interface Caller {
  user: OwnUserRow;
  /** The login that a person's token descends from; null for bots. */
  familyId: string | null;
  /** The application of a bot; null for people. */
  applicationId: string | null;
  /** How many times the usual rate limits it has; Infinity for none. */
  rateLimitFactor: number;
  /** Set when it is an application that acts for the user, with a token of OAuth2. */
  grant: Grant | null;
}

/** What an application may do for a user. A caller who has one is let into routes that name one of its scopes alone. */
export interface Grant {
  applicationId: string;
  scopes: readonly Scope[];
  expiresAt: Date;
}

export interface Authenticator {
  /** @returns null when the header is absent, malformed, or its token unknown, expired or revoked */
  authenticate(authorization: string | undefined): Promise<Caller | null>;
  /** Forgets what it remembers of a user, in all processes. */
  forget(userId: string): Promise<void>;
}

/** A remembered answer lives this long at most; a revocation is told to all processes at once besides. */
const MEMORY_MS = 3000;
const MEMORY_SIZE = 10_000;

/** Looks tokens up by hash, and remembers them for a moment so that a busy bot costs no query a request. */
export function createAuthenticator(sql: Sql, redis: Redis, subscriber: Redis): Authenticator {
  const memory = new Map<string, { caller: Caller; until: number }>();
  let revocations = 0;

  function drop(userId: string): void {
    revocations += 1;
    for (const [key, { caller }] of memory) if (caller.user.id === userId) memory.delete(key);
  }

  const subscribe = () => {
    revocations += 1;
    memory.clear();
    subscriber.subscribe(redisKeys.revocations).catch(() => {});
  };
  subscriber.on("ready", subscribe);
  if (subscriber.status === "ready") subscribe();
  subscriber.on("message", (_channel: string, userId: string) => drop(userId));

  return {
    authenticate: async (authorization) => {
      if (authorization === undefined || authorization.length > 512) return null;
      const known = memory.get(authorization);
      if (known !== undefined && known.until > Date.now()) return known.caller;
      const revocationsBefore = revocations;
      const caller = await lookUp(sql, authorization);
      if (caller === null) {
        memory.delete(authorization);
        return null;
      }
      // What was looked up before a revocation may be what it revoked.
      if (revocations !== revocationsBefore) return caller;
      if (memory.size >= MEMORY_SIZE) memory.clear();
      memory.set(authorization, { caller, until: Date.now() + MEMORY_MS });
      return caller;
    },
    forget: async (userId) => {
      drop(userId);
      await redis.publish(redisKeys.revocations, userId).catch(() => {});
    },
  };
}

async function lookUp(sql: Sql, authorization: string): Promise<Caller | null> {
  const [, scheme, token] = /^(?:(Bot|Bearer)\s+)?(\S+)$/.exec(authorization) ?? [];
  if (token === undefined) return null;
  const hash = hashToken(token);
  if (scheme === "Bot") return accountOfBotToken(sql, hash);
  if (!isBearerToken(token)) return accountOfAccessToken(sql, hash);
  return scheme === "Bearer" ? accountOfBearerToken(sql, hash) : null;
}
