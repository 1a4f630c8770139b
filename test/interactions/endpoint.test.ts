import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { verifyKey } from "discord-interactions";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { freePort } from "../../bin/services/free-port.ts";
import { connectDatabase } from "../../core/db.ts";
import { openEgress } from "../../core/egress.ts";
import { parseNetworks } from "../../core/egress-rules.ts";
import { createLogger } from "../../core/log.ts";
import { probeEndpoints } from "../../src/interactions/verify.ts";
import { startBot } from "../clients/bot-process.ts";
import type { Json } from "../harness/client.ts";
import { makeStage } from "../harness/interactions.ts";
import { addApi, startPlatform } from "../harness/platform.ts";

const clock = { ahead: 0 };
const platform = await startPlatform({ apis: 0 });
await addApi(platform, {}, { now: () => Date.now() + clock.ahead });
const stage = await makeStage(platform);
const { bot, memberSocket } = stage;
const anyone = platform.anonymous();
const { verify_key: publicKey } = await bot.get("/applications/@me");
const command = await stage.command({ name: "ping", options: [{ type: 11, name: "file", description: "d" }] });

/** What a receiver does with a request; `genuine` by discord-interactions. */
type Behaviour = (request: { genuine: boolean; told: Json; text: string }, response: ServerResponse) => unknown;

const json = (response: ServerResponse, body: object, status = 200, type = "application/json") =>
  response.writeHead(status, { "content-type": type }).end(JSON.stringify(body));

/** As it should be: refuses what isn't signed, answers a PING, and all else by `then`. */
const proper =
  (then: Behaviour = (_request, response) => json(response, { type: 4, data: { content: "pong" } })): Behaviour =>
  (request, response) => {
    if (!request.genuine) return response.writeHead(401).end();
    return request.told.type === 1 ? json(response, { type: 1 }) : then(request, response);
  };

let behaviour: Behaviour = proper();
const received: { genuine: boolean; told: Json; headers: IncomingMessage["headers"] }[] = [];
const receiver = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  const header = (name: string) => String(request.headers[name] ?? "");
  const genuine = await verifyKey(text, header("x-signature-ed25519"), header("x-signature-timestamp"), publicKey);
  const told = JSON.parse(text);
  received.push({ genuine, told, headers: request.headers });
  behaviour({ genuine, told, text }, response);
});
await new Promise<void>((done) => receiver.listen(0, "127.0.0.1", done));
afterAll(() => receiver.close());
const portOf = (address: AddressInfo | string | null) => (typeof address === "object" ? (address?.port ?? 0) : 0);
const URL_ = `http://127.0.0.1:${portOf(receiver.address())}/interactions`;

const save = (url: string | null) => bot.request("PATCH", "/applications/@me", { interactions_endpoint_url: url });

/** Sets a receiver that behaves so. */
async function receive(next: Behaviour): Promise<void> {
  behaviour = next;
  const saved = await save(URL_);
  expect(saved.status, JSON.stringify(saved.body)).toBe(200);
  received.length = 0;
}

let uses = 0;
/** Uses the command; the nonce by which the person hears of it. */
async function use(): Promise<string> {
  const nonce = `http ${++uses}`;
  expect((await stage.tries(2, { id: command.id }, { nonce })).status).toBe(204);
  return nonce;
}
const succeeded = (nonce: string) => memberSocket.event("INTERACTION_SUCCESS", (d) => d.nonce === nonce);
const failed = (nonce: string) => memberSocket.event("INTERACTION_FAILURE", (d) => d.nonce === nonce);

afterEach(() => {
  clock.ahead = 0;
});

describe("a URL is saved", () => {
  test("when it answers a PING and refuses a forged one", async () => {
    await receive(proper());
    expect((await bot.get("/applications/@me")).interactions_endpoint_url).toBe(URL_);
    expect((await save(null)).body.interactions_endpoint_url).toBeNull();
    expect((await save("")).body.interactions_endpoint_url).toBeNull();
  });

  test.each<[string, Behaviour]>([
    ["accepts a bad signature", (_request, response) => json(response, { type: 1 })],
    ["refuses a good one", (_request, response) => response.writeHead(401).end()],
    [
      "answers no PONG",
      (request, response) => (request.genuine ? json(response, { type: 4 }) : response.writeHead(401).end()),
    ],
    [
      "answers no JSON",
      (request, response) => (request.genuine ? response.end("pong") : response.writeHead(401).end()),
    ],
    [
      "has another content type",
      (request, response) =>
        request.genuine ? json(response, { type: 1 }, 200, "text/html") : response.writeHead(401).end(),
    ],
    ["answers with 204", (request, response) => response.writeHead(request.genuine ? 204 : 401).end()],
    ["leads elsewhere", (_request, response) => response.writeHead(302, { location: URL_ }).end()],
    [
      "says 403 to a bad signature",
      (request, response) => (request.genuine ? json(response, { type: 1 }) : response.writeHead(403).end()),
    ],
    ["takes more than three seconds", () => {}],
  ])("not when it %s", async (_what, next) => {
    behaviour = next;
    const { status, body } = await save(URL_);
    expect([status, body.code]).toEqual([400, 50035]);
    const [fault] = body.errors.interactions_endpoint_url._errors;
    expect(fault.code).toBe("APPLICATION_INTERACTIONS_ENDPOINT_URL_INVALID");
    expect((await bot.get("/applications/@me")).interactions_endpoint_url).toBeNull();
  });

  test.each(["http://10.0.0.1/", "http://169.254.169.254/latest", "http://[::ffff:10.0.0.1]/", "http://0x0a000001/"])(
    "not to an internal address: %s",
    async (url) => {
      expect((await save(url)).body.code).toBe(50035);
    },
  );

  test("others can't set it", async () => {
    expect(
      (await stage.member.request("PATCH", `/applications/${bot.id}`, { interactions_endpoint_url: URL_ })).body.code,
    ).toBe(10002);
  });
});

describe("an interaction over HTTP", () => {
  test("is signed, goes to the URL and not to the gateway, and is answered in its body", async () => {
    await receive(proper());
    const before = stage.botSocket.received.length;
    const nonce = await use();
    const { d } = await succeeded(nonce);
    const message = await memberSocket.event("MESSAGE_CREATE", (one) => one.interaction_metadata?.id === d.id);
    expect(message.d).toMatchObject({ content: "pong", author: { id: bot.id } });
    expect(received).toHaveLength(1);
    expect(received[0]).toMatchObject({
      genuine: true,
      told: { id: d.id, type: 2, data: { name: "ping" } },
      headers: { "content-type": "application/json" },
    });
    await stage.botSocket.settled();
    expect(stage.botSocket.received.slice(before).filter(({ t }) => t === "INTERACTION_CREATE")).toEqual([]);
    // Follow-ups are the same as over the gateway.
    const hook = `/webhooks/${bot.id}/${received[0]?.told.token}`;
    expect(await anyone.post(hook, { content: "more" })).toMatchObject({ content: "more" });
    expect(
      (await anyone.request("POST", `/interactions/${d.id}/${received[0]?.told.token}/callback`, { type: 5 })).body
        .code,
    ).toBe(40060);
  });

  test("may be answered by a form with files", async () => {
    await receive(
      proper((_request, response) => {
        const part = (name: string, content: string, more = "") =>
          `--b\r\ncontent-disposition: form-data; name="${name}"${more}\r\n\r\n${content}\r\n`;
        const payload = JSON.stringify({ type: 4, data: { content: "with a file" } });
        const body = `${part("payload_json", payload)}${part("files[0]", "passed", '; filename="log.txt"')}--b--\r\n`;
        response.writeHead(200, { "content-type": "multipart/form-data; boundary=b" }).end(body);
      }),
    );
    const { d } = await succeeded(await use());
    const { d: message } = await memberSocket.event("MESSAGE_CREATE", (one) => one.interaction_metadata?.id === d.id);
    expect(message).toMatchObject({ content: "with a file", attachments: [{ filename: "log.txt", size: 6 }] });
  });

  test("may be answered by the callback route, and the request with 202", async () => {
    await receive(
      proper(async ({ told }, response) => {
        await anyone.post(`/interactions/${told.id}/${told.token}/callback`, {
          type: 4,
          data: { content: "by route" },
        });
        response.writeHead(202).end();
      }),
    );
    const { d } = await succeeded(await use());
    await memberSocket.event(
      "MESSAGE_CREATE",
      (one) => one.interaction_metadata?.id === d.id && one.content === "by route",
    );
  });

  test.each<[string, Behaviour]>([
    ["500", (_request, response) => response.writeHead(500).end()],
    ["no JSON", (_request, response) => json(response, { type: 4, data: { content: "x" } }, 200, "text/plain")],
    [
      "half of it",
      (_request, response) => response.writeHead(200, { "content-type": "application/json" }).end('{"type":4'),
    ],
    [
      "a message that is too long",
      (_request, response) => json(response, { type: 4, data: { content: "x".repeat(2001) } }),
    ],
    ["what doesn't fit", (_request, response) => json(response, { type: 8, data: { choices: [] } })],
    ["a cut connection", (_request, response) => response.destroy()],
    ["nothing", () => {}],
    ["202 and nothing more", (_request, response) => response.writeHead(202).end()],
  ])("%s is a failure that the person hears of", async (_what, then) => {
    await receive(proper(then));
    const nonce = await use();
    const { d } = await failed(nonce);
    expect(d).toEqual({ id: received[0]?.told.id, nonce });
    const late = await anyone.request("POST", `/interactions/${d.id}/${received[0]?.told.token}/callback`, { type: 5 });
    expect(late.body.code).toBe(10062);
  });
});

describe("later", () => {
  const DAY_MS = 24 * 3600_000;
  const state = () => bot.get(`/applications/${bot.id}/interactions-endpoint`);
  const sql = connectDatabase(platform.stores.databaseUrl, { name: "test" });
  const egress = openEgress({ allow: parseNetworks(["127.0.0.0/8"]) });
  afterAll(async () => {
    await egress.close();
    await sql.end();
  });
  let ids = 0;
  const probe = () =>
    probeEndpoints({
      sql,
      egress,
      config: platform.config(),
      log: createLogger("silent", "test"),
      nextId: () => String(++ids),
      now: () => Date.now() + clock.ahead,
    });

  test("each day it gets forged requests; with the third that it lets pass it is removed, and the owner can read why", async () => {
    const ownerSocket = await platform.socket(stage.owner);
    await receive(proper());
    await probe();
    expect(received, "it was checked a moment ago").toHaveLength(0);
    clock.ahead = DAY_MS;
    await Promise.all([probe(), probe()]);
    expect(
      received.map(({ genuine }) => genuine),
      "by one process",
    ).toEqual([false]);
    expect(await state()).toMatchObject({ url: URL_, failures: 0, removed_at: null });
    behaviour = (_request, response) => json(response, { type: 1 });
    for (const failures of [1, 2]) {
      clock.ahead += DAY_MS;
      await probe();
      expect(await state()).toMatchObject({ url: URL_, failures, fault: expect.stringContaining("401") });
    }
    behaviour = proper();
    clock.ahead += DAY_MS;
    await probe();
    expect(await state(), "one that it refuses sets the count back").toMatchObject({ failures: 0, fault: null });
    behaviour = (_request, response) => json(response, { type: 1 });
    for (let i = 0; i < 3; i++) {
      clock.ahead += DAY_MS;
      await probe();
    }
    expect(await state()).toMatchObject({
      url: null,
      failures: 3,
      removed_at: expect.any(String),
      fault: expect.stringContaining("401"),
    });
    const { d } = await ownerSocket.event("EVENT_ENDPOINT_DISABLED");
    expect(d).toEqual({
      application_id: bot.id,
      interactions_endpoint_url: null,
      reason: expect.stringContaining("401"),
    });
    // From now on by the gateway again.
    clock.ahead = 0;
    const told = await stage.use(2, { id: command.id });
    expect((await stage.answer(told, { type: 5 })).status).toBe(204);
  });

  test("one that is away for a while is not removed", async () => {
    await receive(proper());
    behaviour = (_request, response) => response.writeHead(503).end();
    for (let i = 1; i <= 4; i++) {
      clock.ahead = i * DAY_MS;
      await probe();
    }
    expect(await state()).toMatchObject({ url: URL_, failures: 0 });
    clock.ahead = 0;
    await save(null);
  });
});

test("an application without a bot, of which only the commands were added, answers by its URL in its own name", async () => {
  const { owner, guildId, member, channelId } = stage;
  const application = await owner.post("/applications", { name: "Botless" });
  await owner.post(`/oauth2/authorize?client_id=${application.id}&scope=applications.commands`, {
    guild_id: guildId,
    authorize: true,
  });
  const path = `/applications/${application.id}`;
  const made = await owner.post(`${path}/guilds/${guildId}/commands`, { name: "botless", description: "d" });
  const ofIts = await freePort();
  const example = startBot("node", ["examples/http-interactions-app.mjs"], {
    PUBLIC_KEY: application.verify_key,
    PORT: String(ofIts),
  });
  try {
    await example.says("ready on");
    await owner.patch(path, { interactions_endpoint_url: `http://127.0.0.1:${ofIts}/` });
    const body = {
      type: 2,
      application_id: application.id,
      guild_id: guildId,
      channel_id: channelId,
      nonce: "botless",
    };
    expect((await member.request("POST", "/interactions", { ...body, data: { id: made.id } })).status).toBe(204);
    const { d } = await succeeded("botless");
    const { d: hello } = await memberSocket.event("MESSAGE_CREATE", (one) => one.interaction_metadata?.id === d.id);
    expect(hello).toMatchObject({
      author: { id: application.id, username: "Botless" },
      application_id: application.id,
    });
    const press = { type: 3, message_id: hello.id, data: { component_type: 2, custom_id: "again" } };
    expect((await member.request("POST", "/interactions", { ...body, ...press })).status).toBe(204);
    await memberSocket.event("MESSAGE_UPDATE", (one) => one.id === hello.id && one.content === "Hello again");
  } finally {
    await example.stop();
  }
});

test("the example in examples/ is one", async () => {
  const port = await freePort();
  const example = startBot("node", ["examples/http-interactions-app.mjs"], {
    PUBLIC_KEY: publicKey,
    PORT: String(port),
  });
  try {
    await example.says("ready on");
    expect((await save(`http://127.0.0.1:${port}/`)).status).toBe(200);
    const { d } = await succeeded(await use());
    const { d: hello } = await memberSocket.event("MESSAGE_CREATE", (one) => one.interaction_metadata?.id === d.id);
    expect(hello.content).toMatch(/^Hello member_/);
    const press = { component_type: 2, custom_id: "again" };
    expect((await stage.tries(3, press, { message_id: hello.id })).status).toBe(204);
    await memberSocket.event("MESSAGE_UPDATE", (one) => one.id === hello.id && one.content === "Hello again");
  } finally {
    await example.stop();
  }
});
