import postgres from "postgres";
import { afterAll, describe, expect, test } from "vitest";
import { bearerClient, pkce, REDIRECT_URI, Site } from "../harness/oauth2.ts";
import { startPlatform } from "../harness/platform.ts";

// Two APIs: what one revokes, the other knows.
const platform = await startPlatform({ apis: 2, gateways: 0 });
const owner = await platform.person("owner");
const ada = await platform.person("ada");
const site = await Site.register(platform, owner);
const thief = await Site.register(platform, await platform.person("thief"));
const sql = postgres(platform.stores.databaseUrl, { max: 1, onnotice: () => {} });
afterAll(() => sql.end());

/** The status that a token gets on the second API, which may have remembered it. */
async function statusOf(accessToken: string): Promise<number> {
  const client = bearerClient(platform, accessToken);
  client.api = 1;
  return (await client.request("GET", "/users/@me")).status;
}
const expectDead = (accessToken: string) => expect.poll(() => statusOf(accessToken)).toBe(401);

describe("a code", () => {
  test("that is used again ends all that it gave", async () => {
    const code = await site.code(ada, "identify");
    const { body: first } = await site.exchange(code);
    const { body: second } = await site.refresh(first.refresh_token);
    expect(await statusOf(second.access_token)).toBe(200);
    const replay = await site.exchange(code);
    expect([replay.status, replay.body.error]).toEqual([400, "invalid_grant"]);
    await expectDead(first.access_token);
    await expectDead(second.access_token);
    expect((await site.refresh(second.refresh_token)).body.error).toBe("invalid_grant");
  });

  test("that is used many times at once gives one answer at most, and nothing that lasts", async () => {
    const code = await site.code(ada, "identify");
    const answers = await Promise.all(Array.from({ length: 20 }, () => site.exchange(code)));
    const given = answers.filter(({ status }) => status === 200);
    expect(given).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 400)).toHaveLength(19);
    await expectDead(given[0]?.body.access_token);
  });

  test("is of no use to another application, and still good for its own", async () => {
    const code = await site.code(ada, "identify");
    expect((await thief.exchange(code)).body.error).toBe("invalid_grant");
    expect((await site.exchange(code)).status).toBe(200);
  });

  test("needs its verifier, that one and no other", async () => {
    const { verifier, challenge } = pkce();
    const code = await site.code(ada, "identify", challenge);
    const wrong = [
      undefined,
      pkce().verifier,
      verifier.slice(0, -1),
      `${verifier}A`,
      challenge.code_challenge,
      "short",
    ];
    for (const code_verifier of wrong) {
      const answer = await site.exchange(code, code_verifier === undefined ? {} : { code_verifier });
      expect(answer.body.error, code_verifier).toBe("invalid_grant");
    }
    expect((await site.exchange(code, { code_verifier: verifier })).status).toBe(200);
  });

  test("that was asked for without a challenge takes no verifier: somebody may have taken it out", async () => {
    const code = await site.code(ada, "identify");
    expect((await site.exchange(code, { code_verifier: pkce().verifier })).body.error).toBe("invalid_grant");
  });

  test("needs the redirect_uri of its request", async () => {
    const code = await site.code(ada, "identify");
    for (const uri of ["https://site.example.com/callback", `${REDIRECT_URI}&x=1`, "https://evil.example/"]) {
      expect((await site.exchange(code, { redirect_uri: uri })).body.error, uri).toBe("invalid_grant");
    }
    const without = await site.form({ grant_type: "authorization_code", code });
    expect(without.body.error).toBe("invalid_grant");
    expect((await site.exchange(code)).status).toBe(200);
  });

  test("lives for ten minutes", async () => {
    const code = await site.code(ada, "identify");
    const [{ left }] = await sql<[{ left: number }]>`
      select extract(epoch from max(expires_at) - now())::int as left from oauth2_codes`;
    expect(left).toBeGreaterThan(540);
    expect(left).toBeLessThanOrEqual(600);
    await sql`update oauth2_codes set expires_at = now() - interval '1 second' where used_at is null`;
    expect((await site.exchange(code)).body.error).toBe("invalid_grant");
  });
});

describe("a redirect_uri", () => {
  const TRICKS = [
    "https://site.example.com/callback?of=guildhall&next=1",
    "https://site.example.com/callback?of=guildhall/",
    "https://site.example.com/callback?of=guildhal",
    "https://site.example.com/callback",
    "https://site.example.com/callback/?of=guildhall",
    "https://site.example.com/CALLBACK?of=guildhall",
    "HTTPS://site.example.com/callback?of=guildhall",
    "https://SITE.example.com/callback?of=guildhall",
    "https://site.example.com:443/callback?of=guildhall",
    "http://site.example.com/callback?of=guildhall",
    "https://site.example.com.evil.example/callback?of=guildhall",
    "https://site.example.com@evil.example/callback?of=guildhall",
    "https://evil.example/https://site.example.com/callback?of=guildhall",
    "https://site.example.com/callback?of=guildhall#fragment",
    "https://site.example.com/x/../callback?of=guildhall",
    "https://site.example.com/%63allback?of=guildhall",
    "https://site.example.com\\@evil.example/callback?of=guildhall",
    "https://site.example.com/callback?of=guildhall ",
    " https://site.example.com/callback?of=guildhall",
    "https://site.example.com/callback?of=guildhall\u0000",
    "//site.example.com/callback?of=guildhall",
    "javascript:alert(1)",
    "",
  ];

  test.each(TRICKS)("that is not the registered one to the letter is refused: %s", async (redirect_uri) => {
    const answer = await ada.request("POST", site.authorizationPath("identify", { redirect_uri }), { authorize: true });
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ code: 50035, errors: { redirect_uri: expect.anything() } });
  });

  test.each([
    "javascript:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "file:///etc/passwd",
    "blob:https://site.example.com/x",
    "view-source:https://site.example.com/",
    "https://user:pass@site.example.com/",
    "https://site.example.com/#fragment",
    "https://site.example.com/#",
    "https://a;script-src/",
    "https://site.example.com/ x",
    "https:\\\\site.example.com",
    "https:site.example.com",
    "/callback",
    "",
  ])("that would be dangerous can't be registered: %s", async (uri) => {
    const answer = await owner.request("PATCH", `/applications/${site.id}`, { redirect_uris: [REDIRECT_URI, uri] });
    expect([answer.status, answer.body.code]).toEqual([400, 50035]);
  });

  test("of an app's own scheme needs PKCE, as any app may take the scheme", async () => {
    const uri = "com.example.app:/callback";
    const app = await Site.register(platform, owner, [uri]);
    const path = app.authorizationPath("identify", { redirect_uri: uri });
    expect((await ada.request("POST", path, { authorize: true })).body.errors).toHaveProperty("code_challenge");
    const { challenge } = pkce();
    const { location } = await ada.post(app.authorizationPath("identify", { redirect_uri: uri, ...challenge }), {
      authorize: true,
    });
    expect(location).toMatch(/^com\.example\.app:\/callback\?code=/);
  });
});

describe("a request that is not offered", () => {
  test.each([
    ["response_type", { response_type: "token" }],
    ["response_type", { response_type: "code token" }],
    ["code_challenge_method", { code_challenge: "x".repeat(43), code_challenge_method: "plain" }],
    ["code_challenge_method", { code_challenge: "x".repeat(43) }],
    ["code_challenge", { code_challenge: "x", code_challenge_method: "S256" }],
    ["code_challenge", { code_challenge_method: "S256" }],
    ["scope", { scope: "identify everything" }],
    ["scope", { scope: "applications.commands.update" }],
    ["integration_type", { integration_type: "1" }],
    ["prompt", { prompt: "login" }],
  ])("is refused by its %s: %j", async (field, extra) => {
    const answer = await ada.request("POST", site.authorizationPath("identify", extra), { authorize: true });
    expect(answer.status).toBe(400);
    expect(answer.body.errors).toHaveProperty(field);
  });

  test("is the same for applications that act for a person, and for bots: they consent to nothing", async () => {
    const client = await site.actingFor(ada, "identify guilds");
    const path = site.authorizationPath("identify email");
    expect((await client.request("POST", path, { authorize: true })).status).toBe(401);
    expect((await site.bot.request("POST", path, { authorize: true })).body.code).toBe(20001);
  });
});

describe("a refresh", () => {
  test("gives no scope that was not consented to", async () => {
    const { refresh_token: token } = await site.tokens(ada, "identify");
    for (const scope of ["identify email", "guilds", "bot", "identify everything"]) {
      expect((await site.refresh(token, { scope })).body.error, scope).toBe("invalid_scope");
    }
    expect((await site.refresh(token)).status).toBe(200);
  });

  test("with a token that was exchanged long ago ends the chain", async () => {
    const first = await site.tokens(ada, "identify");
    const { body: second } = await site.refresh(first.refresh_token);
    const { body: third } = await site.refresh(second.refresh_token);
    expect((await site.refresh(first.refresh_token)).body.error).toBe("invalid_grant");
    expect((await site.refresh(third.refresh_token)).body.error).toBe("invalid_grant");
    await expectDead(third.access_token);
  });

  test("by another application, or with an access token, or a person's own, is refused", async () => {
    const tokens = await site.tokens(ada, "identify");
    expect((await thief.refresh(tokens.refresh_token)).body.error).toBe("invalid_grant");
    expect((await site.refresh(tokens.access_token)).body.error).toBe("invalid_grant");
    const [{ username }] = await sql<[{ username: string }]>`select username from users where id = ${ada.id}`;
    const login = await platform
      .anonymous()
      .post("/auth/login", { login: username, password: "correct horse battery" });
    expect((await site.refresh(login.refresh_token)).body.error).toBe("invalid_grant");
    const asOwn = await platform.anonymous().request("POST", "/auth/refresh", { refresh_token: tokens.refresh_token });
    expect(asOwn.status).toBe(401);
  });
});

describe("a token is dead on every process", () => {
  test("once any token of its authorization was revoked", async () => {
    const tokens = await site.tokens(ada, "identify");
    const others = await site.tokens(ada, "guilds identify");
    expect(await statusOf(tokens.access_token)).toBe(200);
    expect((await thief.revoke(tokens.access_token)).status).toBe(200);
    expect(await statusOf(tokens.access_token)).toBe(200);
    expect((await site.revoke(tokens.refresh_token)).status).toBe(200);
    await expectDead(tokens.access_token);
    await expectDead(others.access_token);
    expect((await site.refresh(tokens.refresh_token)).body.error).toBe("invalid_grant");
    expect((await site.revoke("nonsense")).status).toBe(200);
  });

  test("once the person has ended the authorization, with codes that were not used yet", async () => {
    const tokens = await site.tokens(ada, "identify");
    const code = await site.code(ada, "identify");
    const [{ id }] = await ada.get("/oauth2/tokens");
    await ada.delete(`/oauth2/tokens/${id}`);
    await expectDead(tokens.access_token);
    expect((await site.exchange(code)).body.error).toBe("invalid_grant");
    expect((await site.refresh(tokens.refresh_token)).body.error).toBe("invalid_grant");
  });

  test("once the password was changed", async () => {
    const bea = await platform.person("bea");
    const tokens = await site.tokens(bea, "identify");
    const code = await site.code(bea, "identify");
    expect(await statusOf(tokens.access_token)).toBe(200);
    const passwords = { password: "correct horse battery", new_password: "another horse battery" };
    await bea.post("/auth/change-password", passwords);
    await expectDead(tokens.access_token);
    expect((await site.exchange(code)).body.error).toBe("invalid_grant");
    expect((await site.refresh(tokens.refresh_token)).body.error).toBe("invalid_grant");
  });

  test("after its seven days", async () => {
    const { access_token: token } = await site.tokens(ada, "identify");
    await sql`update oauth2_access_tokens set expires_at = now() - interval '1 second'`;
    await expectDead(token);
  });

  test("without its application", async () => {
    const gone = await Site.register(platform, owner);
    const { access_token: token } = await gone.tokens(ada, "identify");
    await sql`delete from applications where id = ${gone.id}`;
    await expectDead(token);
  });
});

describe("the token endpoint", () => {
  test("refuses as RFC 6749 has it", async () => {
    const type = { "content-type": "application/json" };
    const post = (body: unknown, headers = {}) => platform.anonymous().request("POST", "/oauth2/token", body, headers);
    const json = await post({ grant_type: "client_credentials", client_id: site.id, client_secret: site.secret }, type);
    expect([json.status, json.body.error]).toEqual([400, "invalid_request"]);
    expect((await site.form({ grant_type: "password", username: "a", password: "b" })).body.error).toBe(
      "unsupported_grant_type",
    );
    expect((await site.form({})).body.error).toBe("invalid_request");
    expect((await site.form({ grant_type: "authorization_code" })).body.error).toBe("invalid_request");
    const urlEncoded = { "content-type": "application/x-www-form-urlencoded" };
    const twice = await post("grant_type=client_credentials&grant_type=refresh_token", urlEncoded);
    expect(twice.body.error).toBe("invalid_request");
  });

  test("lets no client in that is not the one it says", async () => {
    const grant = { grant_type: "client_credentials", scope: "identify" };
    const wrong: Record<string, string>[] = [
      {},
      { client_id: site.id },
      { client_id: site.id, client_secret: "" },
      { client_id: site.id, client_secret: thief.secret },
      { client_id: site.id, client_secret: `${site.secret}x` },
      { client_id: "1", client_secret: site.secret },
      { client_id: "x".repeat(500), client_secret: site.secret },
    ];
    for (const credentials of wrong) {
      const { status, body, headers } = await site.raw({ ...grant, ...credentials });
      expect({ status, error: body.error }, JSON.stringify(credentials)).toEqual({
        status: 401,
        error: "invalid_client",
      });
      expect(headers.get("www-authenticate")).toMatch(/^Basic /);
    }
    const never = await platform.bot(owner);
    expect((await site.raw({ ...grant, client_id: never.id, client_secret: "" })).status).toBe(401);
    const { client_secret: fresh } = await owner.post(`/applications/${site.id}/secret`);
    expect((await site.form(grant)).status).toBe(401);
    expect((await site.raw({ ...grant, client_id: site.id, client_secret: fresh })).status).toBe(200);
    expect((await ada.request("POST", `/applications/${site.id}/secret`)).body.code).toBe(10002);
  });

  test("answers a flood of guesses with refusals alone, and then everybody as before", async () => {
    const other = await Site.register(platform, owner);
    const guesses = Array.from({ length: 300 }, (_, i) => other.exchange(`guess-${i}`));
    for (const { status, body } of await Promise.all(guesses))
      expect([status, body.error]).toEqual([400, "invalid_grant"]);
    expect((await other.tokens(ada, "identify")).token_type).toBe("Bearer");
  });

  test("takes no body without an end", async () => {
    const code = "x".repeat(100_000);
    expect((await site.form({ grant_type: "authorization_code", code })).status).toBe(413);
  });
});

test("nothing of a code, a token or a client secret is stored", async () => {
  const other = await Site.register(platform, owner);
  const code = await other.code(ada, "identify");
  const { body } = await other.exchange(code);
  for (const table of ["applications", "oauth2_codes", "oauth2_access_tokens", "oauth2_refresh_tokens"]) {
    const rows = await sql`select t::text as text from ${sql(table)} t`;
    const all = JSON.stringify(rows);
    const bytes = (text: string) => Buffer.from(text).toString("hex");
    for (const secret of [code, body.access_token, body.refresh_token, other.secret]) {
      expect(all.includes(secret) || all.includes(bytes(secret)), table).toBe(false);
    }
  }
});
