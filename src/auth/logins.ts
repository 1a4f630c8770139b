import type { Transaction } from "../../core/db.ts";
import type { Event } from "../../core/event-log.ts";
import type { App } from "../app.ts";
import { endAuthorizations } from "../applications/authorizations.ts";
import { ApiError } from "../errors.ts";
import * as tokens from "../store/tokens.ts";
import { type Credentials, lockPasswordHash, lockUser, setPassword } from "../store/users.ts";
import { hashToken, newAccessToken, newRefreshToken, successorOf } from "./tokens.ts";

const ACCESS_MS = 15 * 60_000;
const REFRESH_MS = 30 * 24 * 3600_000;
/** A client that never got the answer may ask again for this long. */
const RETRY_GRACE_MS = 10_000;

export interface TokenPair {
  token: string;
  refresh_token: string;
  /** Seconds until `token` expires. */
  expires_in: number;
}

// Whatever makes tokens of a user and whatever revokes them takes turns, by a lock on the account: else a revocation
// would miss what is made beside it.

/**
 * Starts a new family of tokens: one login on one device.
 * @param verified whose password was right a moment ago
 * @returns null when the password has been changed since
 */
export async function startLogin(app: App, verified: Credentials): Promise<TokenPair | null> {
  return ifStillRight(app, verified, (tx) => newFamily(app, tx, verified.id));
}

/** The same for a page, which can't refresh: it lasts as long as its access token. */
export async function startPageLogin(
  app: App,
  verified: Credentials,
): Promise<Omit<TokenPair, "refresh_token"> | null> {
  return ifStillRight(app, verified, async (tx) => {
    const token = newAccessToken();
    const accessExpires = new Date(Date.now() + ACCESS_MS);
    const login = { userId: verified.id, familyId: app.nextId() };
    await tokens.insertAccessToken(tx, { ...login, accessHash: hashToken(token), accessExpires });
    return { token, expires_in: ACCESS_MS / 1000 };
  });
}

async function ifStillRight<T>(
  app: App,
  verified: Credentials,
  work: (tx: Transaction) => Promise<T>,
): Promise<T | null> {
  const outcome = await app.sql.begin(async (tx) => {
    const stillRight = (await lockPasswordHash(tx, verified.id)) === verified.password_hash;
    return { made: stillRight ? await work(tx) : null };
  });
  return outcome.made;
}

async function newFamily(app: App, tx: Transaction, userId: string): Promise<TokenPair> {
  const familyId = app.nextId();
  const access = newAccessToken();
  const refresh = newRefreshToken();
  await tokens.insertTokens(tx, row(app, userId, familyId, access, refresh));
  return pair(access, refresh);
}

/**
 * Exchanges a refresh token, once. A second use within the grace time, while the successor is untouched, is an
 * honest retry and gets the same successor; any other reuse means that the token was stolen and ends the whole
 * family. https://datatracker.ietf.org/doc/html/rfc9700#section-4.14
 */
export async function refreshLogin(app: App, refreshToken: string): Promise<TokenPair> {
  const hash = hashToken(refreshToken).toString("hex");
  const owner = await tokens.ownerOfRefreshToken(app.sql, hash);
  if (owner === undefined) throw new ApiError("INVALID_TOKEN");
  const outcome = await app.sql.begin(async (tx) => {
    await lockUser(tx, owner);
    const found = await tokens.lockRefreshToken(tx, hash);
    if (found === undefined || found.revoked_at !== null || found.expires_at.getTime() < Date.now()) return null;
    const successor = successorOf(refreshToken, app.secret);
    const successorHash = hashToken(successor).toString("hex");
    const access = newAccessToken();
    if (found.used_at === null) {
      await tokens.markRefreshTokenUsed(tx, hash);
      await tokens.insertTokens(tx, row(app, found.user_id, found.family_id, access, successor));
      return { kind: "tokens", tokens: pair(access, successor) } as const;
    }
    const isRetry = Date.now() - found.used_at.getTime() < RETRY_GRACE_MS;
    if (isRetry && !(await tokens.refreshTokenUsed(tx, successorHash))) {
      await tokens.insertAccessToken(tx, row(app, found.user_id, found.family_id, access, successor));
      return { kind: "tokens", tokens: pair(access, successor) } as const;
    }
    await tokens.revokeFamily(tx, found.family_id);
    await app.eventLog.enqueue(tx, [revocation(found.user_id, found.family_id)]);
    return { kind: "stolen", userId: found.user_id, familyId: found.family_id } as const;
  });
  if (outcome === null) throw new ApiError("INVALID_TOKEN");
  if (outcome.kind === "tokens") return outcome.tokens;
  await announceRevocation(app, outcome.userId, outcome.familyId);
  throw new ApiError("INVALID_TOKEN");
}

/** Ends one login: its tokens stop working and its sockets are closed. */
export async function endLogin(app: App, userId: string, familyId: string): Promise<void> {
  await app.sql.begin(async (tx) => {
    await lockUser(tx, userId);
    await tokens.revokeFamily(tx, familyId);
    await app.eventLog.enqueue(tx, [revocation(userId, familyId)]);
  });
  await announceRevocation(app, userId, familyId);
}

/**
 * Changes a password, ends all logins and all that applications were allowed, as whoever knew the old password may have
 * allowed it, and starts a new one.
 * @param verified whose old password was right a moment ago
 * @returns null when it has been changed since
 */
export async function changePassword(app: App, verified: Credentials, newHash: string): Promise<TokenPair | null> {
  const fresh = await app.sql.begin(async (tx) => {
    if ((await lockPasswordHash(tx, verified.id)) !== verified.password_hash) return null;
    await setPassword(tx, verified.id, newHash);
    await tokens.revokeAllOf(tx, verified.id);
    await endAuthorizations(tx, verified.id, null);
    const family = await newFamily(app, tx, verified.id);
    await app.eventLog.enqueue(tx, [revocation(verified.id, null)]);
    return family;
  });
  if (fresh !== null) await announceRevocation(app, verified.id, null);
  return fresh;
}

/**
 * By which every gateway closes the sockets of a login, or with null of the user. To be enqueued with the change itself:
 * the sockets of a token that is gone must not outlive the process that took it away.
 */
export const revocation = (userId: string, familyId: string | null): Event => ({
  t: "$SESSIONS_REVOKED",
  userId,
  data: { family_id: familyId },
});

/** Tells every process, after the commit: no remembered token, no open socket. */
export async function announceRevocation(app: App, userId: string, familyId: string | null): Promise<void> {
  await Promise.all([app.auth.forget(userId), app.eventLog.relay([revocation(userId, familyId)])]);
}

function row(app: App, userId: string, familyId: string, access: string, refresh: string): tokens.NewTokens {
  return {
    userId,
    familyId,
    accessHash: hashToken(access),
    accessExpires: new Date(Date.now() + ACCESS_MS),
    refreshId: app.nextId(),
    refreshHash: hashToken(refresh).toString("hex"),
    refreshExpires: new Date(Date.now() + REFRESH_MS),
  };
}

function pair(token: string, refreshToken: string): TokenPair {
  return { token, refresh_token: refreshToken, expires_in: ACCESS_MS / 1000 };
}
