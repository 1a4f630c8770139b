import type { ServerResponse } from "node:http";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { connectDatabase, type Sql } from "../../core/db.ts";
import { enqueueDeliveries } from "../../core/deliveries.ts";
import { Permission } from "../../core/permissions.ts";
import type { Dispatcher } from "../../gateway/webhooks/dispatcher.ts";
import { createFinisher, type Outcome } from "../../gateway/webhooks/finish.ts";
import { disableEndpoint } from "../../gateway/webhooks/health.ts";
import { claimEndpoints } from "../../gateway/webhooks/leases.ts";
import type { DispatcherLimits } from "../../gateway/webhooks/limits.ts";
import { readQueue } from "../../gateway/webhooks/queue.ts";
import { startStores } from "../harness/platform.ts";
import { addBot, emitMessage, insertApplication, insertGuild, type TestGuild } from "./application.ts";
import { dispatchHere, spawnDispatcher } from "./dispatchers.ts";
import { type Receiver, startReceiver, verifiesAsDiscord, verifiesAsStandard } from "./receiver.ts";

let databaseUrl: string;
let sql: Sql;
let statements = 0;
let guild: TestGuild;
let receiver: Receiver;
const dispatchers: Dispatcher[] = [];

beforeAll(async () => {
  ({ databaseUrl } = await startStores());
  sql = connectDatabase(databaseUrl);
  sql.options.debug = () => {
    statements += 1;
  };
});
afterAll(() => sql.end());
beforeEach(async () => {
  await sql`truncate webhook_deliveries, webhook_queue, webhook_events, webhook_attempts`;
  await sql`delete from applications`;
  guild = await insertGuild(sql);
  receiver = await startReceiver();
});
afterEach(async () => {
  receiver.close();
  await Promise.all(dispatchers.splice(0).map((each) => each.stop()));
});

function dispatch(limits: Partial<DispatcherLimits> = {}, egressAllow?: readonly string[]): Dispatcher {
  const dispatcher = dispatchHere(sql, { pollMs: [10, 50], stopGraceMs: 0, ...limits }, egressAllow);
  dispatchers.push(dispatcher);
  return dispatcher;
}

/** Waits until something holds, which a later look must not undo; 15 s at most. */
const until = (holds: () => Promise<void> | void) => vi.waitFor(holds, { timeout: 15_000, interval: 20 });

const rows = () =>
  sql<
    { id: string; state: string; attempts: number; last_status: number | null; last_error: string | null }[]
  >`select id, state, attempts, last_status, last_error from webhook_deliveries
    union all select id, 'pending', attempts, null, null from webhook_queue order by id`;

const states = async () => (await rows()).map((row) => row.state);
const untilStates = (wanted: string[]) => until(async () => expect(await states()).toEqual(wanted));
const textOf = (body: string): string => JSON.parse(body).event.data.content;

async function statusOf(applicationId: string): Promise<number | undefined> {
  const [row] = await sql<{ status: number }[]>`
    select status from event_endpoints where id = ${applicationId}`;
  return row?.status;
}

describe("an event", () => {
  test("is POSTed in Discord's form with its data untouched, signed in both ways, and then delivered", async () => {
    const application = await insertApplication(sql, guild, `${receiver.url}/hook?key=1`);
    const data = '{ "content":"žluťoučký \\u0000 \\"x\\"", "n": 1.0,"id":"12345678901234567890" }';
    const event = { type: "MESSAGE_CREATE", guildId: guild.id, channelId: guild.channelId, data };
    await sql.begin((tx) => enqueueDeliveries(tx, [event]));
    dispatch();
    await untilStates(["delivered"]);
    const [request] = receiver.received;
    const [row] = await rows();
    if (request === undefined || row === undefined) throw new Error("nothing came");
    expect(receiver.received).toHaveLength(1);
    expect(request.path).toBe("/hook?key=1");
    expect(request.headers["content-type"]).toBe("application/json");
    expect(request.headers["webhook-id"]).toBe(row.id);
    expect(verifiesAsDiscord(request, application.publicKey)).toBe(true);
    expect(verifiesAsStandard(request, application.publicKey)).toBe(true);
    expect(request.body.endsWith(`"data":${data}}}`)).toBe(true);
    expect(JSON.parse(request.body)).toEqual({
      version: 1,
      application_id: application.id,
      type: 1,
      event: {
        type: "MESSAGE_CREATE",
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        sequence: expect.any(Number),
        data: JSON.parse(data),
      },
    });
    expect(row).toMatchObject({ attempts: 1, last_status: 204, last_error: null });
  });

  test("of another body or time does not verify: the verification works", async () => {
    const application = await insertApplication(sql, guild, receiver.url);
    await emitMessage(sql, guild, "hello");
    dispatch();
    await untilStates(["delivered"]);
    const [request] = receiver.received;
    if (request === undefined) throw new Error("nothing came");
    const forged = [
      { ...request, body: request.body.replace("hello", "hallo") },
      { ...request, headers: { ...request.headers, "x-signature-timestamp": "1", "webhook-timestamp": "1" } },
    ];
    for (const each of forged) {
      expect(verifiesAsDiscord(each, application.publicKey)).toBe(false);
      expect(verifiesAsStandard(each, application.publicKey)).toBe(false);
    }
  });

  test("is stored only with the change it tells of", async () => {
    await insertApplication(sql, guild, receiver.url);
    const event = { type: "MESSAGE_CREATE", guildId: guild.id, channelId: null, data: "{}" };
    const failing = sql.begin(async (tx) => {
      expect(await enqueueDeliveries(tx, [event])).toBe(1);
      throw new Error("rolled back");
    });
    await expect(failing).rejects.toThrow("rolled back");
    expect(await states()).toEqual([]);
  });

  test("is stored for who is subscribed, enabled and in the guild, and for nobody else", async () => {
    const listener = await insertApplication(sql, guild, receiver.url);
    const elsewhere = await insertApplication(sql, await insertGuild(sql), receiver.url);
    const disabled = await insertApplication(sql, guild, receiver.url);
    const uninterested = await insertApplication(sql, guild, receiver.url);
    await sql`update event_endpoints set status = 1 where id = ${disabled.id}`;
    await sql`update event_endpoints set event_types = '{TYPING_START}' where id = ${uninterested.id}`;
    await emitMessage(sql, guild, "hello");
    const stored = await sql`
      select q.endpoint_id, q.server_id, e.channel_id from webhook_queue q join webhook_events e on e.id = q.event_id`;
    expect([...stored]).toEqual([{ endpoint_id: listener.id, server_id: guild.id, channel_id: guild.channelId }]);
    expect(elsewhere.id).not.toBe(listener.id);
  });

  test("of none costs no statement, and one statement stores any number", async () => {
    await insertApplication(sql, guild, receiver.url);
    const event = { type: "MESSAGE_CREATE", guildId: guild.id, channelId: guild.channelId, data: "{}" };
    statements = 0;
    expect(await enqueueDeliveries(sql, [])).toBe(0);
    expect(statements).toBe(0);
    expect(await enqueueDeliveries(sql, Array(50).fill(event))).toBe(50);
    expect(statements).toBe(1);
    expect(new Set((await rows()).map((row) => row.id)).size).toBe(50);
  });

  test("reaches every application, also when they are unusually many", async () => {
    for (let i = 0; i < 12; i++) await insertApplication(sql, guild, receiver.url);
    const event = { type: "MESSAGE_CREATE", guildId: guild.id, channelId: guild.channelId, data: "{}" };
    expect(await enqueueDeliveries(sql, [event, event])).toBe(24);
    dispatch();
    await untilStates(Array(24).fill("delivered"));
    expect(new Set(receiver.received.map((request) => request.headers["webhook-id"])).size).toBe(24);
    expect(new Set(receiver.received.map((request) => JSON.parse(request.body).application_id)).size).toBe(12);
  });
});

describe("a failure", () => {
  test("is tried again with the same id and body, and a new time and signature, until it succeeds", async () => {
    const application = await insertApplication(sql, guild, receiver.url);
    await emitMessage(sql, guild, "hello");
    const answers = [500, 302];
    receiver.answer = (_request, response) => response.writeHead(answers.shift() ?? 204).end("oh");
    // The time in the headers counts seconds: longer than one, so that it must differ.
    dispatch({ retryDelaysMs: [1500, 1500] });
    await untilStates(["delivered"]);
    expect(receiver.received).toHaveLength(3);
    const distinct = (get: (request: (typeof receiver.received)[number]) => string | undefined) =>
      new Set(receiver.received.map(get)).size;
    expect(distinct((request) => request.headers["webhook-id"])).toBe(1);
    expect(distinct((request) => request.body)).toBe(1);
    expect(distinct((request) => request.headers["x-signature-timestamp"])).toBe(3);
    expect(distinct((request) => request.headers["x-signature-ed25519"])).toBe(3);
    for (const request of receiver.received) {
      expect(verifiesAsDiscord(request, application.publicKey)).toBe(true);
      expect(verifiesAsStandard(request, application.publicKey)).toBe(true);
    }
  });

  test("that lasts ends as dead, with what was answered last", async () => {
    await insertApplication(sql, guild, receiver.url);
    await emitMessage(sql, guild, "hello");
    receiver.answer = (_request, response) => response.writeHead(503).end(`no\0thing ${"x".repeat(2000)}`);
    dispatch({ retryDelaysMs: [10, 10, 10] });
    await untilStates(["dead"]);
    expect(receiver.received).toHaveLength(4);
    const [row] = await rows();
    expect(row).toMatchObject({ attempts: 4, last_status: 503 });
    expect(row?.last_error).toMatch(/^answered 503: nothing x+$/);
    expect(row?.last_error).toHaveLength(500);
  });

  test("is written down when the text of its answer is cut within a character", async () => {
    await insertApplication(sql, guild, receiver.url);
    await emitMessage(sql, guild, "hello");
    receiver.answer = (_request, response) => response.writeHead(500).end(`${"x".repeat(485)}🐎`);
    dispatch({ retryDelaysMs: [] });
    await untilStates(["dead"]);
    expect((await rows())[0]?.last_error).toBe(`answered 500: ${"x".repeat(485)}`);
  });

  test.each(["refused", "reset", "silent"])("to answer (%s) is a failure like any other", async (how) => {
    await insertApplication(sql, guild, receiver.url);
    await emitMessage(sql, guild, "hello");
    receiver.answer = (_request, response) => {
      if (how === "reset") response.socket?.resetAndDestroy();
    };
    if (how === "refused") receiver.close();
    dispatch({ retryDelaysMs: [10], timeoutMs: 300 });
    await untilStates(["dead"]);
    expect((await rows())[0]).toMatchObject({ attempts: 2, last_status: null, last_error: expect.any(String) });
  });

  test("ends those behind it that get too old while they wait in memory", async () => {
    await insertApplication(sql, guild, receiver.url);
    for (let i = 0; i < 9; i++) await emitMessage(sql, guild, `${i}`);
    receiver.answer = () => {};
    dispatch({ retryDelaysMs: [], timeoutMs: 400, maxAgeMs: 1000 });
    await untilStates(Array(9).fill("dead"));
    expect(receiver.received.length).toBeLessThan(9);
    expect((await rows()).at(-1)).toMatchObject({ attempts: 0, last_error: "the endpoint has not answered in time" });
  });

  test("with 410 stops at once and disables the URL; what else waits can be replayed", async () => {
    const gone = await insertApplication(sql, guild, `${receiver.url}/gone`);
    const other = await insertApplication(sql, guild, `${receiver.url}/other`);
    receiver.answer = (request, response) => response.writeHead(request.path === "/gone" ? 410 : 204).end();
    for (const text of ["a", "b", "c"]) await emitMessage(sql, guild, text);
    dispatch({ perEndpoint: 1, retryDelaysMs: [10] });
    await until(async () =>
      expect((await states()).sort()).toEqual([...Array(3).fill("dead"), ...Array(3).fill("delivered")]),
    );
    expect(receiver.received.filter((request) => request.path === "/gone")).toHaveLength(1);
    expect(await statusOf(gone.id)).toBe(3);
    expect(await statusOf(other.id)).toBe(2);
  });

  test("with 410 of a URL that its owner has replaced meanwhile leaves the new one enabled", async () => {
    const application = await insertApplication(sql, guild, "https://new.example/");
    await disableEndpoint(sql, application.id, "https://old.example/", "gone");
    expect(await statusOf(application.id)).toBe(2);
    await disableEndpoint(sql, application.id, "https://new.example/", "gone");
    expect(await statusOf(application.id)).toBe(3);
  });

  test("of a key that can't be opened is kept for another try and sends nothing", async () => {
    const application = await insertApplication(sql, guild, receiver.url);
    await sql`update applications set private_key = ${Buffer.alloc(60)} where id = ${application.id}`;
    await emitMessage(sql, guild, "hello");
    dispatch({ retryDelaysMs: [10] });
    await untilStates(["dead"]);
    expect(receiver.received).toHaveLength(0);
  });
});

test("an address that is not allowed is not called", async () => {
  await insertApplication(sql, guild, receiver.url);
  await insertApplication(sql, guild, receiver.url.replace("127.0.0.1", "localhost"));
  await emitMessage(sql, guild, "hello");
  dispatch({ retryDelaysMs: [] }, []);
  await untilStates(["dead", "dead"]);
  expect(receiver.open.most).toBe(0);
  for (const row of await rows()) expect(row.last_error).toMatch(/^refused: /);
});

describe("what has changed since the event counts:", () => {
  type Change = (application: { id: string; botId: string }) => Promise<unknown>;
  const deny = Permission.VIEW_CHANNEL.toString();
  const overwrite = (target: string, type: 0 | 1, allow: string, denied: string) => sql`
    insert into permission_overwrites (channel_id, target_id, type, allow, deny)
    values (${guild.channelId}, ${target}, ${type}, ${allow}, ${denied})`;

  const deleteChannel = () => sql`delete from channels where id = ${guild.channelId}`;

  const drops: [what: string, change: Change][] = [
    ["the URL was disabled", ({ id }) => sql`update event_endpoints set status = 1 where id = ${id}`],
    ["the URL was removed", ({ id }) => sql`update event_endpoints set url = null, status = 1 where id = ${id}`],
    ["it unsubscribed", ({ id }) => sql`update event_endpoints set event_types = '{}' where id = ${id}`],
    ["its bot was kicked", ({ botId }) => sql`delete from server_members where user_id = ${botId}`],
    ["its bot was deleted", ({ botId }) => sql`delete from users where id = ${botId}`],
    ["the channel was hidden from everyone", () => overwrite(guild.id, 0, "0", deny)],
    ["the channel was hidden from the bot", ({ botId }) => overwrite(botId, 1, "0", deny)],
    ["everyone lost VIEW_CHANNEL", () => sql`update roles set permissions = '[]' where id = ${guild.id}`],
    [
      "the channel was hidden from the bot and deleted",
      async ({ botId }) => {
        await overwrite(botId, 1, "0", deny);
        await deleteChannel();
      },
    ],
    [
      "the private thread was deleted",
      async () => {
        await sql`update channels set type = 12, parent_id = null where id = ${guild.channelId}`;
        await deleteChannel();
      },
    ],
  ];
  test.each(drops)("%s, so nothing is sent", async (_what, change) => {
    const application = await insertApplication(sql, guild, receiver.url);
    await emitMessage(sql, guild, "hello");
    await change(application);
    dispatch();
    await untilStates(["dropped"]);
    expect(receiver.received).toHaveLength(0);
  });

  const sends: [what: string, change: Change][] = [
    [
      "the bot was let into a hidden channel",
      async ({ botId }) => {
        await overwrite(guild.id, 0, "0", deny);
        await overwrite(botId, 1, deny, "0");
      },
    ],
    [
      "the bot was timed out, but may view",
      ({ botId }) => sql`
      update server_members set communication_disabled_until = now() + interval '1 hour' where user_id = ${botId}`,
    ],
    ["the channel was hidden from another member", () => overwrite("1", 1, "0", deny)],
    [
      "the private thread that the bot was in was deleted",
      async ({ botId }) => {
        const { id, channelId } = guild;
        await sql`update channels set type = 12 where id = ${channelId}`;
        await sql`
          insert into threads (channel_id, server_id, parent_id, private, owner_id, auto_archive_duration, archive_due)
          values (${channelId}, ${id}, ${channelId}, true, ${botId}, 60, now())`;
        await sql`insert into thread_members (thread_id, user_id) values (${channelId}, ${botId})`;
        await deleteChannel();
      },
    ],
    [
      "the channel was deleted, and the bot could view it",
      async ({ botId }) => {
        await overwrite(guild.id, 0, "0", deny);
        await overwrite(botId, 1, deny, "0");
        await deleteChannel();
      },
    ],
  ];
  test.each(sends)("%s, so it is sent", async (_what, change) => {
    const application = await insertApplication(sql, guild, receiver.url);
    await emitMessage(sql, guild, "hello");
    await change(application);
    dispatch();
    await untilStates(["delivered"]);
  });
});

describe("several dispatchers", () => {
  test("deliver each row once", async () => {
    await insertApplication(sql, guild, receiver.url);
    await insertApplication(sql, guild, receiver.url);
    const event = { type: "MESSAGE_CREATE", guildId: guild.id, channelId: guild.channelId, data: "{}" };
    const other = connectDatabase(databaseUrl);
    dispatch();
    dispatchers.push(dispatchHere(other, { pollMs: [10, 50] }));
    for (let i = 0; i < 10; i++) await enqueueDeliveries(sql, Array(20).fill(event));
    await untilStates(Array(400).fill("delivered"));
    const ids = receiver.received.map((request) => request.headers["webhook-id"]);
    expect([ids.length, new Set(ids).size]).toEqual([400, 400]);
    for (const row of await rows()) expect(row.attempts).toBe(1);
    await Promise.all(dispatchers.splice(0).map((each) => each.stop()));
    await other.end();
  });

  test("rescue what a killed one was sending, with the same id", async () => {
    const application = await insertApplication(sql, guild, receiver.url);
    receiver.answer = () => {};
    await emitMessage(sql, guild, "hello");
    const killed = spawnDispatcher(databaseUrl, { leaseMs: 2000 });
    await until(() => expect(receiver.received).toHaveLength(1));
    killed.kill("SIGKILL");
    await new Promise((resolve) => killed.once("exit", resolve));
    receiver.answer = (_request, response) => response.writeHead(204).end();
    dispatch();
    await untilStates(["delivered"]);
    const [first, second] = receiver.received;
    expect(receiver.received).toHaveLength(2);
    expect(second?.headers["webhook-id"]).toBe(first?.headers["webhook-id"]);
    expect(second?.body).toBe(first?.body);
    expect(receiver.received.every((request) => verifiesAsDiscord(request, application.publicKey))).toBe(true);
  });

  test("refuse the result of one that comes after its lease", async () => {
    const { id } = await insertApplication(sql, guild, receiver.url);
    await emitMessage(sql, guild, "hello");
    const claim = async (worker: string) => {
      const [lease] = await claimEndpoints(sql, { worker, endpoints: 0 }, [id], 60_000);
      return lease;
    };
    const lapse = () => sql`update event_endpoint_leases set held_until = now() - interval '1 second'`;
    const slow = await claim("slow");
    expect(await claim("other")).toBeUndefined();
    await lapse();
    const rescued = await claim("other");
    await lapse();
    // Nor does the same worker's first hold end its second.
    const again = await claim("other");
    if (!slow || !rescued || !again) throw new Error("nothing was claimed");
    const look = { endpointId: slow.endpoint_id, from: 0, first: 10, due: 10, known: [], blocked: [], oldest: 0 };
    const [delivery] = await readQueue(sql, [look]);
    if (delivery === undefined) throw new Error("nothing waits");
    const outcome: Outcome = { state: "delivered", error: null, attempt: null };
    const finish = (worker: string, lease: typeof slow) =>
      createFinisher(sql, worker, 1000).finish({ lease, delivery, outcome });
    expect(await finish("slow", slow)).toBe(false);
    expect(await finish("other", rescued)).toBe(false);
    expect(await states()).toEqual(["pending"]);
    expect(await finish("other", again)).toBe(true);
    expect(await states()).toEqual(["delivered"]);
    expect(await finish("other", again)).toBe(false);
  });

  test("write the outcomes beside one that Postgres refuses", async () => {
    const { id } = await insertApplication(sql, guild, receiver.url);
    for (const text of ["a", "b", "c"]) await emitMessage(sql, guild, text);
    const [lease] = await claimEndpoints(sql, { worker: "one", endpoints: 0 }, [id], 60_000);
    if (lease === undefined) throw new Error("nothing was claimed");
    const look = { endpointId: lease.endpoint_id, from: 0, first: 10, due: 10, known: [], blocked: [], oldest: 0 };
    const finisher = createFinisher(sql, "one", 2000);
    const deliveries = await readQueue(sql, [look]);
    const finished = deliveries.map((delivery, i) =>
      // No JSON that Postgres takes: half of a pair.
      finisher.finish({ lease, delivery, outcome: { state: "dead", error: i === 1 ? "\ud83d" : null, attempt: null } }),
    );
    expect(await Promise.all(finished)).toEqual([true, false, true]);
    expect(await states()).toEqual(["dead", "pending", "dead"]);
  });

  test("hand over what is under way when one stops", async () => {
    await insertApplication(sql, guild, receiver.url);
    receiver.answer = () => {};
    await emitMessage(sql, guild, "hello");
    const stopping = dispatch();
    await until(() => expect(receiver.received).toHaveLength(1));
    await stopping.stop();
    expect(await states()).toEqual(["pending"]);
    receiver.answer = (_request, response) => response.writeHead(204).end();
    dispatch();
    await untilStates(["delivered"]);
    const ids = receiver.received.map((request) => request.headers["webhook-id"]);
    expect([ids.length, new Set(ids).size]).toEqual([2, 1]);
  });
});

describe("an endpoint that never answers", () => {
  test("does not hold up another, however much waits for it, and gets no more at once than it may", async () => {
    const blackHole = await startReceiver();
    blackHole.answer = () => {};
    const { botId } = await insertApplication(sql, guild, blackHole.url);
    for (let i = 0; i < 20; i++) {
      const other = await insertGuild(sql);
      await addBot(sql, other, botId);
      for (let j = 0; j < 5; j++) await emitMessage(sql, other, `before ${i} ${j}`);
    }
    dispatch({ total: 6, perEndpoint: 4 });
    await until(() => expect(blackHole.open.now).toBe(4));
    await insertApplication(sql, guild, receiver.url);
    for (let i = 0; i < 30; i++) await emitMessage(sql, guild, `after ${i}`);
    await until(() => expect(receiver.received).toHaveLength(30));
    expect(receiver.received.map((request) => textOf(request.body)).sort()).toEqual(
      Array.from({ length: 30 }, (_, i) => `after ${i}`).sort(),
    );
    expect([blackHole.open.most, blackHole.received.length]).toEqual([4, 4]);
    blackHole.close();
  });

  test("is tried one at a time after it failed, and as usual when it answers again", async () => {
    const failing = await startReceiver();
    const held: ServerResponse[] = [];
    failing.answer = (_request, response) => {
      failing.answer = (_retry, later) => held.push(later);
      response.writeHead(500).end();
    };
    const { botId } = await insertApplication(sql, guild, failing.url);
    await emitMessage(sql, guild, "first");
    dispatch({ perEndpoint: 4, retryDelaysMs: Array(500).fill(5) });
    await until(() => expect(failing.received.length).toBeGreaterThan(0));
    for (let i = 0; i < 10; i++) {
      const other = await insertGuild(sql);
      await addBot(sql, other, botId);
      await emitMessage(sql, other, `${i}`);
    }
    await until(() => expect(held).toHaveLength(1));
    // Once this one has arrived, the dispatcher has looked for more to do, and had reason to leave the other alone.
    await insertApplication(sql, guild, receiver.url);
    await emitMessage(sql, guild, "elsewhere");
    await until(() => expect(receiver.received).toHaveLength(1));
    expect(failing.open.most).toBe(1);
    held.pop()?.writeHead(204).end();
    await until(() => expect(held).toHaveLength(4));
    failing.answer = (_request, response) => response.writeHead(204).end();
    for (const response of held) response.writeHead(204).end();
    await untilStates(Array(13).fill("delivered"));
    expect(failing.open.most).toBe(4);
    failing.close();
  });
});
