import { randomBytes } from "node:crypto";
import postgres from "postgres";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { hashToken } from "../../src/auth/tokens.ts";
import { Client, type Json } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import { Socket } from "../harness/socket.ts";
import { expectRefusal } from "./refusal.ts";

const platform = await startPlatform({ apis: 2, gateways: 2 });
const anyone = platform.anonymous();
const sql = postgres(platform.stores.databaseUrl, { max: 2 });
afterAll(() => sql.end());
afterEach(() => {
  vi.useRealTimers();
});

const PASSWORD = "correct horse battery";

interface Account {
  username: string;
  email: string;
  user_id: string;
  token: string;
  refresh_token: string;
  expires_in: number;
}

async function register(): Promise<Account> {
  const username = `p_${randomBytes(6).toString("hex")}`;
  const email = `${username}@example.com`;
  return { username, email, ...(await anyone.post("/auth/register", { username, email, password: PASSWORD })) };
}

const refresh = (token: string) => anyone.request("POST", "/auth/refresh", { refresh_token: token });
const login = (account: Account, password = PASSWORD) => anyone.post("/auth/login", { login: account.email, password });

/** A client of one API process, with a token as it stands in the header. */
function as(token: string, api = 0): Client {
  const client = new Client(platform, token, null);
  client.api = api;
  return client;
}

const statusOf = async (token: string, api = 0) => (await as(token, api).request("GET", "/users/@me")).status;

/** The token works at no API process any more. Time stands still, so what an API remembers does not just run out. */
async function expectDeadEverywhere(token: string): Promise<void> {
  for (const api of [0, 1]) await vi.waitFor(async () => expect(await statusOf(token, api)).toBe(401), 10_000);
}

/** Makes every API process remember the token, and stops the clock by which it would forget. */
async function rememberEverywhere(token: string): Promise<void> {
  vi.useFakeTimers({ toFake: ["Date"] });
  for (const api of [0, 1]) expect(await statusOf(token, api)).toBe(200);
}

const familyOf = async (refreshToken: string) => {
  const hash = hashToken(refreshToken).toString("hex");
  return sql<{ used: boolean; revoked: boolean }[]>`
    select used_at is not null as used, revoked_at is not null as revoked from refresh_tokens
    where family_id = (select family_id from refresh_tokens where token = ${hash})`;
};

describe("registering", () => {
  test("gives tokens that work, and stores none of the secrets in the clear", async () => {
    const account = await register();
    expect(account).toMatchObject({ token: expect.stringMatching(/^ga_/), expires_in: 900 });
    expect(await as(account.token).get("/users/@me")).toMatchObject({ id: account.user_id, email: account.email });
    const [{ users, access, refreshed }] = await sql<[{ users: string; access: string; refreshed: string }]>`
      select (select json_agg(u)::text from users u) as users, (select json_agg(t)::text from access_tokens t) as access,
        (select json_agg(t)::text from refresh_tokens t) as refreshed`;
    for (const secret of [account.token, account.refresh_token, PASSWORD]) {
      expect(users + access + refreshed).not.toContain(secret.slice(3));
    }
    expect(users).toContain("$argon2id$v=19$m=19456,t=2,p=1$");
  });

  test("refuses a taken email or username, whatever its case, and says which", async () => {
    const { username, email } = await register();
    const fresh = `p_${randomBytes(6).toString("hex")}`;
    const attempt = (body: object) => anyone.request("POST", "/auth/register", { password: PASSWORD, ...body });
    const takenEmail = await attempt({ username: fresh, email: email.toUpperCase() });
    expectRefusal(takenEmail, 400, 50035);
    expect(takenEmail.body.errors).toEqual({
      email: { _errors: [{ code: "EMAIL_ALREADY_REGISTERED", message: expect.any(String) }] },
    });
    const takenName = await attempt({ username: username.toUpperCase(), email: `${fresh}@example.com` });
    expectRefusal(takenName, 400, 50035);
    expect(Object.keys(takenName.body.errors)).toEqual(["username"]);
  });

  test("twenty at once with one name make one account", async () => {
    const username = `p_${randomBytes(6).toString("hex")}`;
    const attempts = Array.from({ length: 20 }, (_, i) =>
      anyone.request("POST", "/auth/register", { username, email: `${username}${i}@example.com`, password: PASSWORD }),
    );
    const statuses = (await Promise.all(attempts)).map(({ status }) => status).sort();
    expect(statuses).toEqual([201, ...Array.from({ length: 19 }, () => 400)]);
  });

  test("twenty at once who rename themselves alike: one gets the name", async () => {
    const people = await Promise.all(Array.from({ length: 20 }, () => platform.person()));
    const username = `p_${randomBytes(6).toString("hex")}`;
    const answers = await Promise.all(people.map((one) => one.request("PATCH", "/users/@me", { username })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array.from({ length: 19 }, () => 400)]);
  });
});

describe("logging in", () => {
  test("works with email and with username, in any case", async () => {
    const { username, email, user_id } = await register();
    for (const name of [email, username, email.toUpperCase(), username.toUpperCase()]) {
      const answer = await anyone.post("/auth/login", { login: name, password: PASSWORD });
      expect(answer.user_id).toBe(user_id);
      expect(await statusOf(answer.token)).toBe(200);
    }
  });

  test("answers a wrong password and an unknown account with the same bytes", async () => {
    const { email, username } = await register();
    const answers = [];
    for (const name of [email, username, "nobody@example.com", "nobody", " ", "x"]) {
      answers.push(await anyone.request("POST", "/auth/login", { login: name, password: "wrong horse battery" }));
    }
    for (const answer of answers) expectRefusal(answer, 400, 50035);
    const seen = answers.map(({ status, body, headers }) => {
      const visible = [...headers].filter(([name]) => !["date", "x-request-id"].includes(name));
      return JSON.stringify([status, body, visible]);
    });
    expect(new Set(seen).size).toBe(1);
  });

  test("a bot has no password to log in with", async () => {
    const bot = await platform.bot(await platform.person(), undefined, "0", "Passwordless");
    expect(bot.id).not.toBe("");
    expectRefusal(await anyone.request("POST", "/auth/login", { login: "Passwordless", password: "" }), 400, 50035);
  });
});

describe("a password beyond the limit", () => {
  test("is refused before it is hashed: more at once than would ever be queued for hashing", async () => {
    const { email } = await register();
    const password = "x".repeat(129);
    const attempts = Array.from({ length: 400 }, (_, i) =>
      i % 2 === 0
        ? anyone.request("POST", "/auth/login", { login: email, password })
        : anyone.request("POST", "/auth/register", { username: `p${i}`, email: `p${i}@example.com`, password }),
    );
    for (const answer of await Promise.all(attempts)) {
      expectRefusal(answer, 400, 50035);
      expect(answer.body.errors).toEqual({
        password: { _errors: [expect.objectContaining({ code: "BASE_TYPE_BAD_LENGTH" })] },
      });
    }
  });

  test("of a megabyte is a 400, and of more a 413", async () => {
    const { email } = await register();
    const attempt = (length: number) =>
      anyone.request("POST", "/auth/login", { login: email, password: "x".repeat(length) });
    expectRefusal(await attempt(1_000_000), 400, 50035);
    expectRefusal(await attempt(1_100_000), 413, 40005);
  });
});

describe("a refresh token", () => {
  test("is exchanged for new tokens; what it was exchanged for works, the old access token too until it expires", async () => {
    const first = await register();
    const second = (await refresh(first.refresh_token)).body;
    expect(second).toMatchObject({ token: expect.stringMatching(/^ga_/), expires_in: 900 });
    expect(second.refresh_token).not.toBe(first.refresh_token);
    expect(await statusOf(second.token)).toBe(200);
    const third = (await refresh(second.refresh_token)).body;
    expect(await statusOf(third.token)).toBe(200);
  });

  test("used a hundred times at once gives one family and one live successor, the same for all", async () => {
    const { refresh_token } = await register();
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        new Client(platform, null, null).request("POST", "/auth/refresh", { refresh_token, i }),
      ),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(answers.map(({ body }) => body.refresh_token)).size).toBe(1);
    const family = await familyOf(refresh_token);
    expect(family.filter(({ used, revoked }) => !used && !revoked)).toHaveLength(1);
    expect(family).toHaveLength(2);
  });

  test("used a hundred times at once over two API processes: likewise", async () => {
    const { refresh_token } = await register();
    const clients = [as("", 0), as("", 1)];
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        clients[i % 2]?.request("POST", "/auth/refresh", { refresh_token }, { authorization: "" }),
      ),
    );
    expect(new Set(answers.map((answer) => answer?.body.refresh_token)).size).toBe(1);
    expect((await familyOf(refresh_token)).filter(({ used, revoked }) => !used && !revoked)).toHaveLength(1);
  });

  test("sent again within ten seconds, by a client that missed the answer, gives the same successor", async () => {
    const { refresh_token } = await register();
    const missed = (await refresh(refresh_token)).body;
    const again = (await refresh(refresh_token)).body;
    expect(again.refresh_token).toBe(missed.refresh_token);
    expect(await statusOf(again.token)).toBe(200);
    expect((await refresh(again.refresh_token)).status).toBe(200);
  });

  test("sent again later ends the whole family", async () => {
    const { refresh_token } = await register();
    const second = (await refresh(refresh_token)).body;
    const hash = hashToken(refresh_token).toString("hex");
    await sql`update refresh_tokens set used_at = used_at - interval '11 seconds' where token = ${hash}`;
    expectRefusal(await refresh(refresh_token), 401, 50014);
    expectRefusal(await refresh(second.refresh_token), 401, 50014);
    await expectDeadEverywhere(second.token);
  });

  test("sent again after its successor was used ends the family: tokens, and sockets on every node", async () => {
    const first = await register();
    const second = (await refresh(first.refresh_token)).body;
    const third = (await refresh(second.refresh_token)).body;
    const otherDevice = await login(first);
    const sockets = await Promise.all([
      platform.socket(as(first.token), { gateway: 0 }),
      platform.socket(as(third.token), { gateway: 1 }),
    ]);
    const spared = await platform.socket(as(otherDevice.token), { gateway: 1 });
    for (const { token } of [first, second, third]) await rememberEverywhere(token);

    expectRefusal(await refresh(first.refresh_token), 401, 50014);
    for (const socket of sockets) expect(await socket.closing()).toBe(4004);
    for (const { token } of [first, second, third]) await expectDeadEverywhere(token);
    expectRefusal(await refresh(third.refresh_token), 401, 50014);
    expect((await familyOf(first.refresh_token)).every(({ revoked }) => revoked)).toBe(true);

    // Another login of the same person is another family.
    expect(await statusOf(otherDevice.token)).toBe(200);
    await spared.settled();
    expect(spared.closed).toBeNull();
    spared.close();
  });

  test.each(["", "x", "gr_", `gr_${"x".repeat(43)}`, "ga_x", "\u0000"])("%j is none", async (token) => {
    const answer = await refresh(token);
    expect([400, 401]).toContain(answer.status);
  });

  test("that has expired is refused", async () => {
    const { refresh_token } = await register();
    const hash = hashToken(refresh_token).toString("hex");
    await sql`update refresh_tokens set expires_at = now() - interval '1 second' where token = ${hash}`;
    expectRefusal(await refresh(refresh_token), 401, 50014);
  });

  test("is no access token, and an access token no refresh token", async () => {
    const { token, refresh_token } = await register();
    expect(await statusOf(refresh_token)).toBe(401);
    expectRefusal(await refresh(token), 401, 50014);
  });
});

describe("an access token", () => {
  test("that has expired is refused", async () => {
    const { token } = await register();
    await sql`update access_tokens set expires_at = now() - interval '1 second' where token_hash = ${hashToken(token)}`;
    expectRefusal(await as(token).request("GET", "/users/@me"), 401, 0);
  });

  test("works with and without Bearer, not with Bot", async () => {
    const { token } = await register();
    expect([await statusOf(token), await statusOf(`Bearer ${token}`), await statusOf(`Bot ${token}`)]).toEqual([
      200, 200, 401,
    ]);
  });
});

/** Sends two requests that wait for one row, in this order, and lets them go. */
async function inThisOrder(refreshToken: string, ...requests: (() => Promise<Json>)[]): Promise<Json[]> {
  const running: Promise<Json>[] = [];
  await sql.begin(async (tx) => {
    await tx`select 1 from refresh_tokens where token = ${hashToken(refreshToken).toString("hex")} for update`;
    for (const [i, request] of requests.entries()) {
      running.push(request());
      await vi.waitFor(async () => {
        const waiting =
          await sql`select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`;
        expect(waiting.length).toBeGreaterThan(i);
      }, 10_000);
    }
  });
  return Promise.all(running);
}

describe("logging out", () => {
  test("ends this login, on every API process and node, and no other", async () => {
    const account = await register();
    const other = await login(account);
    const socket = await platform.socket(as(account.token), { gateway: 1 });
    await rememberEverywhere(account.token);
    expect(await as(account.token).post("/auth/logout")).toBeNull();
    expect(await socket.closing()).toBe(4004);
    await expectDeadEverywhere(account.token);
    expectRefusal(await refresh(account.refresh_token), 401, 50014);
    expect(await statusOf(other.token)).toBe(200);
    expect((await refresh(other.refresh_token)).status).toBe(200);
  });

  test("ends also what a refresh makes that is under way", async () => {
    const account = await register();
    const [refreshed] = await inThisOrder(
      account.refresh_token,
      () => refresh(account.refresh_token),
      () => as(account.token).post("/auth/logout"),
    );
    await expectDeadEverywhere(refreshed.body.token);
    expectRefusal(await refresh(refreshed.body.refresh_token), 401, 50014);
  });
});

describe("changing the password", () => {
  const change = (token: string, password: string, newPassword: string) =>
    as(token).request("POST", "/auth/change-password", { password, new_password: newPassword });

  test("ends all logins and starts a new one", async () => {
    const account = await register();
    const other = await login(account);
    const sockets = await Promise.all([
      platform.socket(as(account.token), { gateway: 0 }),
      platform.socket(as(other.token), { gateway: 1 }),
    ]);
    for (const { token } of [account, other]) await rememberEverywhere(token);
    const fresh = (await change(account.token, PASSWORD, "another horse battery")).body;
    for (const socket of sockets) expect(await socket.closing()).toBe(4004);
    for (const { token, refresh_token } of [account, other]) {
      await expectDeadEverywhere(token);
      expectRefusal(await refresh(refresh_token), 401, 50014);
    }
    expect(await statusOf(fresh.token)).toBe(200);
    expect((await refresh(fresh.refresh_token)).status).toBe(200);
    expectRefusal(
      await anyone.request("POST", "/auth/login", { login: account.email, password: PASSWORD }),
      400,
      50035,
    );
    expect((await login(account, "another horse battery")).user_id).toBe(account.user_id);
  });

  test("with a wrong old one, or to one that is too short, changes nothing", async () => {
    const account = await register();
    const wrong = await change(account.token, "wrong horse battery", "another horse battery");
    expectRefusal(wrong, 400, 50035);
    expect(Object.keys(wrong.body.errors)).toEqual(["password"]);
    expectRefusal(await change(account.token, PASSWORD, "short"), 400, 50035);
    expect(await statusOf(account.token)).toBe(200);
    expect((await login(account)).user_id).toBe(account.user_id);
  });

  test("ends also what a refresh makes that is under way", async () => {
    const account = await register();
    const other = await login(account);
    const [refreshed, changed] = await inThisOrder(
      account.refresh_token,
      () => refresh(account.refresh_token),
      () => change(other.token, PASSWORD, "another horse battery"),
    );
    await expectDeadEverywhere(refreshed.body.token);
    expectRefusal(await refresh(refreshed.body.refresh_token), 401, 50014);
    expect(await statusOf(changed.body.token)).toBe(200);
  });

  test("leaves no login that was begun with the old one", async () => {
    const account = await register();
    const attempts = Array.from({ length: 12 }, () =>
      anyone.request("POST", "/auth/login", { login: account.email, password: PASSWORD }),
    );
    const changed = (await change(account.token, PASSWORD, "another horse battery")).body;
    for (const { status, body } of await Promise.all(attempts)) {
      if (status === 200) await expectDeadEverywhere(body.token);
      else expect(status).toBe(400);
    }
    expect(await statusOf(changed.token)).toBe(200);
  });
});

describe("resetting a bot's token", () => {
  test("ends the old one at once: on every API process, and every socket on every node", async () => {
    const owner = await platform.person();
    const guild = await platform.guild(owner);
    const bot = await platform.bot(owner, guild.id);
    const old = bot.token ?? "";
    const sockets = await Promise.all([0, 1, 1].map((gateway) => platform.socket(bot, { gateway })));
    await rememberEverywhere(old);
    const { token } = await owner.post(`/applications/${bot.id}/bot`);
    for (const socket of sockets) expect(await socket.closing()).toBe(4004);
    await expectDeadEverywhere(old);
    expect(await statusOf(`Bot ${token}`, 1)).toBe(200);
    vi.useRealTimers();

    const fresh = await platform.socket(as(`Bot ${token}`), { gateway: 1 });
    const late = await platform.socket(as(`Bot ${token}`), { gateway: 0 });
    late.cut();
    fresh.close();
    const thief = await Socket.open(platform.gatewayUrl(1));
    thief.send(6, { token: old.replace("Bot ", ""), session_id: late.sessionId, seq: late.seq });
    expect(await thief.closing()).toBe(4004);
  });

  test("as often as one likes: only the last token works", async () => {
    const owner = await platform.person();
    const bot = await platform.bot(owner);
    const tokens = await Promise.all(
      Array.from({ length: 10 }, async () => (await owner.post(`/applications/${bot.id}/bot`)).token as string),
    );
    const statuses = await Promise.all(tokens.map((token) => statusOf(`Bot ${token}`, 1)));
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
  });
});
