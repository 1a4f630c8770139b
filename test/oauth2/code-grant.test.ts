import { createPublicKey, verify } from "node:crypto";
import { expect, test } from "vitest";
import { bearerClient, pkce, REDIRECT_URI, Site } from "../harness/oauth2.ts";
import { startPlatform } from "../harness/platform.ts";

const platform = await startPlatform();
const owner = await platform.person("owner");
const ada = await platform.person("ada");
const site = await Site.register(platform, owner);
const WEEK_SECONDS = 604_800;

test("a code with PKCE becomes tokens, and the tokens say who it is", async () => {
  const { verifier, challenge } = pkce();
  const back = await site.consent(ada, "identify", { ...challenge, state: "a state & more" });
  expect(back.origin + back.pathname).toBe("https://site.example.com/callback");
  expect([back.searchParams.get("of"), back.searchParams.get("state")]).toEqual(["guildhall", "a state & more"]);
  const { status, body, headers } = await site.exchange(back.searchParams.get("code") ?? "", {
    code_verifier: verifier,
  });
  expect({ status, body }).toEqual({
    status: 200,
    body: {
      token_type: "Bearer",
      access_token: expect.any(String),
      refresh_token: expect.any(String),
      expires_in: WEEK_SECONDS,
      scope: "identify",
    },
  });
  expect(headers.get("cache-control")).toBe("no-store");
  const me = await bearerClient(platform, body.access_token).get("/users/@me");
  expect(me).toMatchObject({ id: ada.id, username: expect.stringMatching(/^ada_/) });
  expect(me).not.toHaveProperty("email");
  expect(me).not.toHaveProperty("verified");
});

test("the client may name itself by HTTP Basic", async () => {
  const code = await site.code(ada, "identify");
  const basic = `Basic ${Buffer.from(`${site.id}:${site.secret}`).toString("base64")}`;
  const fields = { grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI };
  expect((await site.raw(fields, { authorization: basic })).status).toBe(200);
  const both = { ...fields, client_id: "1" };
  expect((await site.raw(both, { authorization: basic })).body.error).toBe("invalid_client");
});

test("email is shown with its scope alone, and never as verified", async () => {
  const client = await site.actingFor(ada, "identify email");
  expect(await client.get("/users/@me")).toMatchObject({
    email: expect.stringMatching(/@example\.com$/),
    verified: false,
  });
});

test("guilds, membership and connections, each with its scope", async () => {
  const guild = await platform.guild(ada, "Ada's");
  const client = await site.actingFor(ada, "identify guilds guilds.members.read connections");
  expect(await client.get("/users/@me/guilds")).toMatchObject([{ id: guild.id, owner: true }]);
  expect(await client.get(`/users/@me/guilds/${guild.id}/member`)).toMatchObject({ user: { id: ada.id } });
  expect(await client.get("/users/@me/connections")).toEqual([]);
});

test("what a token is good for", async () => {
  const client = await site.actingFor(ada, "guilds identify");
  const about = await client.get("/oauth2/@me");
  expect(about).toMatchObject({ application: { id: site.id }, scopes: ["guilds", "identify"], user: { id: ada.id } });
  const left = new Date(about.expires).getTime() - Date.now();
  expect(Math.abs(left / 1000 - WEEK_SECONDS)).toBeLessThan(3600);
  expect(await (await site.actingFor(ada, "guilds")).get("/oauth2/@me")).not.toHaveProperty("user");
  expect((await ada.request("GET", "/oauth2/@me")).body.code).toBe(50025);
  expect((await site.bot.request("GET", "/oauth2/@me")).body.code).toBe(50025);
});

test("a refresh token is exchanged, and its successor too", async () => {
  const first = await site.tokens(ada, "identify guilds");
  const second = (await site.refresh(first.refresh_token)).body;
  expect(second).toMatchObject({ token_type: "Bearer", scope: "identify guilds", expires_in: WEEK_SECONDS });
  expect(new Set([first.access_token, second.access_token, first.refresh_token, second.refresh_token]).size).toBe(4);
  expect((await bearerClient(platform, second.access_token).get("/users/@me")).id).toBe(ada.id);
  const fewer = (await site.refresh(second.refresh_token, { scope: "identify" })).body;
  expect(fewer.scope).toBe("identify");
  expect((await bearerClient(platform, fewer.access_token).request("GET", "/users/@me/guilds")).body.code).toBe(50026);
  // Fewer scopes once are not fewer for ever (RFC 6749, section 6).
  expect((await site.refresh(fewer.refresh_token)).body.scope).toBe("identify guilds");
});

test("who never got the answer to a refresh may ask once more", async () => {
  const { refresh_token: token } = await site.tokens(ada, "identify");
  const [one, other] = [await site.refresh(token), await site.refresh(token)];
  expect(other.body.refresh_token).toBe(one.body.refresh_token);
  expect((await bearerClient(platform, other.body.access_token).request("GET", "/users/@me")).status).toBe(200);
});

test("client credentials give a token for the application's owner, without a refresh token", async () => {
  const { status, body } = await site.form({ grant_type: "client_credentials", scope: "identify connections" });
  expect({ status, body }).toMatchObject({ status: 200, body: { scope: "identify connections" } });
  expect(body).not.toHaveProperty("refresh_token");
  expect((await bearerClient(platform, body.access_token).get("/users/@me")).id).toBe(owner.id);
  for (const scope of ["bot", "webhook.incoming", "nonsense", ""]) {
    expect((await site.form({ grant_type: "client_credentials", scope })).body.error, scope).toBe("invalid_scope");
  }
});

test("an application changes its own commands with a bearer token, and no other's", async () => {
  const { body } = await site.form({ grant_type: "client_credentials", scope: "applications.commands.update" });
  const client = bearerClient(platform, body.access_token);
  const ping = { name: "ping", description: "Says pong" };
  expect(await client.post(`/applications/${site.id}/commands`, ping)).toMatchObject({ name: "ping" });
  const other = await Site.register(platform, owner);
  const answer = await client.request("POST", `/applications/${other.id}/commands`, ping);
  expect([answer.status, answer.body.code]).toEqual([404, 10002]);
});

test("a person sees which applications may act for them, and ends it", async () => {
  const bea = await platform.person("bea");
  const client = await site.actingFor(bea, "identify");
  await site.tokens(bea, "guilds");
  const list = await bea.get("/oauth2/tokens");
  expect(list).toMatchObject([{ scopes: ["guilds", "identify"], application: { id: site.id } }]);
  expect((await ada.request("DELETE", `/oauth2/tokens/${list[0].id}`)).body.code).toBe(10012);
  await bea.delete(`/oauth2/tokens/${list[0].id}`);
  expect(await bea.get("/oauth2/tokens")).toEqual([]);
  expect((await client.request("GET", "/users/@me")).status).toBe(401);
});

test("who says no is sent back with that", async () => {
  const { location } = await ada.post(site.authorizationPath("identify", { state: "s" }), { authorize: false });
  const { searchParams } = new URL(location);
  expect([searchParams.get("error"), searchParams.get("state"), searchParams.get("code")]).toEqual([
    "access_denied",
    "s",
    null,
  ]);
});

test("without a redirect_uri in the request the first that is registered counts", async () => {
  const path = `/oauth2/authorize?${new URLSearchParams({ client_id: site.id, scope: "identify", response_type: "code" })}`;
  const { location } = await ada.post(path, { authorize: true });
  const code = new URL(location).searchParams.get("code") ?? "";
  expect(location.startsWith("https://site.example.com/callback?of=guildhall&code=")).toBe(true);
  expect((await site.form({ grant_type: "authorization_code", code })).status).toBe(200);
});

test("openid: an id_token that the published key verifies, and the same by userinfo", async () => {
  const code = await site.code(ada, "openid identify email", { nonce: "n-1" });
  const { body } = await site.exchange(code);
  const [head = "", payload = "", signature = ""] = body.id_token.split(".");
  const { kid, alg } = JSON.parse(Buffer.from(head, "base64url").toString());
  const { keys } = await platform.anonymous().get("/oauth2/keys");
  const key = keys.find((one: { kid: string }) => one.kid === kid);
  expect([alg, key.alg, key.kty]).toEqual(["RS256", "RS256", "RSA"]);
  const publicKey = createPublicKey({ key, format: "jwk" });
  expect(verify("sha256", Buffer.from(`${head}.${payload}`), publicKey, Buffer.from(signature, "base64url"))).toBe(
    true,
  );
  const claims = JSON.parse(Buffer.from(payload, "base64url").toString());
  expect(claims).toMatchObject({ iss: platform.url(), aud: site.id, sub: ada.id, nonce: "n-1", email_verified: false });
  expect(claims.exp - claims.iat).toBe(3600);
  const info = await bearerClient(platform, body.access_token).get("/oauth2/userinfo");
  expect(info).toMatchObject({ sub: ada.id, preferred_username: claims.preferred_username, email: claims.email });
  const plain = await site.actingFor(ada, "openid");
  expect(await plain.get("/oauth2/userinfo")).toEqual({ sub: ada.id });
  expect((await (await site.actingFor(ada, "identify")).request("GET", "/oauth2/userinfo")).body.code).toBe(50026);
});

test("discovery names the endpoints", async () => {
  const response = await fetch(`${platform.url()}/.well-known/openid-configuration`);
  expect(await response.json()).toMatchObject({
    issuer: platform.url(),
    authorization_endpoint: `${platform.url()}/oauth2/authorize`,
    token_endpoint: `${platform.url()}/api/oauth2/token`,
    code_challenge_methods_supported: ["S256"],
  });
});
