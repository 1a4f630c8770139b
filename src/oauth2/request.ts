import { z } from "zod";
import type { App } from "../app.ts";
import { ApiError, invalidField } from "../errors.ts";
import { permissionBits, queryFlag, snowflake } from "../fields.ts";
import { type ApplicationRow, findApplication } from "../store/applications.ts";
import { CHALLENGE } from "./pkce.ts";
import { isAppScheme } from "./redirect-uri.ts";
import { CLIENTS_OWN, INSTALLS, parseScopes, type Scope } from "./scopes.ts";

/** What an authorization URL says. https://discord.com/developers/docs/topics/oauth2#authorization-code-grant */
export const authorizationQuery = z.object({
  client_id: snowflake,
  scope: z.string().max(500).optional(),
  response_type: z.string().max(50).optional(),
  redirect_uri: z.string().max(2048).optional(),
  state: z.string().max(4096).optional(),
  code_challenge: z.string().max(200).optional(),
  code_challenge_method: z.string().max(20).optional(),
  nonce: z.string().max(512).optional(),
  prompt: z.enum(["none", "consent"]).optional(),
  permissions: permissionBits.optional(),
  guild_id: snowflake.optional(),
  disable_guild_select: queryFlag.optional(),
  integration_type: z.enum(["0", "1"]).optional(),
});
export type AuthorizationQuery = z.infer<typeof authorizationQuery>;

/** A request that may be put before a person. */
export interface AuthorizationRequest {
  application: ApplicationRow;
  scopes: readonly Scope[];
  /** Whether the application is sent a code; else it is only added to a guild. */
  code: boolean;
  /** Where the answer goes; null: to a page of ours. One of those that the application has registered. */
  redirectUri: string | null;
  /** The same as the request named it, which the exchange must repeat. */
  namedUri: string | null;
  state: string | null;
  codeChallenge: string | null;
  nonce: string | null;
  permissions: bigint;
}

/**
 * Checks an authorization request. Its faults are told to who made it and never sent to the redirect URI: anybody may
 * register one, and a link to our own host would lead wherever its author likes. RFC 9700, section 4.11.2
 * @throws ApiError
 */
export async function readAuthorizationRequest(app: App, query: AuthorizationQuery): Promise<AuthorizationRequest> {
  const application = await findApplication(app.sql, query.client_id);
  if (application === undefined) throw new ApiError("UNKNOWN_APPLICATION");
  const { scopes, permissions } = wanted(application, query);
  const code = wantsCode(query, application, scopes);
  const redirectUri = redirectOf(query, application, code);
  if (query.integration_type === "1") {
    throw invalidField(
      ["integration_type"],
      "BASE_TYPE_CHOICES",
      "Applications are added to guilds here, not to users.",
    );
  }
  if (scopes.includes("bot") && application.bot_id === null) throw new ApiError("NO_BOT");
  return {
    application,
    scopes,
    code,
    redirectUri,
    namedUri: query.redirect_uri ?? null,
    state: query.state ?? null,
    codeChallenge: challengeOf(query, redirectUri),
    nonce: query.nonce ?? null,
    permissions,
  };
}

/** The scopes and permissions asked for; without any, those of the application's install settings. */
function wanted(
  application: ApplicationRow,
  query: AuthorizationQuery,
): { scopes: readonly Scope[]; permissions: bigint } {
  const parsed = parseScopes(query.scope ?? "");
  if ("unknown" in parsed) {
    throw invalidField(["scope"], "BASE_TYPE_CHOICES", `There is no scope "${parsed.unknown.slice(0, 64)}" here.`);
  }
  const own = parsed.scopes.find((scope) => CLIENTS_OWN.includes(scope));
  if (own !== undefined) {
    throw invalidField(["scope"], "BASE_TYPE_CHOICES", `"${own}" is given by the grant client_credentials alone.`);
  }
  const permissions = query.permissions ?? 0n;
  if (parsed.scopes.length > 0) return { scopes: parsed.scopes, permissions };
  const { install_params: params, integration_types_config: types } = application;
  const defaults = types["0"]?.oauth2_install_params ?? params;
  if (defaults === null || defaults === undefined) return { scopes: INSTALLS, permissions };
  const install = parseScopes(defaults.scopes.join(" "));
  if ("unknown" in install || install.scopes.length === 0) return { scopes: INSTALLS, permissions };
  return {
    scopes: install.scopes.filter((scope) => INSTALLS.includes(scope)),
    permissions: query.permissions ?? permissionBits.catch(0n).parse(defaults.permissions),
  };
}

function wantsCode(query: AuthorizationQuery, application: ApplicationRow, scopes: readonly Scope[]): boolean {
  const { response_type: type } = query;
  if (type === "code") return true;
  if (type !== undefined) {
    const message =
      type === "token"
        ? "The implicit grant is not offered, as it shows tokens to whoever sees the URL: use code, with PKCE."
        : 'Value must be "code".';
    throw invalidField(["response_type"], "BASE_TYPE_CHOICES", message);
  }
  if (scopes.some((scope) => !INSTALLS.includes(scope))) {
    throw invalidField(["response_type"], "BASE_TYPE_REQUIRED", "This field is required");
  }
  if (application.bot_require_code_grant && scopes.includes("bot")) {
    throw new ApiError("GENERAL", undefined, "Integration requires code grant");
  }
  return false;
}

function redirectOf(query: AuthorizationQuery, application: ApplicationRow, code: boolean): string | null {
  const { redirect_uri: named } = query;
  if (named !== undefined) {
    if (application.redirect_uris.includes(named)) return named;
    throw invalidField(
      ["redirect_uri"],
      "OAUTH2_INVALID_REDIRECT_URI",
      "The application has not registered this redirect_uri.",
    );
  }
  if (!code) return null;
  const [first] = application.redirect_uris;
  if (first === undefined) {
    throw invalidField(
      ["redirect_uri"],
      "OAUTH2_INVALID_REDIRECT_URI",
      "The application has registered no redirect_uri.",
    );
  }
  return first;
}

function challengeOf(query: AuthorizationQuery, redirectUri: string | null): string | null {
  const { code_challenge: challenge, code_challenge_method: method } = query;
  if (challenge === undefined && method === undefined) {
    // Any app of a device may take a scheme of its own: without PKCE it could use the code. RFC 8252, section 8.1
    if (redirectUri !== null && isAppScheme(redirectUri)) {
      throw invalidField(["code_challenge"], "BASE_TYPE_REQUIRED", "An app's own scheme needs PKCE.");
    }
    return null;
  }
  // Plain would show the verifier to whoever sees the URL. RFC 9700, section 2.1.1
  if (method !== "S256") throw invalidField(["code_challenge_method"], "BASE_TYPE_CHOICES", "Value must be S256.");
  if (challenge === undefined || !CHALLENGE.test(challenge)) {
    throw invalidField(["code_challenge"], "BASE_TYPE_BAD_FORMAT", "Must be a SHA-256 in base64url, 43 characters.");
  }
  return challenge;
}
