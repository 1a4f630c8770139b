import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { createCdn } from "../../core/cdn.ts";
import type { Answer, Json } from "../harness/client.ts";
import { form, png } from "../harness/forms.ts";
import { startPlatform } from "../harness/platform.ts";
import { rawExchange, rawRequest } from "../harness/raw-http.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { expectRefusal } from "./refusal.ts";

const MAX_FILE_BYTES = 1024 * 1024;
const platform = await startPlatform({ env: { MAX_FILE_BYTES: String(MAX_FILE_BYTES) } });
const owner = await platform.person("owner");
const guild = await platform.guild(owner);
const messages = `/channels/${guild.channelId}/messages`;
const path = `/api/v10${messages}`;
const authorization = owner.token ?? "";
const fingerprint = await fingerprintOf(platform.stores);

const upload = async (name: string, bytes: string | Uint8Array): Promise<Json> =>
  (await owner.post(messages, form({}, [name, bytes]))).attachments[0];
const leftovers = () => readdir(join(platform.stores.dir, "files/incoming")).catch(() => []);

// Whatever was sent before: the process lives, and nothing half received is left.
afterEach(async () => {
  expect((await owner.get("/users/@me")).id).toBe(owner.id);
  await expect.poll(leftovers).toEqual([]);
});

describe("names", () => {
  test.each([
    ["../../../etc/passwd", "passwd"],
    ["..\\..\\windows\\system.ini", "system.ini"],
    ["/absolute/path.txt", "path.txt"],
    ["two words (1).txt", "two_words_1.txt"],
    ["..", "unknown"],
    [".htaccess", "unknown.htaccess"],
    ['quote".txt', "quote.txt"],
    ["q?ex=1&is=2#f.txt", "qex1is2f.txt"],
    ["<img src=x onerror=alert(1)>.txt", "img_srcx_onerroralert1.txt"],
    ["テスト.txt", "unknown.txt"],
    ["\u202etxt.exe", "txt.exe"],
    [`${"x".repeat(300)}.txt`, `${"x".repeat(251)}.txt`],
  ])("%j is told as %s", async (name, safe) => {
    const { body } = await owner.request(
      "POST",
      messages,
      form({ attachments: [{ id: 0, filename: name }] }, ["f", "x"]),
    );
    expect(body.attachments[0].filename).toBe(safe);
    expect((await fetch(body.attachments[0].url)).headers.get("content-disposition")).toContain(`filename="${safe}"`);
  });
});

describe("what is served", () => {
  const html = "<!doctype html><script>alert(document.domain)</script>";
  test.each([
    ["page.html", html, "text/plain; charset=utf-8", "inline"],
    ["page.png", html, "text/plain; charset=utf-8", "inline"],
    [
      "image.svg",
      '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
      "text/plain; charset=utf-8",
      "inline",
    ],
    ["data.json", '{"a":1}', "application/json; charset=utf-8", "attachment"],
    ["script.js", "alert(1)", "text/plain; charset=utf-8", "inline"],
    ["paper.pdf", "%PDF-1.7 <script>", "application/pdf", "attachment"],
    ["both.gif", `GIF89a/*${html}*/=1;`, "image/gif", "inline"],
    ["binary.html", Buffer.concat([Buffer.from(html), Buffer.from([0])]), "application/octet-stream", "attachment"],
    ["utf16.html", Buffer.from(`\ufeff${html}`, "utf16le"), "application/octet-stream", "attachment"],
    ["empty.html", "", "text/plain; charset=utf-8", "inline"],
  ])("%s is nothing that can run", async (name, bytes, type, disposition) => {
    const attachment = await upload(name, bytes);
    expect(attachment).toMatchObject({ content_type: type, size: Buffer.byteLength(bytes) });
    const response = await fetch(attachment.url);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": type,
      "content-disposition": `${disposition}; filename="${name}"`,
      "x-content-type-options": "nosniff",
      "content-security-policy": expect.stringMatching(/default-src 'none'.*sandbox$/),
    });
    expect(Buffer.from(await response.arrayBuffer())).toEqual(Buffer.from(bytes));
  });

  test("can be asked for in part, and again without being sent", async () => {
    const { url } = await upload("digits.txt", "0123456789");
    const get = async (headers: Record<string, string>) => {
      const response = await fetch(url, { headers });
      return [response.status, response.headers.get("content-range"), await response.text()];
    };
    expect(await get({ range: "bytes=2-4" })).toEqual([206, "bytes 2-4/10", "234"]);
    expect(await get({ range: "bytes=7-" })).toEqual([206, "bytes 7-9/10", "789"]);
    expect(await get({ range: "bytes=-3" })).toEqual([206, "bytes 7-9/10", "789"]);
    expect(await get({ range: "bytes=8-999" })).toEqual([206, "bytes 8-9/10", "89"]);
    expect(await get({ range: "bytes=10-" })).toEqual([416, "bytes */10", ""]);
    for (const range of ["bytes=-0", "bytes=99999999999999-"]) expect((await get({ range }))[0]).toBe(416);
    for (const range of ["bytes=4-2", "bytes=0-1,3-4", "bytes=-", "lines=1-2", "bytes=a-b"]) {
      expect(await get({ range })).toEqual([200, null, "0123456789"]);
    }
    const etag = (await fetch(url)).headers.get("etag") ?? "";
    expect(await get({ "if-none-match": etag })).toEqual([304, null, ""]);
    expect(await get({ range: "bytes=2-4", "if-range": etag })).toEqual([206, "bytes 2-4/10", "234"]);
    expect(await get({ range: "bytes=2-4", "if-range": '"other"' })).toEqual([200, null, "0123456789"]);
    const head = await fetch(url, { method: "HEAD" });
    expect([head.status, head.headers.get("content-length")]).toEqual([200, "10"]);
  });

  test("is gone with its message", async () => {
    const message = await owner.post(messages, form({}, ["gone.txt", "x"]));
    await owner.delete(`${messages}/${message.id}`);
    expect((await fetch(message.attachments[0].url)).status).toBe(404);
  });
});

describe("a URL's signature", () => {
  test("is of one file, one name, one time", async () => {
    const one = new URL((await upload("one.txt", "1")).url);
    const two = new URL((await upload("two.txt", "2")).url);
    const changed = (change: (url: URL) => void) => {
      const url = new URL(one);
      change(url);
      return url;
    };
    const flipped = one.searchParams.get("hm")?.replace(/^./, (digit) => (digit === "0" ? "1" : "0")) ?? "";
    const wrong = [
      changed((url) => url.searchParams.delete("hm")),
      changed((url) => (url.search = "")),
      changed((url) => url.searchParams.set("hm", flipped)),
      changed((url) => url.searchParams.set("hm", "é".repeat(64))),
      changed((url) => url.searchParams.set("hm", two.searchParams.get("hm") ?? "")),
      changed((url) => url.searchParams.set("ex", "ffffffff")),
      changed((url) => url.searchParams.set("is", "0")),
      changed((url) => (url.pathname = two.pathname)),
      changed((url) => (url.pathname = url.pathname.replace("one.txt", "one.html"))),
      changed((url) => (url.pathname = url.pathname.replace("one.txt", "..%2f..%2fsecret"))),
      changed((url) => (url.pathname = url.pathname.replace(guild.channelId, guild.id))),
    ];
    for (const url of wrong) expect((await fetch(url)).status, url.href).toBe(404);
    expect((await fetch(one)).status).toBe(200);
  });

  test("ends", () => {
    const cdn = createCdn("http://cdn", Buffer.alloc(32, 1));
    const url = new URL(cdn.attachmentUrl({ id: "2", channel_id: "1", filename: "a.txt" }));
    const { ex = "", is = "", hm = "" } = Object.fromEntries(url.searchParams);
    const now = Date.now();
    const at = (ms: number) => {
      const clock = Date.now;
      Date.now = () => now + ms;
      try {
        return cdn.verify("attachments/1/2/a.txt", { ex, is, hm });
      } finally {
        Date.now = clock;
      }
    };
    expect([at(0), at(24 * 3600_000), at(48 * 3600_000)]).toEqual([true, true, false]);
    expect(createCdn("http://cdn", Buffer.alloc(32, 2)).verify("attachments/1/2/a.txt", { ex, is, hm })).toBe(false);
  });
});

describe("pictures", () => {
  test("that claim to be huge, or are broken, are files without a size; nothing is unpacked", async () => {
    for (const [width, height] of [
      [65_535, 65_535],
      [2 ** 31 - 1, 2 ** 31 - 1],
      [0, 0],
    ] as const) {
      const attachment = await upload("bomb.png", png(width, height, Buffer.alloc(10)));
      expect(attachment).toMatchObject({ content_type: "image/png" });
      expect(attachment).not.toHaveProperty("width");
    }
    const broken = await upload("broken.png", png(5, 5).subarray(0, 20));
    expect(broken).not.toHaveProperty("width");
  });
});

describe("forms", () => {
  const BOUNDARY = "frontier";
  const part = (name: string, value: string) =>
    `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
  const file = (value: string | Buffer, name = "a.txt") =>
    `--${BOUNDARY}\r\nContent-Disposition: form-data; name="files[0]"; filename="${name}"\r\n\r\n${value}`;
  const end = `\r\n--${BOUNDARY}--\r\n`;
  const post = (body: string | Buffer | readonly Buffer[], headers: Record<string, string> = {}): Promise<Answer> =>
    rawRequest(platform.url(), "POST", path, {
      headers: { authorization, "content-type": `multipart/form-data; boundary=${BOUNDARY}`, ...headers },
      body,
    });

  test("by hand are read", async () => {
    const { body } = await post(part("payload_json", '{"content":"by hand"}') + file("bytes") + end);
    expect(body).toMatchObject({ content: "by hand", attachments: [{ filename: "a.txt", size: 5 }] });
  });

  test.each([
    ["cut off in a file", file("bytes")],
    ["cut off in a header", `--${BOUNDARY}\r\nContent-Dispo`],
    ["with another boundary", (part("content", "x") + end).replaceAll(BOUNDARY, "other")],
    ["of nothing", "x"],
    ["with too many fields", Array.from({ length: 50 }, (_, i) => part(`f${i}`, "x")).join("") + end],
    ["with a part without a name", `--${BOUNDARY}\r\n\r\nx${end}`],
  ])("%s are refused, and nothing has changed", async (_what, body) => {
    const before = await fingerprint();
    const answer = await post(body);
    expect(answer.status).toBe(400);
    expect([50035, 50006]).toContain(answer.body.code);
    expect(await fingerprint()).toEqual(before);
  });

  test.each([
    "multipart/form-data",
    "multipart/form-data; boundary=",
    `multipart/form-data; boundary=${"b".repeat(5000)}`,
  ])("with content type %.40s are refused", async (type) => {
    expect((await post(file("x") + end, { "content-type": type })).status).toBe(400);
  });

  test("with a header or a field without end are refused", async () => {
    const long = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${"x".repeat(100_000)}"\r\n\r\nx${end}`;
    expect((await post(long)).status).toBe(400);
    expectRefusal(await post(part("payload_json", " ".repeat(1024 * 1024 + 1)) + end), 413, 40005);
  });

  test("with names that JavaScript's objects have are read as any", async () => {
    const { status, body } = await post(
      part("__proto__", "x") + part("constructor", "x") + part("content", "fine") + end,
    );
    expect([status, body.content.trim()]).toEqual([200, "fine"]);
  });

  test("with a file that is too large are 413: by their length, when all is there, and in chunks", async () => {
    const before = await fingerprint();
    const much = { "content-length": String(100 * MAX_FILE_BYTES) };
    expectRefusal(await post([Buffer.from(file("x"))], much), 413, 40005);
    const large = file(Buffer.alloc(MAX_FILE_BYTES + 1, "x")) + end;
    expectRefusal(await post(large), 413, 40005);
    const chunks = Array.from({ length: 40 }, () => Buffer.alloc(64 * 1024, "x"));
    expectRefusal(await post([Buffer.from(file("")), ...chunks], { "transfer-encoding": "chunked" }), 413, 40005);
    const preamble = Array.from({ length: 300 }, () => Buffer.alloc(64 * 1024, "x"));
    expectRefusal(await post(preamble, { "transfer-encoding": "chunked" }), 413, 40005);
    expect(await fingerprint()).toEqual(before);
  });

  test("with a file of just the size are taken", async () => {
    const { body } = await post(file(Buffer.alloc(MAX_FILE_BYTES, "x")) + end);
    expect(body.attachments[0].size).toBe(MAX_FILE_BYTES);
  });

  test("whose sender goes away leave nothing", async () => {
    const before = await fingerprint();
    const socket = connect(Number(new URL(platform.url()).port), "127.0.0.1");
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nContent-Length: 900000\r\n` +
        `Content-Type: multipart/form-data; boundary=${BOUNDARY}\r\n\r\n${file("x".repeat(100_000))}`,
    );
    await expect.poll(leftovers).toHaveLength(1);
    socket.destroy();
    await once(socket, "close");
    await expect.poll(leftovers).toEqual([]);
    expect(await fingerprint()).toEqual(before);
  });

  test("to routes that take none, or from nobody, are not read", async () => {
    const body = part("payload_json", '{"name":"x"}') + end;
    const headers = { authorization, "content-type": `multipart/form-data; boundary=${BOUNDARY}` };
    const guilds = await rawRequest(platform.url(), "POST", "/api/v10/guilds", { headers, body });
    expectRefusal(guilds, 400, 50109);
    expectRefusal(await post(file("x") + end, { authorization: "Bot nobody" }), 401, 0);
  });
});

test("paths of the CDN that are none are 404", async () => {
  for (const wrong of [
    "",
    "/",
    "/attachments",
    "/attachments/1/2",
    "/attachments/1/2/a/b",
    "/../files",
    "/%2e%2e/secret",
    "/files/x",
  ]) {
    expect(
      await rawExchange(platform.url(), `GET /cdn${wrong} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`),
    ).toMatch(/^HTTP\/1.1 404/);
  }
});
