import postgres from "postgres";
import { afterAll, describe, expect, test, vi } from "vitest";
import type { Answer, Client } from "../harness/client.ts";
import { startPlatformWithPostgres } from "../harness/postgres-faults.ts";
import { Socket } from "../harness/socket.ts";
import { expectErrorBody, expectRefusal } from "../rest/refusal.ts";

const { platform, database } = await startPlatformWithPostgres();
const anyone = platform.anonymous();
const person = await platform.person();
const guild = await platform.guild(person);
const bot = await platform.bot(person, guild.id, "8");
const messages = `/channels/${guild.channelId}/messages`;
const webhook = await person.post(`/channels/${guild.channelId}/webhooks`, { name: "hook" });
const socket = await platform.socket(bot);
const health = async (name: string) => (await fetch(`${platform.url()}/${name}`)).status;

const password = "correct horse battery";
const requests: [string, Client, string, string, unknown?][] = [
  ["reading somebody", person, "GET", `/users/${bot.id}`],
  ["a bot reading a guild", bot, "GET", `/guilds/${guild.id}`],
  ["reading messages", person, "GET", messages],
  ["posting a message", person, "POST", messages, { content: "hello" }],
  ["changing a guild", person, "PATCH", `/guilds/${guild.id}`, { name: "Renamed" }],
  ["deleting a channel", person, "DELETE", `/channels/${guild.channelId}`],
  ["making a guild", person, "POST", "/guilds", { name: "Another" }],
  ["logging in", anyone, "POST", "/auth/login", { login: "nobody", password }],
  ["registering", anyone, "POST", "/auth/register", { username: "newcomer", email: "newcomer@example.com", password }],
  ["refreshing", anyone, "POST", "/auth/refresh", { refresh_token: "gr_x" }],
  ["looking at an invite", anyone, "GET", "/invites/abc"],
  ["posting by webhook", anyone, "POST", `/webhooks/${webhook.id}/${webhook.token}`, { content: "hello" }],
];

/** 503 with Retry-After, in Discord's form, and no word of why. */
function expectAway(answer: Answer): void {
  expectRefusal(answer, 503, 0);
  expect(answer.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
}

/** Every connection of the pool has seen that Postgres is gone, or is back: its processes end one after the other. */
async function untilAll(status: 503 | 200): Promise<void> {
  const attempt = () => person.request("GET", messages);
  await vi.waitFor(async () => {
    const answers = await Promise.all(Array.from({ length: 30 }, attempt));
    expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => status));
  }, 20_000);
}

async function expectRecovered(): Promise<void> {
  await vi.waitFor(async () => expect(await health("readyz")).toBe(200), 20_000);
  await untilAll(200);
  const { id } = await person.post(messages, { content: "after" });
  await socket.event("MESSAGE_CREATE", (d) => d.id === id);
}

describe("Postgres killed", () => {
  test("requests are told to come again, health says so, sockets stay; all is well when it is back", async () => {
    const { id } = await person.post(messages, { content: "before" });
    await database.kill();
    await untilAll(503);
    for (let round = 0; round < 2; round++) {
      for (const [, client, method, path, body] of requests) expectAway(await client.request(method, path, body));
    }
    expect(await health("readyz")).toBe(503);
    expect(await health("healthz")).toBe(200);
    // What needs no database is answered as ever.
    expect((await anyone.request("GET", "/gateway")).status).toBe(200);
    expectRefusal(await anyone.request("GET", "/users/@me"), 401, 0);
    expectRefusal(await anyone.request("GET", "/nothing"), 404, 0);
    expectRefusal(await person.request("GET", "/users/nobody"), 400, 50035);

    await database.start();
    await expectRecovered();
    expect((await person.get(`${messages}/${id}`)).content).toBe("before");
    expect(await person.get(`/guilds/${guild.id}`)).toMatchObject({ name: "Test guild" });
    expect(socket.closed).toBeNull();
  });

  test.each([
    ["killed", () => database.kill()],
    ["stopped in good order", () => database.stop()],
  ])("%s under load: every answer is a success or a 503, and every success stays", async (_how, end) => {
    const answers: Answer[] = [];
    let over = false;
    const load = Promise.all(
      Array.from({ length: 16 }, async (_, writer) => {
        for (let n = 0; !over; n++) {
          const content = `${writer} ${n}`;
          answers.push(await person.request("POST", messages, { content }));
          answers.push(await person.request("PATCH", "/users/@me", { global_name: content }));
        }
      }),
    );
    try {
      await vi.waitFor(() => expect(answers.length).toBeGreaterThan(100), 20_000);
      await end();
      await database.start();
      await expectRecovered();
    } finally {
      over = true;
    }
    await load;
    const failed = answers.filter(({ status }) => status !== 200);
    for (const answer of failed) expectAway(answer);
    const posted = answers.filter(({ status, body }) => status === 200 && body.channel_id !== undefined);
    for (const { body } of posted.slice(-200)) {
      expect((await person.get(`${messages}/${body.id}`)).content).toBe(body.content);
      await socket.event("MESSAGE_CREATE", (d) => d.id === body.id);
    }
    expect(socket.closed).toBeNull();
  });

  test("a session that starts or resumes meanwhile is closed so that its client tries again, and then can", async () => {
    const other = await platform.socket(bot);
    other.cut();
    await database.kill();
    await untilAll(503);
    for (const enter of [
      (one: Socket) => one.send(2, { token: bot.token, intents: 1, properties: {} }),
      (one: Socket) => one.send(6, { token: bot.token?.slice(4), session_id: other.sessionId, seq: other.seq }),
    ]) {
      const one = await Socket.open(platform.gatewayUrl());
      enter(one);
      // Clients reconnect after 4000, and resume if they had a session.
      expect(await one.closing()).toBe(4000);
    }
    await database.start();
    await expectRecovered();
    // The gateway finds Postgres back a little before or after the API does; a client tries until then.
    await vi.waitFor(async () => {
      const again = await Socket.open(platform.gatewayUrl());
      expect((await again.resume(bot.token ?? "", other.sessionId, other.seq)).t).toBe("RESUMED");
      again.close();
    }, 20_000);
  });
});

describe("Postgres answers, but not as it should", () => {
  // Its connections are writable whatever the database's default is when they are opened.
  // As a text: the driver leaves out what is false.
  const connection = { options: "-c default_transaction_read_only=off" };
  const sql = postgres(platform.stores.databaseUrl, { max: 1, onnotice: () => {}, idle_timeout: 1, connection });
  afterAll(() => sql.end());

  test("a row that stays locked: 503, come again", async () => {
    // For the connections that are opened from here on.
    await sql`alter database guildhall set lock_timeout = '300ms'`;
    await sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'guildhall-%'`;
    await untilAll(200);
    await sql.begin(async (tx) => {
      await tx`select 1 from servers where id = ${guild.id} for update`;
      expectAway(await person.request("PATCH", `/guilds/${guild.id}`, { name: "Locked" }));
    });
    await sql`alter database guildhall reset lock_timeout`;
    expect(await person.patch(`/guilds/${guild.id}`, { name: "Unlocked" })).toMatchObject({ name: "Unlocked" });
  });

  test("a database that has become read-only, as after a failover: 503, come again", async () => {
    await sql`alter database guildhall set default_transaction_read_only = on`;
    await sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'guildhall-%'`;
    await untilAll(200);
    expectAway(await person.request("POST", messages, { content: "hello" }));
    await sql.begin("read write", (tx) => tx`alter database guildhall reset default_transaction_read_only`);
    await sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'guildhall-%'`;
    await expectRecovered();
  });

  test("a table that is missing: 500 without a word of it, and everything else goes on", async () => {
    await sql`alter table webhooks rename to hidden`;
    for (const [method, path, body] of [
      ["GET", `/channels/${guild.channelId}/webhooks`],
      ["POST", `/channels/${guild.channelId}/webhooks`, { name: "hook" }],
      ["POST", `/webhooks/${webhook.id}/${webhook.token}`, { content: "hello" }],
    ] as const) {
      const answer = await person.request(method, path, body);
      expect(answer).toMatchObject({ status: 500, body: { code: 0, message: "500: Internal Server Error" } });
      expectErrorBody(answer);
    }
    expect((await person.get("/users/@me")).id).toBe(person.id);
    await sql`alter table hidden rename to webhooks`;
    expect(await person.get(`/channels/${guild.channelId}/webhooks`)).toHaveLength(1);
  });
});
