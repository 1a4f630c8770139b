import * as oauth from "oauth4webapi";
import { expect, test } from "vitest";
import { REDIRECT_URI, Site } from "../harness/oauth2.ts";
import { startPlatform } from "../harness/platform.ts";

// A client library of OAuth2 and OpenID Connect, unmodified: it finds every address by itself and checks every answer.
const platform = await startPlatform({ gateways: 0 });
const ada = await platform.person("ada");
const site = await Site.register(platform, await platform.person("developer"));
const http = { [oauth.allowInsecureRequests]: true };
const client: oauth.Client = { client_id: site.id };
const issuer = new URL(platform.url());
const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, http));

/** A person consents to what the library asks for. @returns where they are sent */
async function consent(query: Record<string, string>): Promise<URL> {
  const url = new URL(as.authorization_endpoint ?? "");
  url.search = String(
    new URLSearchParams({ client_id: site.id, redirect_uri: REDIRECT_URI, response_type: "code", ...query }),
  );
  const { location } = await ada.post(`/oauth2/authorize${url.search}`, { authorize: true });
  return new URL(location);
}

async function tokens(authentication: oauth.ClientAuth, scope: string) {
  const verifier = oauth.generateRandomCodeVerifier();
  const code_challenge = await oauth.calculatePKCECodeChallenge(verifier);
  const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()];
  const back = await consent({ scope, state, nonce, code_challenge, code_challenge_method: "S256" });
  const parameters = oauth.validateAuthResponse(as, client, back, state);
  const response = await oauth.authorizationCodeGrantRequest(
    as,
    client,
    authentication,
    parameters,
    REDIRECT_URI,
    verifier,
    http,
  );
  const openid = scope.includes("openid");
  return oauth.processAuthorizationCodeResponse(
    as,
    client,
    response,
    openid ? { expectedNonce: nonce, requireIdToken: true } : {},
  );
}

const AUTHENTICATIONS = [
  ["HTTP Basic", oauth.ClientSecretBasic(site.secret)],
  ["the form", oauth.ClientSecretPost(site.secret)],
] as const;

test.each(AUTHENTICATIONS)(
  "code with PKCE, refresh and revocation, the client named by %s",
  async (_name, authentication) => {
    const first = await tokens(authentication, "identify");
    expect(first).toMatchObject({ token_type: "bearer", expires_in: 604_800, scope: "identify" });
    const me = await oauth.protectedResourceRequest(
      first.access_token,
      "GET",
      new URL(`${platform.url()}/api/users/@me`),
      undefined,
      undefined,
      http,
    );
    expect(await me.json()).toMatchObject({ id: ada.id });
    const refreshed = await oauth.processRefreshTokenResponse(
      as,
      client,
      await oauth.refreshTokenGrantRequest(as, client, authentication, first.refresh_token ?? "", http),
    );
    expect(refreshed.access_token).not.toBe(first.access_token);
    const revoked = await oauth.revocationRequest(as, client, authentication, refreshed.access_token, http);
    expect(await oauth.processRevocationResponse(revoked)).toBeUndefined();
    const again = await oauth.refreshTokenGrantRequest(as, client, authentication, refreshed.refresh_token ?? "", http);
    await expect(oauth.processRefreshTokenResponse(as, client, again)).rejects.toMatchObject({
      error: "invalid_grant",
    });
  },
);

test("OpenID Connect: the id_token is verified with the published key, and userinfo is of the same person", async () => {
  const response = await tokens(oauth.ClientSecretBasic(site.secret), "openid identify email");
  const claims = oauth.getValidatedIdTokenClaims(response);
  expect(claims).toMatchObject({ sub: ada.id, iss: as.issuer, aud: site.id });
  const info = await oauth.userInfoRequest(as, client, response.access_token, http);
  expect(await oauth.processUserInfoResponse(as, client, claims?.sub ?? "", info)).toMatchObject({ sub: ada.id });
});

test("client credentials", async () => {
  const scope = new URLSearchParams({ scope: "identify" });
  const response = await oauth.clientCredentialsGrantRequest(
    as,
    client,
    oauth.ClientSecretBasic(site.secret),
    scope,
    http,
  );
  expect(await oauth.processClientCredentialsResponse(as, client, response)).toMatchObject({ scope: "identify" });
});

test("who said no is an error that the library knows", async () => {
  const { location } = await ada.post(site.authorizationPath("identify", { state: "s" }), { authorize: false });
  expect(() => oauth.validateAuthResponse(as, client, new URL(location), "s")).toThrow(
    oauth.AuthorizationResponseError,
  );
});
