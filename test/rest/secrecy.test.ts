import { Redis } from "ioredis";
import postgres from "postgres";
import { afterAll, expect, test } from "vitest";
import { deriveKey, loadSecret, unseal } from "../../core/secret.ts";
import type { Route } from "../../src/route.ts";
import { routes } from "../../src/routes/index.ts";
import { makeStage } from "../harness/interactions.ts";
import { keepTexts, kept, noteLeak, SECRETS, secretsIn, shown } from "../harness/leaks.ts";
import { Site } from "../harness/oauth2.ts";
import { Platform, startStores } from "../harness/platform.ts";
import { endpoint } from "../harness/processes.ts";
import { startReceiver, verifiesAsDiscord } from "../webhooks/receiver.ts";
import * as matrix from "./matrix.ts";
import { makeWorld, type World } from "./world.ts";

/**
 * Every route in every way, events, consent, interactions, deliveries, and then with a database that refuses each row
 * and a Redis that is full, while the processes log all they can: no answer, event or log tells a secret, but for
 * the places that harness/leaks.ts lists. What sockets and clients get is checked there as it comes.
 */
keepTexts();
const platform = new Platform(await startStores());
const { stores } = platform;
const sql = postgres(stores.databaseUrl, { max: 1, onnotice: () => {} });
const redis = new Redis(stores.redisUrl);
let logged = "";
for (const [kind, list] of [
  ["gateway", platform.gateways],
  ["api", platform.apis],
] as const) {
  const env = { ...stores.env, LOG_LEVEL: "trace" };
  const process = await endpoint(kind, 0, env, (text) => {
    logged += text;
  });
  list.push(process);
  afterAll(() => process.stop());
}
const receiver = await startReceiver();
afterAll(async () => {
  receiver.close();
  redis.disconnect();
  await sql.end();
});
const world = await makeWorld(platform);

const ORDER = ["GET", "POST", "PUT", "PATCH", "DELETE"];
const inOrder = [...routes].sort((a, b) => ORDER.indexOf(a.method) - ORDER.indexOf(b.method));

/** Sends a request to each of these routes, things being made before they go. @returns how often each status came */
async function ask(list: readonly Route[], as: Who, body?: unknown): Promise<Map<number, number>> {
  const statuses = new Map<number, number>();
  for (const route of list) {
    const caller = await matrix.callerOf(route, platform, { ...world, ...as });
    const { status } = await matrix.ask(route, caller, as.places, body === undefined ? {} : { body });
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }
  return statuses;
}
type Who = Awaited<ReturnType<World["another"]>>;

test("of every route, by good requests and by bad ones", async () => {
  const good = await ask(inOrder, await world.another());
  expect(countOf(good, 200, 201, 204)).toBeGreaterThan(routes.length / 2);
  const bad = await world.another();
  const bodied = inOrder.filter(({ body }) => body !== undefined);
  for (const body of ["{", 7]) expect(countOf(await ask(bodied, bad, body), 400)).toBeGreaterThan(bodied.length / 2);
});

const countOf = (statuses: Map<number, number>, ...which: number[]): number =>
  which.reduce((sum, status) => sum + (statuses.get(status) ?? 0), 0);

test("of accounts, consent and tokens of OAuth2", async () => {
  const person = await platform.person("secretive");
  const { username } = await person.get("/users/@me");
  const site = await Site.register(platform, person);
  const { refresh_token } = await person.post("/auth/login", { login: username, password: PASSWORD });
  await person.post("/auth/refresh", { refresh_token });
  const { id, channelId } = await platform.guild(person);
  const choice = { guild_id: id, webhook_channel_id: channelId };
  const granted = await site.tokens(person, "identify bot webhook.incoming", choice);
  await platform.anonymous().patch(`/webhooks/${granted.webhook.id}/${granted.webhook.token}`, { name: "Renamed" });
  await site.refresh(granted.refresh_token);
  await site.exchange("x".repeat(43));
  await site.raw({ grant_type: "client_credentials", client_id: site.id, client_secret: `${site.secret}x` });
  await consentByForms(username, site.authorizationPath("identify"));
  await site.revoke(granted.access_token);
  await person.post("/auth/change-password", { password: PASSWORD, new_password: `${PASSWORD}!` });
});

const PASSWORD = "correct horse battery";

/** What a browser does: logs in on the page, and allows. */
async function consentByForms(login: string, path: string): Promise<void> {
  let cookie = "";
  const send = async (to: string, fields?: Record<string, string>) => {
    const headers = { cookie, origin: platform.url(), "content-type": "application/x-www-form-urlencoded" };
    const form = fields && { method: "POST", body: String(new URLSearchParams(fields)) };
    const answer = await fetch(platform.url() + to, { ...form, headers, redirect: "manual" });
    const text = await answer.text();
    noteLeak(`${fields ? "POST" : "GET"} ${to}`, `${text}\n${JSON.stringify([...answer.headers])}`);
    cookie = answer.headers.get("set-cookie")?.split(";")[0] ?? cookie;
    return text;
  };
  await send(path);
  await send(path.replace("?", "/login?"), { login, password: "wrong" });
  await send(path.replace("?", "/login?"), { login, password: PASSWORD });
  const proof = /name="proof" value="([^"]+)"/.exec(await send(path))?.[1] ?? "";
  await send(path, { proof, decision: "allow" });
}

test("of interactions, answered by the bot and by a URL that fails", async () => {
  const stage = await makeStage(platform);
  const command = await stage.command({ name: "ping" });
  const interaction = await stage.use(2, { id: command.id, name: "ping", type: 1 });
  await stage.answer(interaction, { type: 4, data: { content: "pong" } }, "?with_response=1");
  const anyone = platform.anonymous();
  const webhook = `/webhooks/${stage.bot.id}/${interaction.token}`;
  for (const [method, path, body] of [
    ["GET", `${webhook}/messages/@original`],
    ["POST", webhook, { content: "more" }],
    ["POST", webhook, { content: 7 }],
    ["POST", `${webhook}x`, { content: "more" }],
    ["PUT", webhook, {}],
  ] as const) {
    await anyone.request(method, path, body);
  }
  const { verify_key } = await stage.bot.get("/applications/@me");
  receiver.answer = (request, response) => {
    const agent = request.headers["user-agent"] ?? "";
    noteLeak(agent, request.body);
    if (!verifiesAsDiscord(request, Buffer.from(verify_key, "hex"))) return response.writeHead(401).end();
    if (!agent.startsWith("Guildhall-Interactions")) return response.writeHead(204).end();
    const isPing = JSON.parse(request.body).type === 1;
    return response.writeHead(200, { "content-type": "application/json" }).end(isPing ? '{"type":1}' : '{"type":99}');
  };
  const urls = { interactions_endpoint_url: `${receiver.url}/asked`, event_webhooks_url: `${receiver.url}/told` };
  await stage.bot.patch("/applications/@me", {
    ...urls,
    event_webhooks_status: 2,
    event_webhooks_types: ["MESSAGE_CREATE"],
  });
  await stage.tries(2, { id: command.id, name: "ping", type: 1 });
  await expect.poll(() => logged.includes("interaction endpoint failed")).toBe(true);
  await stage.owner.post(`/channels/${stage.channelId}/messages`, { content: "an event" });
  await expect.poll(() => receiver.received.some(({ body }) => body.includes("an event"))).toBe(true);
});

test("of a Redis that is full, and of a database that takes no row", async () => {
  await redis.config("SET", "maxmemory", "1");
  await world.owner.post(`/channels/${world.here.channel_id}/messages`, { content: "into the outbox" });
  await expect.poll(() => logged.includes("using the outbox")).toBe(true);
  await redis.config("SET", "maxmemory", "0");
  const tables = await sql<{ name: string }[]>`
    select relname as name from pg_class where relkind in ('r', 'p') and not relispartition
      and relnamespace = 'public'::regnamespace`;
  for (const { name } of tables)
    await sql.unsafe(`alter table "${name}" add constraint refuses check (false) not valid`);
  const as = { ...world, places: world.here };
  const failed = await ask(
    inOrder.filter((route) => matrix.rowOf(route).caller !== "newcomer"),
    as,
  );
  expect(failed.get(500)).toBeGreaterThan(30);
  for (const { name } of tables) await sql.unsafe(`alter table "${name}" drop constraint refuses`);
});

test("none of it tells a secret", async () => {
  for (const process of [...platform.apis, ...platform.gateways]) {
    noteLeak("metrics", await (await fetch(`http://127.0.0.1:${process.port}/metrics`)).text());
  }
  await expect.poll(() => logged.includes("webhook delivery")).toBe(true);
  noteLeak("log", logged);
  const lines = (msg: string) => logged.split(`"msg":"${msg}"`).length - 1;
  expect(lines("request failed")).toBeGreaterThan(30);
  expect(lines("request")).toBeGreaterThan(routes.length * 2);
  const values = await storedSecrets();
  expect(values.size).toBeGreaterThan(100);
  // What the answers that may show a signing secret have of it is its key.
  const texts = kept.map(({ where, text }) => ({ where, text: text.replaceAll(/whsec_[^"]*/g, "") }));
  expect(toldOf(values, texts)).toEqual([]);
  for (const [value, what] of values) {
    expect(toldOf(values, [{ where: "log", text: `{"detail":"(${value}...)"}` }])).toContain(`log: ${what}`);
  }
});

function toldOf(values: ReadonlyMap<string, string>, texts: readonly { where: string; text: string }[]): string[] {
  const told = texts.flatMap(({ where, text }) =>
    [...values].flatMap(([value, what]) => (text.includes(value) ? [`${where}: ${what}`] : [])),
  );
  return [...new Set(told)];
}

/**
 * The beginning of every secret that the platform keeps, as it is stored and opened, in each form in which it could be
 * told: Postgres cuts values off where it names them.
 */
async function storedSecrets(): Promise<Map<string, string>> {
  const values = new Map<string, string>();
  const add = (told: string, what: string) => values.set(told.slice(0, 40), what);
  const addBytes = (bytes: Buffer, what: string) => {
    for (const form of ["hex", "base64", "base64url"] as const) add(bytes.toString(form), what);
    add(bytes.join(","), what);
  };
  const secret = await loadSecret({ secret: undefined, dataDir: stores.dir });
  addBytes(secret, "the platform's secret");
  add(PASSWORD, "a person's password");
  for (const purpose of ["attachment urls", "consent forms"]) addBytes(deriveKey(secret, purpose), purpose);
  for (const url of [stores.databaseUrl, stores.redisUrl]) add(new URL(url).password, "a password of the stores");
  const columns = await sql<{ table: string; column: string }[]>`
    select table_name as table, column_name as column from information_schema.columns
    where table_schema = 'public' and table_name !~ '_[0-9]{8}$' and column_name <> 'public_key'
      and (data_type = 'bytea' or data_type = 'text' and column_name ~ 'password|token|secret')`;
  for (const { table, column } of columns) {
    const rows = await sql<{ value: string | Buffer }[]>`
      select ${sql(column)} as value from ${sql(table)} where length(${sql(column)}) >= 16`;
    for (const { value } of rows) {
      if (typeof value === "string") add(value, `${table}.${column}`);
      else for (const bytes of [value, openedOr(secret, value)]) if (bytes) addBytes(bytes, `${table}.${column}`);
    }
  }
  return values;
}

function openedOr(secret: Buffer, value: Buffer): Buffer | null {
  try {
    return unseal(secret, value);
  } catch {
    return null;
  }
}

test("every place that may show a secret is a route or an event, and has shown it", () => {
  const places = Object.entries(SECRETS).flatMap(([kind, { shownBy }]) => shownBy.map((place) => `${place}: ${kind}`));
  expect([...shown].sort()).toEqual(places.sort());
});

test.each(["GET /users/@me", "event MESSAGE_CREATE", "log"])(
  "a secret that is told in another place is found: %s",
  (where) => {
    const samples: Record<string, string> = {
      "person's token": `ga_${"a".repeat(43)}`,
      "refresh token": `gr_${"a".repeat(43)}`,
      "bearer token": `go_${"a".repeat(43)}`,
      "client secret": `gs_${"a".repeat(43)}`,
      "bot token": `${"a".repeat(24)}.${"a".repeat(6)}.${"-".repeat(43)}`,
      "authorization code": `https://site.example/?state=1&code=${"c".repeat(43)}`,
      "signing secret": `whsec_${"a".repeat(32)}`,
      "webhook token": `/webhooks/1/${"_".repeat(68)}`,
      "interaction token": `{"token":"${"i".repeat(64)}"}`,
      "stored secret": "$argon2id$v=19$",
    };
    for (const kind of Object.keys(SECRETS)) {
      expect(secretsIn(where, JSON.stringify({ text: `before ${samples[kind]} after` })), kind).toContain(kind);
    }
  },
);
