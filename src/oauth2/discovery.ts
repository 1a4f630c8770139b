import type { Hono } from "hono";
import type { App } from "../app.ts";
import type { HttpEnv } from "../http-context.ts";
import { SCOPES } from "./scopes.ts";

/**
 * Where everything is, for libraries that look for it themselves.
 * https://openid.net/specs/openid-connect-discovery-1_0.html, https://datatracker.ietf.org/doc/html/rfc8414
 */
export function serveDiscovery(http: Hono<HttpEnv>, { config: { publicUrl } }: Pick<App, "config">): void {
  const metadata = {
    issuer: publicUrl,
    authorization_endpoint: `${publicUrl}/oauth2/authorize`,
    token_endpoint: `${publicUrl}/api/oauth2/token`,
    revocation_endpoint: `${publicUrl}/api/oauth2/token/revoke`,
    userinfo_endpoint: `${publicUrl}/api/oauth2/userinfo`,
    jwks_uri: `${publicUrl}/api/oauth2/keys`,
    scopes_supported: Object.keys(SCOPES),
    response_types_supported: ["code"],
    grant_types_supported: ["authorization_code", "refresh_token", "client_credentials"],
    token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post"],
    revocation_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post"],
    code_challenge_methods_supported: ["S256"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["RS256"],
    claims_supported: ["sub", "email", "email_verified", "preferred_username", "nickname", "picture", "locale"],
  };
  for (const name of ["openid-configuration", "oauth-authorization-server"]) {
    http.get(`/.well-known/${name}`, (c) => c.json(metadata));
  }
}
