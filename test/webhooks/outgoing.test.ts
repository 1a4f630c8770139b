import { createServer, type IncomingMessage } from "node:http";
import postgres from "postgres";
import nacl from "tweetnacl";
import { afterAll, expect, test } from "vitest";
import type { Json } from "../harness/client.ts";
import { readMetric } from "../harness/gateway-process.ts";
import { startPlatform } from "../harness/platform.ts";

const platform = await startPlatform();

interface Received {
  headers: IncomingMessage["headers"];
  body: string;
}

/** An endpoint that checks signatures with an implementation that is not ours, as Discord asks of endpoints. */
async function receiver(publicKey: string) {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString("utf8");
    if (!verifies(publicKey, request.headers, body)) {
      response.writeHead(401).end();
      return;
    }
    received.push({ headers: request.headers, body });
    response.writeHead(204).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  afterAll(() => server.close());
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  return { url: `http://127.0.0.1:${port}/hook`, received };
}

function verifies(publicKey: string, headers: IncomingMessage["headers"], body: string): boolean {
  const signature = String(headers["x-signature-ed25519"]);
  const signed = Buffer.from(String(headers["x-signature-timestamp"]) + body);
  if (!/^[0-9a-f]{128}$/.test(signature)) return false;
  return nacl.sign.detached.verify(signed, Buffer.from(signature, "hex"), Buffer.from(publicKey, "hex"));
}

async function until<T>(read: () => T | undefined): Promise<T> {
  const deadline = Date.now() + 15_000;
  for (;;) {
    const found = read();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error("did not happen within 15 s");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test("a message posted by curl to an incoming webhook reaches sockets and, signed, an outgoing webhook", async () => {
  const person = await platform.person();
  const guild = await platform.guild(person);
  const bot = await platform.bot(person, guild.id, "8");
  const application = await bot.get("/applications/@me");
  const endpoint = await receiver(application.verify_key);
  const types = ["MESSAGE_CREATE", "GUILD_MEMBER_ADD"];
  const saved = await bot.patch("/applications/@me", {
    event_webhooks_url: endpoint.url,
    event_webhooks_status: 2,
    event_webhooks_types: types,
  });
  expect(saved).toMatchObject({ event_webhooks_url: endpoint.url, event_webhooks_status: 2 });
  expect(endpoint.received.map(({ body }) => JSON.parse(body).type)).toEqual([0]);

  const socket = await platform.socket(person);
  const webhook = await person.post(`/channels/${guild.channelId}/webhooks`, { name: "Build" });
  // What curl sends: no account, only the URL.
  const response = await fetch(webhook.url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ content: "build passed", username: "CI" }),
  });
  expect(response.status).toBe(204);
  const event = await socket.event("MESSAGE_CREATE", (d) => d.content === "build passed");
  expect(event.d).toMatchObject({ webhook_id: webhook.id, author: { id: webhook.id, username: "CI", bot: true } });

  const delivered = await until(() => endpoint.received.find(({ body }) => body.includes("build passed")));
  const payload = JSON.parse(delivered.body);
  expect(payload).toMatchObject({ version: 1, application_id: application.id, type: 1 });
  expect(payload.event).toMatchObject({ type: "MESSAGE_CREATE", data: event.d });
  expect(await readMetric(platform.gatewayUrl(), "guildhall_webhook_endpoints")).toBe(1);
});

test("a URL that accepts any signature, or is a private address that isn't allowed, can't be saved", async () => {
  const person = await platform.person();
  const bot = await platform.bot(person);
  const careless = createServer((_request, response) => response.writeHead(204).end());
  await new Promise<void>((resolve) => careless.listen(0, "127.0.0.1", resolve));
  afterAll(() => careless.close());
  const address = careless.address();
  const port = typeof address === "object" ? address?.port : 0;
  for (const url of [
    `http://127.0.0.1:${port}/`,
    "http://10.0.0.1/",
    "http://[::ffff:10.0.0.1]/",
    "ftp://example.com/",
  ]) {
    const answer = await bot.request("PATCH", "/applications/@me", { event_webhooks_url: url });
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ code: 50035, errors: { event_webhooks_url: { _errors: [{}] } } });
  }
  expect(await bot.get("/applications/@me")).toMatchObject({ event_webhooks_url: null, event_webhooks_status: 1 });
});

test("events of a guild that the bot is not in, or of a channel it may not view, are not delivered", async () => {
  const person = await platform.person();
  const guild = await platform.guild(person);
  const elsewhere = await platform.guild(person);
  const bot = await platform.bot(person, guild.id);
  const { verify_key } = await bot.get("/applications/@me");
  const endpoint = await receiver(verify_key);
  await bot.patch("/applications/@me", {
    event_webhooks_url: endpoint.url,
    event_webhooks_status: 2,
    event_webhooks_types: ["MESSAGE_CREATE"],
  });
  const hidden = await person.post(`/guilds/${guild.id}/channels`, {
    name: "hidden",
    permission_overwrites: [{ id: guild.id, type: 0, allow: "0", deny: "1024" }],
  });
  await person.post(`/channels/${elsewhere.channelId}/messages`, { content: "elsewhere" });
  await person.post(`/channels/${hidden.id}/messages`, { content: "hidden" });
  await person.post(`/channels/${guild.channelId}/messages`, { content: "open" });
  await until(() => endpoint.received.find(({ body }) => body.includes("open")));
  expect(endpoint.received.filter(({ body }) => /elsewhere|hidden/.test(body))).toEqual([]);
});

test("a guild's audit log goes to applications whose bot may view it, when it is sent", async () => {
  const person = await platform.person();
  const guild = await platform.guild(person);
  const bot = await platform.bot(person, guild.id, "128");
  const { verify_key } = await bot.get("/applications/@me");
  const endpoint = await receiver(verify_key);
  await bot.patch("/applications/@me", {
    event_webhooks_url: endpoint.url,
    event_webhooks_status: 2,
    event_webhooks_types: ["GUILD_AUDIT_LOG_ENTRY_CREATE", "GUILD_UPDATE"],
  });
  await person.patch(`/guilds/${guild.id}`, { name: "audited" });
  const events = () => endpoint.received.flatMap(({ body }) => JSON.parse(body).event ?? []);
  const entries = () => events().filter(({ type }) => type === "GUILD_AUDIT_LOG_ENTRY_CREATE");
  await until(() => entries().find(({ data }) => data.action_type === 1 && data.guild_id === guild.id));
  const own = (await person.get(`/guilds/${guild.id}/roles`)).find((role: Json) => role.tags?.bot_id === bot.id);
  await person.patch(`/guilds/${guild.id}/roles/${own.id}`, { permissions: "0" });
  await person.patch(`/guilds/${guild.id}`, { name: "unaudited" });
  await until(() => events().find(({ type, data }) => type === "GUILD_UPDATE" && data.name === "unaudited"));
  const sql = postgres(platform.stores.databaseUrl, { max: 1, onnotice: () => {} });
  const dropped = () => sql`
    select 1 from webhook_deliveries where server_id = ${guild.id} and state = 'dropped'
      and event_type = 'GUILD_AUDIT_LOG_ENTRY_CREATE'`;
  // Of the role and of the second name.
  await expect.poll(async () => (await dropped()).length).toBe(2);
  await sql.end();
  expect(entries()).toHaveLength(1);
});

test("what is said in a private thread goes to no application whose bot is not in it", async () => {
  const person = await platform.person();
  const guild = await platform.guild(person);
  const bot = await platform.bot(person, guild.id, "1024");
  const application = await bot.get("/applications/@me");
  const endpoint = await receiver(application.verify_key);
  await bot.patch("/applications/@me", {
    event_webhooks_url: endpoint.url,
    event_webhooks_status: 2,
    event_webhooks_types: ["MESSAGE_CREATE", "THREAD_CREATE", "THREAD_DELETE"],
  });
  const start = (type: number) => person.post(`/channels/${guild.channelId}/threads`, { name: "thread", type });
  const secret = await start(12);
  await person.post(`/channels/${secret.id}/messages`, { content: "secret" });
  const joined = await start(12);
  await person.put(`/channels/${joined.id}/thread-members/${bot.id}`);
  await person.post(`/channels/${joined.id}/messages`, { content: "among us" });
  const open = await start(11);
  await person.post(`/channels/${open.id}/messages`, { content: "in the open" });
  for (const { id } of [secret, joined, open]) await person.delete(`/channels/${id}`);
  const events = () => endpoint.received.flatMap(({ body }) => JSON.parse(body).event ?? []);
  await until(() => events().find(({ type, data }) => type === "THREAD_DELETE" && data.id === open.id));
  await until(() => events().find(({ type, data }) => type === "THREAD_DELETE" && data.id === joined.id));
  await until(() => events().find(({ data }) => data.content === "among us"));
  const sql = postgres(platform.stores.databaseUrl, { max: 1, onnotice: () => {} });
  const states = () => sql`
    select d.state from webhook_deliveries d join webhook_events e on e.id = d.event_id where e.channel_id = ${secret.id}`;
  await expect.poll(async () => (await states()).map(({ state }) => state)).toEqual(["dropped", "dropped", "dropped"]);
  await sql.end();
  expect(events().filter(({ data }) => data.id === secret.id || data.channel_id === secret.id)).toEqual([]);
});
