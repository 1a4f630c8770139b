import { verifyKey } from "discord-interactions";
import postgres from "postgres";
import { Webhook } from "standardwebhooks";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { newSigningSecret } from "../../core/webhook-signing.ts";
import type { Client, Json } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import { type Received, type Receiver, startReceiver } from "./receiver.ts";

const platform = await startPlatform();
const sql = postgres(platform.stores.databaseUrl, { max: 1, onnotice: () => {} });
let owner: Client;
const receivers: Receiver[] = [];

beforeAll(async () => {
  owner = await platform.person("owner");
});
afterEach(() => {
  for (const receiver of receivers.splice(0)) receiver.close();
});
afterAll(() => sql.end());

/** A receiver that does what the documentation asks, with the package of Standard Webhooks. */
async function verifying(secret: () => string): Promise<Receiver & { events(): Json[] }> {
  const receiver = await startReceiver();
  receivers.push(receiver);
  receiver.answer = (request, response) => response.writeHead(verifies(request, secret()) ? 204 : 401).end();
  const events = () =>
    receiver.received.flatMap((request) => (verifies(request, secret()) ? (JSON.parse(request.body).event ?? []) : []));
  return Object.assign(receiver, { events });
}

function verifies({ body, headers }: Received, secret: string): boolean {
  try {
    new Webhook(secret).verify(body, headers);
    return true;
  } catch {
    return false;
  }
}

async function subscribed(types: string[], more: object = {}) {
  const guild = await platform.guild(owner);
  const secret = newSigningSecret();
  const receiver = await verifying(() => secret);
  const base = `/guilds/${guild.id}/event-subscriptions`;
  const made = await owner.post(base, { url: receiver.url, event_types: types, secret, ...more });
  return { guild, receiver, base: `${base}/${made.id}`, made, secret };
}

const say = (guild: { channelId: string }, content: string) =>
  owner.post(`/channels/${guild.channelId}/messages`, { content });

test("a guild's manager subscribes a URL: it is verified, and gets what happens, verifiable by unmodified libraries", async () => {
  const { guild, receiver, made, base } = await subscribed(["MESSAGE_CREATE"]);
  expect(made).toMatchObject({ guild_id: guild.id, url: receiver.url, enabled: true, status: 2, user_id: owner.id });
  expect(made).not.toHaveProperty("secret");
  expect(receiver.received.map(({ body }) => JSON.parse(body).type)).toEqual([0, 0]);
  await say(guild, "hello");
  await expect.poll(() => receiver.events().length).toBe(1);
  const request = receiver.received.at(-1);
  if (request === undefined) throw new Error("nothing came");
  expect(JSON.parse(request.body)).toMatchObject({
    version: 1,
    type: 1,
    application_id: null,
    subscription_id: made.id,
    guild_id: guild.id,
    event: { type: "MESSAGE_CREATE", sequence: expect.any(Number), data: { content: "hello" } },
  });
  const { "x-signature-ed25519": signature = "", "x-signature-timestamp": timestamp = "" } = request.headers;
  expect(await verifyKey(request.body, signature, timestamp, made.verify_key)).toBe(true);
  expect(await owner.get(base)).toEqual(made);
});

test("a secret that is made here is shown once, and the URL switched on when the receiver knows it", async () => {
  const guild = await platform.guild(owner);
  let secret = "";
  const receiver = await verifying(() => secret || newSigningSecret());
  const base = `/guilds/${guild.id}/event-subscriptions`;
  const made = await owner.post(base, { url: receiver.url, event_types: ["MESSAGE_CREATE"] });
  expect(made).toMatchObject({ enabled: false, secret: expect.stringMatching(/^whsec_/) });
  expect(receiver.received).toEqual([]);
  const refused = await owner.request("PATCH", `${base}/${made.id}`, { enabled: true });
  expect(refused).toMatchObject({ status: 400, body: { errors: { enabled: {} } } });
  secret = made.secret;
  expect(await owner.patch(`${base}/${made.id}`, { enabled: true })).toMatchObject({ enabled: true });
  const [row] = await sql`select secret from event_endpoints where id = ${made.id}`;
  expect(row?.secret.toString("latin1")).not.toContain(Buffer.from(secret.slice(6), "base64").toString("latin1"));
  const impossible = { url: receiver.url, event_types: ["MESSAGE_CREATE"], enabled: true };
  expect(await owner.request("POST", base, impossible)).toMatchObject({
    status: 400,
    body: { errors: { enabled: {} } },
  });
});

test("two secrets are valid while one takes the other's place, and one when the day is over", async () => {
  const { guild, receiver, base, secret } = await subscribed(["MESSAGE_CREATE"]);
  const { secret: fresh } = await owner.post(`${base}/secret`);
  expect(fresh).toMatch(/^whsec_/);
  await say(guild, "both");
  await expect.poll(() => receiver.received.filter(({ body }) => body.includes("both")).length).toBe(1);
  const both = receiver.received.at(-1);
  if (both === undefined) throw new Error("nothing came");
  expect([verifies(both, secret), verifies(both, fresh)]).toEqual([true, true]);
  expect(await owner.get(base)).toMatchObject({ previous_secret_until: expect.any(String) });
  await sql`update event_endpoints set previous_secret_until = now() where id = ${base.split("/").at(-1) ?? ""}`;
  await say(guild, "one");
  await expect.poll(() => receiver.received.filter(({ body }) => body.includes('"one"')).length).toBeGreaterThan(0);
  const one = receiver.received.at(-1);
  if (one === undefined) throw new Error("nothing came");
  expect([verifies(one, secret), verifies(one, fresh)]).toEqual([false, true]);
});

test("a URL that is private, refuses nothing, or does not answer is not saved", async () => {
  const guild = await platform.guild(owner);
  const careless = await startReceiver();
  receivers.push(careless);
  const base = `/guilds/${guild.id}/event-subscriptions`;
  const secret = newSigningSecret();
  for (const url of [
    careless.url,
    "http://10.0.0.1/",
    "http://[::ffff:10.0.0.1]/",
    "http://127.0.0.1:2/",
    "http://a@b.example/",
  ]) {
    const answer = await owner.request("POST", base, { url, event_types: ["MESSAGE_CREATE"], secret });
    expect(answer).toMatchObject({ status: 400, body: { code: 50035, errors: { url: { _errors: [{}] } } } });
  }
  // Nor is what could never be called stored for later.
  const later = { url: "http://169.254.169.254/", event_types: ["MESSAGE_CREATE"] };
  expect((await owner.request("POST", base, later)).status).toBe(400);
  const unknown = { url: "https://example.com/", event_types: ["MESSAGE_CREATE", "USER_UPDATE"] };
  const answer = await owner.request("POST", base, unknown);
  expect(answer.body.errors).toMatchObject({ event_types: { 1: { _errors: [{}] } } });
  expect(await owner.get(base)).toEqual([]);
});

test("a guild has 25 at most", async () => {
  const guild = await platform.guild(owner);
  const base = `/guilds/${guild.id}/event-subscriptions`;
  const body = { url: "https://example.com/", event_types: ["MESSAGE_CREATE"] };
  const answers = await Promise.all(Array.from({ length: 30 }, () => owner.request("POST", base, body)));
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(25);
  expect(await owner.get(base)).toHaveLength(25);
});

test("only the channels that were asked for, with their threads, and only what the member who set it up may view", async () => {
  const guild = await platform.guild(owner);
  const manager = await platform.person("manager");
  await platform.join(owner, guild, manager);
  const role = await owner.post(`/guilds/${guild.id}/roles`, {
    name: "manager",
    permissions: String((1 << 5) | (1 << 29)),
  });
  await owner.put(`/guilds/${guild.id}/members/${manager.id}/roles/${role.id}`);
  const other = await owner.post(`/guilds/${guild.id}/channels`, { name: "other" });
  const hidden = await owner.post(`/guilds/${guild.id}/channels`, {
    name: "hidden",
    permission_overwrites: [{ id: guild.id, type: 0, allow: "0", deny: "1024" }],
  });
  const secret = newSigningSecret();
  const receiver = await verifying(() => secret);
  const base = `/guilds/${guild.id}/event-subscriptions`;
  const body = { url: receiver.url, event_types: ["MESSAGE_CREATE", "THREAD_DELETE"], secret };
  const refused = await manager.request("POST", base, { ...body, channel_ids: [guild.channelId, hidden.id] });
  expect(refused.body.errors).toMatchObject({ channel_ids: { 1: { _errors: [{}] } } });
  await manager.post(base, body);
  const one = await verifying(() => secret);
  await manager.post(base, { ...body, url: one.url, channel_ids: [guild.channelId] });
  const thread = await owner.post(`/channels/${guild.channelId}/threads`, { name: "thread", type: 11 });
  const inTurn = [hidden.id, other.id, thread.id, guild.channelId];
  for (const id of inTurn) await owner.post(`/channels/${id}/messages`, { content: `in ${id}` });
  await owner.delete(`/channels/${thread.id}`);
  const heard = (of: { events(): Json[] }) =>
    of
      .events()
      .map(({ data }) => data.content ?? `without ${data.id}`)
      .filter((text) => /^(in|without) /.test(text));
  const inThread = [`in ${thread.id}`, `in ${guild.channelId}`, `without ${thread.id}`];
  await expect.poll(() => heard(receiver)).toEqual([`in ${other.id}`, ...inThread]);
  await expect.poll(() => heard(one)).toEqual(inThread);
});

test("the log tells of each attempt, without secrets; one, a range or all that failed are sent again with their ids", async () => {
  const { guild, receiver, base } = await subscribed(["MESSAGE_CREATE"]);
  const { answer } = receiver;
  receiver.answer = (_request, response) =>
    response
      .writeHead(410, { "set-cookie": "a=b", "x-api-key": "k", "x-plain": "p", "content-type": "text/plain" })
      .end(`no\0body ${"é".repeat(2000)}`);
  await say(guild, "lost");
  const list = (query = "") => owner.get(`${base}/deliveries${query}`);
  await expect.poll(async () => (await list("?state=dead")).length).toBe(1);
  const [dead] = await list();
  expect(dead).toMatchObject({
    state: "dead",
    attempts: 1,
    last_status: 410,
    event: { type: "MESSAGE_CREATE", guild_id: guild.id },
  });
  const detail = await owner.get(`${base}/deliveries/${dead.id}`);
  expect(detail.log).toMatchObject([
    {
      attempt: 1,
      manual: false,
      latency_ms: expect.any(Number),
      request: {
        headers: { "webhook-id": dead.id, "webhook-signature": "[redacted]", "x-signature-ed25519": "[redacted]" },
      },
      response: { status: 410, headers: { "set-cookie": "[redacted]", "x-api-key": "[redacted]", "x-plain": "p" } },
    },
  ]);
  expect(detail.log[0].response.body).toMatch(/^nobody é+/);
  expect(Buffer.byteLength(detail.log[0].response.body)).toBeLessThanOrEqual(1026);
  expect(JSON.stringify(detail)).not.toContain("lost");
  // 410 switched it off, visibly; what happens meanwhile it doesn't get.
  expect(await owner.get(base)).toMatchObject({
    status: 3,
    enabled: false,
    disabled_reason: "The URL answered 410 Gone.",
  });
  receiver.answer = answer;
  await owner.patch(base, { enabled: true });
  expect(await owner.get(base)).toMatchObject({ status: 2, disabled_reason: null });
  const sent = (text: string) => receiver.received.filter(({ body }) => body.includes(`"${text}"`));
  await owner.post(`${base}/deliveries/${dead.id}/replay`);
  await expect.poll(async () => (await list())[0].state).toBe("delivered");
  expect(sent("lost").map(({ headers }) => headers["webhook-id"])).toEqual([dead.id, dead.id]);
  expect((await owner.get(`${base}/deliveries/${dead.id}`)).log).toMatchObject([
    { attempt: 2, manual: true },
    { attempt: 1 },
  ]);
  // A range, whatever became of it.
  await say(guild, "second");
  await expect.poll(async () => (await list("?state=delivered")).length).toBe(2);
  const [second] = await list();
  const range = { states: ["delivered"], since: second.event.timestamp, until: new Date().toISOString() };
  expect(await owner.post(`${base}/replay`, range)).toEqual({ replayed: 1 });
  await expect.poll(() => sent("second").length).toBe(2);
  await expect.poll(() => list("?state=pending")).toEqual([]);
  // All that failed.
  await sql`update webhook_deliveries set state = 'dead' where endpoint_id = ${base.split("/").at(-1) ?? ""}`;
  expect(await owner.post(`${base}/replay`, {})).toEqual({ replayed: 2 });
  await expect.poll(async () => (await list("?state=delivered")).length).toBe(2);
  expect(await owner.post(`${base}/replay`, {})).toEqual({ replayed: 0 });
});

test("a replay that fails is not tried again, and what was delivered stays so", async () => {
  const { guild, receiver, base } = await subscribed(["MESSAGE_CREATE"]);
  await say(guild, "once");
  const list = () => owner.get(`${base}/deliveries`);
  await expect.poll(async () => (await list())[0]?.state).toBe("delivered");
  receiver.answer = (_request, response) => response.writeHead(500).end();
  const [{ id }] = await list();
  await owner.post(`${base}/deliveries/${id}/replay`);
  await expect.poll(async () => (await owner.get(`${base}/deliveries/${id}`)).log.length).toBe(2);
  expect((await list())[0]).toMatchObject({ state: "delivered", attempts: 2, last_status: 500, next_attempt_at: null });
});

test("a test is sent whatever is subscribed, also while switched off, and is in the log", async () => {
  const { receiver, base } = await subscribed(["MESSAGE_CREATE"]);
  await owner.patch(base, { enabled: false });
  const sent = await owner.post(`${base}/test`);
  expect(sent).toMatchObject({ state: "pending", event: { type: "TEST" } });
  await expect.poll(() => receiver.events()).toMatchObject([{ type: "TEST", data: { message: expect.any(String) } }]);
  await expect.poll(async () => (await owner.get(`${base}/deliveries/${sent.id}`)).state).toBe("delivered");
});

test("deleting one takes what waits with it", async () => {
  const { guild, receiver, base } = await subscribed(["MESSAGE_CREATE"]);
  receiver.answer = (_request, response) => response.writeHead(500).end();
  await say(guild, "waits");
  await expect.poll(async () => (await owner.get(`${base}/deliveries?state=pending`))[0]?.attempts).toBe(1);
  await owner.delete(base);
  expect((await owner.request("GET", base)).status).toBe(404);
  const [left] =
    await sql`select count(*)::int as n from webhook_queue where endpoint_id = ${base.split("/").at(-1) ?? ""}`;
  expect(left?.n).toBe(0);
});
