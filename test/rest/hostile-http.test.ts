import { afterEach, describe, expect, test } from "vitest";
import { routes } from "../../src/routes/index.ts";
import { startPlatform } from "../harness/platform.ts";
import { rawExchange, rawRequest } from "../harness/raw-http.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { expectErrorBody, expectRefusal } from "./refusal.ts";

const platform = await startPlatform();
const person = await platform.person();
const guild = await platform.guild(person);
const authorization = person.token ?? "";
const fingerprint = await fingerprintOf(platform.stores);
const origin = platform.url();
const messages = `/api/v10/channels/${guild.channelId}/messages`;
const MIB = 1024 * 1024;

// Whatever was asked before: the process lives and serves.
afterEach(async () => {
  expect((await person.get("/users/@me")).id).toBe(person.id);
});

describe("paths and methods", () => {
  test.each([
    "/api/v10/nothing",
    "/api/v10",
    "/api/v10/",
    "/api/v11/users/@me",
    "/api/v10/users/@me/",
    "/api/v10//users/@me",
    "/api/v10/users/@me/guilds/1/2/3/4",
    "/users/@me",
    "/",
    "/api/v10/%",
    "/api/v10/%ff%fe",
    "/api/v10/../../etc/passwd",
    "/api/v10/%2e%2e/%2e%2e/etc/passwd",
    "/api/v10/__proto__",
    "/api/v10/constructor/prototype",
    `/api/v10/${"a/".repeat(2000)}`,
  ])("GET %s is 404", async (path) => {
    expectRefusal(await rawRequest(origin, "GET", path, { headers: { authorization } }), 404, 0);
  });

  test("a path that a route has, asked with another method, is 405 and says which it takes", async () => {
    const known = new Map<string, Set<string>>();
    for (const { path, method } of routes) known.set(path, (known.get(path) ?? new Set()).add(method));
    for (const [path, methods] of known) {
      // These fit a route with a parameter too, which takes other methods.
      if (/@me|bulk-delete|messages\/pins$|webhook_id\/token$|commands\/permissions$/.test(path)) continue;
      // A page of its own answers GET there.
      if (path === "/oauth2/authorize") continue;
      for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"]) {
        if (methods.has(method)) continue;
        const answer = await rawRequest(origin, method, `/api/v10${path.replace(/:\w+/g, "1")}`);
        expectRefusal(answer, 405, 0);
        expect(answer.headers.get("allow")?.split(", ").sort()).toEqual([...methods].sort());
      }
    }
  });

  test("/api/v9 and /api without a version are the same API", async () => {
    for (const root of ["/api/v10", "/api/v9", "/api"]) {
      const answer = await rawRequest(origin, "GET", `${root}/users/@me`, { headers: { authorization } });
      expect(answer).toMatchObject({ status: 200, body: { id: person.id } });
    }
  });
});

describe("a body that is too large", () => {
  const large = Buffer.alloc(MIB + 1, " ");

  test("is 413, told by content-length, without being read", async () => {
    const headers = { authorization, "content-type": "application/json", "content-length": String(500 * MIB) };
    expectRefusal(await rawRequest(origin, "POST", messages, { headers, body: [Buffer.from("{")] }), 413, 40005);
  });

  test("is 413, told by content-length, when it is all there", async () => {
    const headers = { authorization, "content-length": String(large.length) };
    expectRefusal(await rawRequest(origin, "POST", messages, { headers, body: large }), 413, 40005);
  });

  test("is 413 when it comes in chunks", async () => {
    const headers = { authorization, "transfer-encoding": "chunked" };
    const body = Array.from({ length: 200 }, () => Buffer.alloc(64 * 1024, " "));
    expectRefusal(await rawRequest(origin, "POST", messages, { headers, body }), 413, 40005);
  });

  test("is not read at all from somebody who may not send one", async () => {
    const headers = { "content-length": String(500 * MIB) };
    expectRefusal(await rawRequest(origin, "POST", messages, { headers, body: [Buffer.from("{")] }), 401, 0);
  });

  test("one of exactly 1 MiB is read, in one piece and in chunks", async () => {
    const text = JSON.stringify({ content: "at the limit" });
    const exact = Buffer.from(text + " ".repeat(MIB - text.length));
    const framings: Record<string, string>[] = [{}, { "transfer-encoding": "chunked" }];
    for (const framing of framings) {
      const headers = { authorization, ...framing };
      const answer = await rawRequest(origin, "POST", messages, { headers, body: exact });
      expect(answer).toMatchObject({ status: 200, body: { content: "at the limit" } });
    }
  });
});

describe("JSON meant to break", () => {
  const post = (body: string | Buffer) =>
    rawRequest(origin, "POST", messages, { headers: { authorization, "content-type": "application/json" }, body });

  test.each([
    ["arrays in arrays", "[".repeat(500_000) + "]".repeat(500_000)],
    ["objects in objects", `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`],
    ["half of it", "[".repeat(1_000_000)],
    ["with escapes to clean", `${'["\\u0000",'.repeat(50_000)}1${"]".repeat(50_000)}`],
  ])("%s, very deep, is a 400", async (_what, text) => {
    const before = await fingerprint();
    const answer = await post(text);
    expect(answer.status).toBe(400);
    expectErrorBody(answer);
    expect(await fingerprint()).toEqual(before);
  });

  test("a deep value in a field that nobody reads does no harm", async () => {
    const deep = "[".repeat(100_000) + "]".repeat(100_000);
    expect(await post(`{"content":"deep","nonsense":${deep}}`)).toMatchObject({ status: 200 });
  });

  test("of a key that comes twice the last counts", async () => {
    expect(await post('{"content":"first","content":"last"}')).toMatchObject({ body: { content: "last" } });
  });

  test("__proto__ and constructor are keys like any other", async () => {
    const answer = await post(
      '{"content":"kept","__proto__":{"tts":true,"polluted":1},"constructor":{"prototype":{"polluted":1}}}',
    );
    expect(answer).toMatchObject({ status: 200, body: { content: "kept", tts: false } });
    expect(Reflect.get({}, "polluted")).toBeUndefined();
    expectRefusal(await post('{"__proto__":{"content":"inherited"}}'), 400, 50006);
    expectRefusal(await post('{"embeds":[{"__proto__":{},"fields":[{"__proto__":[]}]}]}'), 400, 50035);
  });

  test("bytes that aren't UTF-8 are no 500, and what is stored is what is answered", async () => {
    const bytes = Buffer.concat([Buffer.from('{"content":"a'), Buffer.from([0xff, 0xc0, 0x80]), Buffer.from('b"}')]);
    const answer = await post(bytes);
    expect(answer.status).toBe(200);
    const stored = await person.get(`/channels/${guild.channelId}/messages/${answer.body.id}`);
    expect(stored.content).toBe(answer.body.content);
  });

  test("NUL and half surrogate pairs are taken out, the same in answer, event and database", async () => {
    const socket = await platform.socket(person);
    const title = "t\\u0000\\ud800";
    const answer = await post(
      `{"content":"a\\u0000b\\ud800c","embeds":[{"title":"${title}","footer":{"text":"${title}"}}]}`,
    );
    expect(answer).toMatchObject({
      status: 200,
      body: { content: "ab\ufffdc", embeds: [{ title: "t\ufffd", footer: { text: "t\ufffd" } }] },
    });
    const { d } = await socket.event("MESSAGE_CREATE", (message) => message.id === answer.body.id);
    const stored = await person.get(`/channels/${guild.channelId}/messages/${answer.body.id}`);
    for (const { content, embeds } of [d, stored]) {
      expect({ content, embeds }).toEqual({ content: answer.body.content, embeds: answer.body.embeds });
    }
    socket.close();
  });

  test("other characters come through as they are", async () => {
    const content = "\u0001\u007f\u0085\u2028\u202e\ufeff\u{10ffff}\u{1f468}\u200d\u{1f469}e\u0301";
    const { id } = (await post(JSON.stringify({ content }))).body;
    expect((await person.get(`/channels/${guild.channelId}/messages/${id}`)).content).toBe(content);
  });
});

describe("headers and bytes meant to break", () => {
  test("a reason for the audit log that is no URL encoding, too long, or has NUL", async () => {
    const ban = (reason: string) =>
      person.request("PUT", `/guilds/${guild.id}/bans/1`, {}, { "x-audit-log-reason": reason });
    // Nobody is banned: the user doesn't exist.
    for (const reason of ["%", "%E0%A4%A", "100% sure", "a%00b", "\u00ff"])
      expectRefusal(await ban(reason), 404, 10013);
    expectRefusal(await ban("x".repeat(5000)), 400, 50035);
  });

  test.each([
    ["no HTTP", "hello\r\n\r\n"],
    ["half a request", "POST /api/v10/users/@me HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{"],
    ["two lengths", "POST /api/v10/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}"],
    [
      "length and chunks",
      "POST /api/v10/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    ["a negative length", "POST /api/v10/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"],
    ["a bad chunk", "POST /api/v10/auth/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"],
    ["a header with NUL", "GET /api/v10/users/@me HTTP/1.1\r\nHost: x\r\nX-A: \u0000\r\n\r\n"],
    ["a header of 20 KB", `GET /api/v10/users/@me HTTP/1.1\r\nHost: x\r\nX-A: ${"a".repeat(20_000)}\r\n\r\n`],
    ["an address for a path", "GET http://169.254.169.254/latest/meta-data HTTP/1.1\r\nHost: x\r\n\r\n"],
    ["an asterisk for a path", "GET * HTTP/1.1\r\nHost: x\r\n\r\n"],
    ["no host", "GET /api/v10/users/@me HTTP/1.1\r\n\r\n"],
  ])("%s gets a 4xx or nothing", async (_what, bytes) => {
    const answer = await rawExchange(origin, bytes);
    if (answer !== "") expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
  });
});
