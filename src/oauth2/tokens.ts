import { wireGuild } from "../../core/wire/guild.ts";
import type { App } from "../app.ts";
import { endAuthorizations } from "../applications/authorizations.ts";
import { hashToken, newBearerToken, newRefreshToken, successorOf } from "../auth/tokens.ts";
import type { ApplicationRow } from "../store/applications.ts";
import { findGuild } from "../store/guilds.ts";
import * as store from "../store/oauth2-tokens.ts";
import { listRoles } from "../store/roles.ts";
import { lockUser } from "../store/users.ts";
import { findWebhook } from "../store/webhooks.ts";
import { shownWebhook } from "../webhooks/create.ts";
import { OAuthError } from "./error.ts";
import { idToken } from "./id-token.ts";
import { provesOrigin } from "./pkce.ts";
import { CLIENTS_OWN, PASSTHROUGH, parseScopes, type Scope } from "./scopes.ts";

const DAY_MS = 24 * 3600_000;
/** https://discord.com/developers/docs/topics/oauth2#authorization-code-grant */
const ACCESS_MS = 7 * DAY_MS;
/** Each refresh begins it anew: who stays away for longer is asked again. */
const REFRESH_MS = 180 * DAY_MS;
/** A client that never got the answer may ask again for this long. */
const RETRY_GRACE_MS = 10_000;

// As with logins, whatever makes tokens of a user and whatever revokes them takes turns, by a lock on the account.

/**
 * Exchanges a code, once. A second use means that it was stolen, by whoever came first or second, and ends what it has
 * given. https://datatracker.ietf.org/doc/html/rfc6749#section-4.1.2
 */
export async function exchangeCode(
  app: App,
  client: ApplicationRow,
  given: { code: string; redirectUri: string | undefined; verifier: string | undefined },
) {
  const hash = hashToken(given.code);
  const code = await store.findCode(app.sql, hash);
  if (code === undefined || code.application_id !== client.id) {
    throw new OAuthError("invalid_grant", 'Invalid "code" in request.');
  }
  const refresh = newRefreshToken();
  const access = newBearerToken();
  const outcome = await app.sql.begin(async (tx) => {
    await lockUser(tx, code.user_id);
    const now = await store.findCode(tx, hash);
    if (now === undefined) return "gone";
    if (now.used_at !== null) {
      await store.endChain(tx, code.chain_id);
      return "replayed";
    }
    if (code.expires_at.getTime() < Date.now()) return "gone";
    // What the request named, the exchange names; where it named none, the client need not either.
    if (code.redirect_uri !== null && code.redirect_uri !== given.redirectUri) return "redirect_uri";
    if (!provesOrigin(code.code_challenge, given.verifier)) return "code_verifier";
    await store.takeCode(tx, hash);
    await store.insertBearerToken(tx, code, hashToken(access), new Date(Date.now() + ACCESS_MS));
    await store.insertRefreshToken(tx, code, hashToken(refresh), new Date(Date.now() + REFRESH_MS));
    return "tokens";
  });
  if (outcome === "replayed") await app.auth.forget(code.user_id);
  if (outcome !== "tokens") {
    const field = outcome === "gone" || outcome === "replayed" ? "code" : outcome;
    throw new OAuthError("invalid_grant", `Invalid "${field}" in request.`);
  }
  return { ...answer(access, code.scopes, refresh), ...(await extras(app, code)) };
}

/** What a token's answer tells beside the token. */
async function extras(app: App, code: store.CodeRow) {
  const guild =
    code.guild_id !== null && code.scopes.includes("bot") ? await findGuild(app.sql, code.guild_id) : undefined;
  const webhook = code.webhook_id === null ? undefined : await findWebhook(app.sql, code.webhook_id);
  return {
    ...(guild === undefined ? {} : { guild: wireGuild(guild, await listRoles(app.sql, guild.id)) }),
    ...(webhook === undefined ? {} : { webhook: shownWebhook(app, webhook, false) }),
    ...(code.scopes.includes("openid") ? { id_token: await idToken(app, code) } : {}),
  };
}

/**
 * Exchanges a refresh token, once, as people's own are (auth/logins.ts): an honest retry gets the same successor, any
 * other reuse ends the chain.
 * @param scope fewer scopes for the new token alone; more are refused
 */
export async function refreshGrant(app: App, client: ApplicationRow, refreshToken: string, scope: string | undefined) {
  const invalid = () => new OAuthError("invalid_grant", 'Invalid "refresh_token" in request.');
  const hash = hashToken(refreshToken);
  const known = await store.findGrantedRefresh(app.sql, hash);
  if (known === undefined || known.application_id !== client.id) throw invalid();
  const scopes = scope === undefined ? known.scopes : narrowed(scope, known.scopes);
  const successor = successorOf(refreshToken, app.secret);
  const access = newBearerToken();
  const outcome = await app.sql.begin(async (tx) => {
    await lockUser(tx, known.user_id);
    const now = await store.findGrantedRefresh(tx, hash);
    if (now === undefined || now.expires_at.getTime() < Date.now()) return "gone";
    const granted = { ...now, scopes };
    const expires = new Date(Date.now() + ACCESS_MS);
    if (now.used_at === null) {
      await store.markGrantedRefreshUsed(tx, hash);
      await store.insertBearerToken(tx, granted, hashToken(access), expires);
      await store.insertRefreshToken(tx, now, hashToken(successor), new Date(Date.now() + REFRESH_MS));
      return "tokens";
    }
    const next = await store.findGrantedRefresh(tx, hashToken(successor));
    const isRetry = Date.now() - now.used_at.getTime() < RETRY_GRACE_MS && next?.used_at === null;
    if (isRetry) {
      await store.insertBearerToken(tx, granted, hashToken(access), expires);
      return "tokens";
    }
    await store.endChain(tx, now.chain_id);
    return "replayed";
  });
  if (outcome === "replayed") await app.auth.forget(known.user_id);
  if (outcome !== "tokens") throw invalid();
  return answer(access, scopes, successor);
}

/**
 * A token for the application's owner, for developers' own tests and for what an application does for itself.
 * https://discord.com/developers/docs/topics/oauth2#client-credentials-grant
 */
export async function clientCredentials(app: App, client: ApplicationRow, scope: string | undefined) {
  const scopes = scopesOf(scope ?? "");
  const wrong = scopes.find((name) => PASSTHROUGH.includes(name));
  if (wrong !== undefined)
    throw new OAuthError("invalid_scope", `"${wrong}" is for people to give, on the consent page`);
  if (scopes.length === 0)
    throw new OAuthError("invalid_scope", `"scope" must name at least one, e.g. ${CLIENTS_OWN[0]}`);
  const access = newBearerToken();
  const granted = { chain_id: app.nextId(), user_id: client.owner_id, application_id: client.id, scopes };
  await app.sql.begin(async (tx) => {
    await lockUser(tx, client.owner_id);
    await store.insertBearerToken(tx, granted, hashToken(access), new Date(Date.now() + ACCESS_MS));
  });
  return answer(access, scopes);
}

/**
 * Ends the authorization that a token belongs to, with all its tokens, as Discord documents it. Of tokens that are
 * unknown or another application's nothing is told. https://datatracker.ietf.org/doc/html/rfc7009#section-2.2
 */
export async function revokeGrant(app: App, client: ApplicationRow, token: string): Promise<void> {
  const owner = await store.ownerOfToken(app.sql, hashToken(token));
  if (owner?.application_id === client.id) await endAuthorization(app, owner.user_id, client.id);
}

export async function endAuthorization(app: App, userId: string, applicationId: string): Promise<void> {
  await app.sql.begin(async (tx) => {
    await lockUser(tx, userId);
    await endAuthorizations(tx, userId, applicationId);
  });
  await app.auth.forget(userId);
}

function scopesOf(text: string): Scope[] {
  const parsed = parseScopes(text);
  if ("unknown" in parsed) throw new OAuthError("invalid_scope", `Unknown scope "${parsed.unknown.slice(0, 64)}"`);
  return parsed.scopes;
}

function narrowed(text: string, granted: readonly Scope[]): Scope[] {
  const scopes = scopesOf(text);
  const more = scopes.find((scope) => !granted.includes(scope));
  if (more !== undefined) throw new OAuthError("invalid_scope", `"${more}" was not granted: ask for a new consent`);
  return scopes;
}

function answer(access: string, scopes: readonly Scope[], refresh?: string) {
  return {
    token_type: "Bearer",
    access_token: access,
    expires_in: ACCESS_MS / 1000,
    ...(refresh === undefined ? {} : { refresh_token: refresh }),
    scope: scopes.join(" "),
  };
}
