import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Site } from "../harness/oauth2.ts";
import { startPlatform } from "../harness/platform.ts";

// What browsers never do, and attackers may: the page's forms, sent by hand.
const platform = await startPlatform({ gateways: 0, env: { RATE_LIMITS: "on" } });
const origin = platform.url();
const ada = await platform.person("ada");
const { username } = await ada.get("/users/@me");
const sql = postgres(platform.stores.databaseUrl, { max: 1, onnotice: () => {} });
afterAll(() => sql.end());
const CALLBACK = "https://site.example.com/callback";
const site = await Site.register(platform, ada, [CALLBACK]);
const ASKED = { client_id: site.id, response_type: "code", scope: "identify", redirect_uri: CALLBACK };
const search = (extra: Record<string, string> = {}) => `?${new URLSearchParams({ ...ASKED, ...extra })}`;
const SAME = { origin };

const page = (path: string, headers: Record<string, string> = {}) =>
  fetch(`${origin}/oauth2/authorize${path}`, { headers, redirect: "manual" });
const send = (path: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
  fetch(`${origin}/oauth2/authorize${path}`, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
    body: String(new URLSearchParams(fields)),
    redirect: "manual",
  });

async function logIn(): Promise<string> {
  const answer = await send(`/login${search()}`, { login: username, password: "correct horse battery" }, SAME);
  expect([answer.status, answer.headers.get("location")]).toEqual([303, `/oauth2/authorize${search()}`]);
  return answer.headers.get("set-cookie") ?? "";
}

const proofIn = async (answer: Response) => /name="proof" value="([^"]+)"/.exec(await answer.text())?.[1] ?? "";

let cookie = "";
let proof = "";
beforeAll(async () => {
  cookie = (await logIn()).split(";")[0] ?? "";
  proof = await proofIn(await page(search(), { cookie }));
});

test("the session's cookie is kept from script, other sites and other paths", async () => {
  const attributes = (await logIn()).split("; ").slice(1);
  expect(attributes).toEqual(expect.arrayContaining(["HttpOnly", "SameSite=Lax", "Path=/oauth2"]));
});

test("the session has no refresh token, which nobody would use or revoke", async () => {
  const rows = async () => (await sql`select id from refresh_tokens`).length;
  const before = await rows();
  expect(await proofIn(await page(search(), { cookie: (await logIn()).split(";")[0] ?? "" }))).not.toBe("");
  expect(await rows()).toBe(before);
});

test("the page forbids script, frames, caches, and to tell others its address", async () => {
  const { headers, status } = await page(search());
  expect(status).toBe(200);
  const policy = headers.get("content-security-policy") ?? "";
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("form-action 'self' https://site.example.com;");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toMatch(/unsafe|script-src|\*/);
  expect(Object.fromEntries(headers)).toMatchObject({
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "referrer-policy": "same-origin",
  });
});

describe("consent is not given by a form", () => {
  const allow = (fields: Record<string, string>, headers: Record<string, string>, query = search()) =>
    send(query, { decision: "allow", ...fields }, headers);

  test("that is ours: the other way round", async () => {
    const answer = await allow({ proof }, { cookie, ...SAME });
    expect([answer.status, answer.headers.get("location")]).toEqual([
      303,
      expect.stringContaining(`${CALLBACK}?code=`),
    ]);
  });

  test.each([
    ["of another origin", { origin: "https://evil.example" }],
    ["of another port", { origin: "http://127.0.0.1:1" }],
    ["of no origin", { origin: "null" }],
    ["that says nothing", {}],
    ["of another site, as the browser says", { origin, "sec-fetch-site": "cross-site" }],
    ["of a sibling, as the browser says", { origin, "sec-fetch-site": "same-site" }],
  ])("%s", async (_what, headers) => {
    const answer = await allow({ proof }, { cookie, ...headers });
    expect([answer.status, answer.headers.get("location")]).toEqual([400, null]);
  });

  test("without its proof, with another's, or one for another request", async () => {
    const other = await platform.person("other");
    const { username: name } = await other.get("/users/@me");
    const login = await send(`/login${search()}`, { login: name, password: "correct horse battery" }, SAME);
    const foreign = (login.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
    const theirs = await proofIn(await page(search(), { cookie: foreign }));
    expect(theirs).not.toBe(proof);
    for (const wrong of ["", "x", `${proof}x`, theirs]) {
      expect((await allow({ proof: wrong }, { cookie, ...SAME })).status, wrong).toBe(400);
    }
    // The person was shown "identify"; the form asks for more.
    expect((await allow({ proof }, { cookie, ...SAME }, search({ scope: "identify email" }))).status).toBe(400);
    expect((await allow({ proof }, { cookie, ...SAME }, search({ state: "other" }))).status).toBe(400);
  });

  test("of somebody who is not logged in, or with another kind of token in the cookie", async () => {
    const { access_token } = (await site.form({ grant_type: "client_credentials", scope: "identify" })).body;
    const bot = (site.bot.token ?? "").replace("Bot ", "");
    for (const value of [undefined, "nonsense", access_token, bot, `Bot ${bot}`, `Bearer ${access_token}`]) {
      const headers: Record<string, string> =
        value === undefined ? {} : { cookie: `guildhall_consent=${encodeURIComponent(value)}` };
      const answer = await allow({ proof }, { ...headers, ...SAME });
      expect(answer.headers.get("location"), value).toBeNull();
      expect(await answer.text()).toContain("Log in");
    }
  });
});

test("nobody is logged in, or out, by another site's form", async () => {
  const evil = { origin: "https://evil.example" };
  const login = await send(`/login${search()}`, { login: username, password: "correct horse battery" }, evil);
  expect([login.status, login.headers.get("set-cookie")]).toEqual([400, null]);
  expect((await send(`/logout${search()}`, {}, { cookie, ...evil })).status).toBe(400);
  expect(await (await page(search(), { cookie })).text()).toContain(username);
});

test("faults are shown and lead nowhere", async () => {
  for (const query of [
    search({ redirect_uri: "https://evil.example/" }),
    search({ client_id: "1" }),
    search({ scope: "everything" }),
    search({ response_type: "token" }),
    `${search()}&redirect_uri=${encodeURIComponent("https://evil.example/")}`,
    "?client_id=x",
    "",
  ]) {
    const answer = await page(query, { cookie });
    expect([answer.status >= 400 && answer.status < 500, answer.headers.get("location")], query).toEqual([true, null]);
    expect(answer.headers.get("content-type")).toMatch(/^text\/html/);
    expect(answer.headers.get("content-security-policy")).toContain("default-src 'none'");
  }
});

test("the older address leads to the page, and nowhere else", async () => {
  const answer = await fetch(`${origin}/api/oauth2/authorize${search({ state: "//evil.example" })}`, {
    redirect: "manual",
  });
  expect(answer.headers.get("location")).toBe(`/oauth2/authorize${search({ state: "//evil.example" })}`);
});

test("guessing passwords here is bounded as it is elsewhere", async () => {
  const statuses: number[] = [];
  for (let i = 0; i < 20; i++) {
    statuses.push((await send(`/login${search()}`, { login: "somebody", password: `guess ${i}` }, SAME)).status);
  }
  expect(statuses[0]).toBe(400);
  expect(statuses.at(-1)).toBe(429);
});

test("who logs out is logged out everywhere that this login was", async () => {
  const own = (await logIn()).split(";")[0] ?? "";
  expect((await send(`/logout${search()}`, {}, { cookie: own, ...SAME })).status).toBe(303);
  expect(await (await page(search(), { cookie: own })).text()).toContain("Password");
});
