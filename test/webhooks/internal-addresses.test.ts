import { createServer } from "node:net";
import postgres from "postgres";
import { afterAll, expect, test } from "vitest";
import { newSigningSecret } from "../../core/webhook-signing.ts";
import { makeStage } from "../harness/interactions.ts";
import { startPlatform } from "../harness/platform.ts";
import { CALLABLE, HOSTILE_HOSTS, NETWORKS, NOT_CALLABLE } from "./hostile-urls.ts";
import { listen } from "./receiver.ts";

/** Nothing private may be called, as where nobody has allowed anything. */
const platform = await startPlatform({ env: { EGRESS_ALLOW: "" } });
const sql = postgres(platform.stores.databaseUrl, { max: 1, onnotice: () => {} });
let connections = 0;
/** Listens at every address that this machine has, of both families, and counts connections. */
const canary = createServer((socket) => {
  connections += 1;
  socket.destroy();
});
const port = await listen(canary, "::");
afterAll(async () => {
  canary.close();
  await sql.end();
});

const { owner, bot, member, memberSocket, guildId, channelId, command, tries } = await makeStage(platform);
const base = `/guilds/${guildId}/event-subscriptions`;

const hostOf = (address: string) => (address.includes(":") ? `[${address}]` : address);
const special = NETWORKS.flatMap(({ first, last }) => [hostOf(first), hostOf(last)]);
const hosts = [...new Set([...HOSTILE_HOSTS, ...special])];
/** What the parser takes; with the rest no connection could be asked for. */
const leadingInside = [...hosts, "localhost", "localhost.", "LOCALHOST"].map((host) => `http://${host}:${port}/hook`);
const corpus = [...new Set([...leadingInside, ...NOT_CALLABLE, ...hosts.map((host) => `https://${host}/`)])];

test("the corpus has more than 200 cases, and the canary counts", async () => {
  expect(leadingInside.length).toBeGreaterThan(100);
  expect(corpus.length).toBeGreaterThan(200);
  await fetch(`http://127.0.0.1:${port}/`).catch(() => {});
  await fetch(`http://[::1]:${port}/`).catch(() => {});
  expect(connections).toBe(2);
  connections = 0;
});

/** Where somebody gives a URL that the platform will call. */
const places: [name: string, save: (url: string) => Promise<{ status: number }>][] = [
  [
    "a guild's subscription",
    (url) => owner.request("POST", base, { url, event_types: ["MESSAGE_CREATE"], secret: newSigningSecret() }),
  ],
  [
    "an application's event webhooks",
    (url) => bot.request("PATCH", "/applications/@me", { event_webhooks_url: url, event_webhooks_status: 2 }),
  ],
  [
    "an application's interactions",
    (url) => bot.request("PATCH", "/applications/@me", { interactions_endpoint_url: url }),
  ],
];

// The application's routes take an empty text for none.
const saved = corpus.filter((url) => url !== "");

test.each(places)("when saved as %s, none is taken and none is called", async (_name, save) => {
  const taken: string[] = [];
  for (const url of saved) if ((await save(url)).status !== 400) taken.push(url);
  expect(taken).toEqual([]);
  expect(connections).toBe(0);
});

test("what people have is still taken: none of it is refused for what it is", async () => {
  for (const url of CALLABLE) {
    const made = await owner.post(base, { url, event_types: ["MESSAGE_CREATE"] });
    expect(made.url).toBe(url);
    await owner.delete(`${base}/${made.id}`);
  }
});

test("when there already, as from before it was forbidden, events are sent to none", async () => {
  const { id } = await owner.post(base, { url: "https://example.com/", event_types: ["MESSAGE_CREATE"] });
  await sql`
    insert into event_endpoints (id, server_id, creator_id, url, event_types, status, public_key, private_key, secret)
    select e.id + u.nth, e.server_id, e.creator_id, u.url, e.event_types, 2, e.public_key, e.private_key, e.secret
    from event_endpoints e, unnest(${saved}::text[]) with ordinality as u (url, nth) where e.id = ${id}`;
  await owner.post(`/channels/${channelId}/messages`, { content: "to nobody" });
  const attempts = () => sql<{ url: string; error: string }[]>`
    select distinct e.url, a.error from event_endpoints e join webhook_attempts a on a.endpoint_id = e.id`;
  await expect.poll(async () => (await attempts()).length, { timeout: 60_000 }).toBe(saved.length);
  const called = (await attempts()).filter(({ error }) => !error.startsWith("refused: "));
  expect(called.map(({ url }) => url).filter((url) => !url.includes("localhost"))).toEqual([]);
  expect(connections).toBe(0);
  await sql`delete from event_endpoints where server_id = ${guildId}`;
});

test("when there already, interactions are sent to none", async () => {
  const { id } = await command({ name: "ping" });
  for (const [i, url] of leadingInside.entries()) {
    await sql`update applications set interactions_endpoint_url = ${url} where id = ${bot.id}`;
    const nonce = `inside ${i}`;
    expect((await tries(2, { id }, { nonce })).status).toBe(204);
    await memberSocket.event("INTERACTION_FAILURE", (d) => d.nonce === nonce);
  }
  expect(connections).toBe(0);
});

test("pictures that messages name by URL are fetched from none", async () => {
  const { url } = await owner.post(`/channels/${channelId}/webhooks`, { name: "hook" });
  const path = new URL(url).pathname.replace("/api", "");
  const statuses: number[] = [];
  for (const avatar_url of leadingInside) {
    statuses.push((await member.request("POST", path, { content: "with a picture", avatar_url })).status);
  }
  // What is no URL at all is refused, with the message.
  expect(statuses.filter((status) => status === 204).length).toBeGreaterThan(100);
  const pictures = await sql`select from messages where channel_id = ${channelId} and webhook_avatar is not null`;
  expect(pictures).toHaveLength(0);
  expect(connections).toBe(0);
});
