import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTcpServer, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Egress, EgressClosed, type EgressOptions, type EgressRequest, openEgress } from "../../core/egress.ts";
import { EgressRefused, parseNetworks } from "../../core/egress-rules.ts";
import { type DnsServer, startDnsServer, type Zone } from "./dns-server.ts";
import { CALLABLE, HOSTILE_HOSTS, NETWORKS } from "./hostile-urls.ts";
import { listen } from "./receiver.ts";

const NOTHING = parseNetworks([]);
const LOOPBACK = parseNetworks(["127.0.0.0/8", "::1/128"]);
/** Stands for a public address, as it can be connected to here. */
const AS_PUBLIC = parseNetworks(["127.0.0.2/32"]);

const opened: Egress[] = [];
const open = (options: Partial<EgressOptions> = {}): Egress => {
  const egress = openEgress({ allow: NOTHING, ...options });
  opened.push(egress);
  return egress;
};
afterEach(() => Promise.all(opened.splice(0).map((egress) => egress.close())));

/** A listener on this machine that must not be reached: it counts connections, not requests. */
describe("a listener on this machine", () => {
  let connections = 0;
  const canaries: { host: string; port: number; close(): void }[] = [];
  let dns: DnsServer;
  const request = (url: string): EgressRequest => ({
    url,
    headers: {},
    body: "{}",
    timeoutMs: 5000,
    maxResponseBytes: 100,
  });

  beforeAll(async () => {
    dns = await startDnsServer();
    for (const host of ["127.0.0.1", "::1"]) {
      const server = createTcpServer((socket) => {
        connections += 1;
        socket.destroy();
      });
      canaries.push({ host, port: await listen(server, host), close: () => server.close() });
    }
  });
  afterAll(() => {
    dns.close();
    for (const canary of canaries) canary.close();
  });
  beforeEach(() => {
    connections = 0;
    dns.names.clear();
    dns.asked.clear();
  });

  test("gets no connection, however its address is spelt", async () => {
    const egress = open();
    for (const { port } of canaries) {
      for (const host of HOSTILE_HOSTS) {
        await expect(egress.post(request(`http://${host}:${port}/`))).rejects.toThrow(EgressRefused);
      }
    }
    expect(connections).toBe(0);
  });

  test("gets no connection through a name that leads to it, or to any special network", async () => {
    const addresses = ["127.0.0.1", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::", ...NETWORKS.map(({ first }) => first)];
    const egress = open({ resolve: dns.resolve });
    for (const [i, address] of addresses.entries()) {
      const name = `n${i}.example`;
      dns.names.set(name, address.includes(":") ? { aaaa: [address] } : { a: [address] });
      for (const { port } of canaries) {
        for (const scheme of ["http", "https"]) {
          await expect(egress.post(request(`${scheme}://${name}:${port}/`))).rejects.toThrow(EgressRefused);
        }
      }
    }
    expect(dns.asked.size).toBe(addresses.length);
    expect(connections).toBe(0);
  });

  test.each<[string, Zone]>([
    ["a CNAME", { cname: "inside.example" }],
    ["CNAMEs in a row", { cname: "further.example" }],
    ["a name of IPv6 alone", { aaaa: ["::1"] }],
    ["a mapped address", { aaaa: ["::ffff:127.0.0.1"] }],
    ["several private addresses", { a: ["127.0.0.1", "10.0.0.1"], aaaa: ["::1", "fd00::1"] }],
  ])("gets no connection through %s", async (_what, zone) => {
    dns.names.set("inside.example", { a: ["127.0.0.1"], aaaa: ["::1"] });
    dns.names.set("further.example", { cname: "inside.example" });
    dns.names.set("hook.example", zone);
    const egress = open({ resolve: dns.resolve });
    for (const { port } of canaries) {
      await expect(egress.post(request(`http://hook.example:${port}/`))).rejects.toThrow(EgressRefused);
    }
    expect(dns.asked.get("hook.example")).toBe(4);
    expect(connections).toBe(0);
  });

  test("gets no connection through the system's own names for it", async () => {
    const egress = open();
    for (const { port } of canaries) {
      for (const host of ["localhost", "localhost.", "LOCALHOST"]) {
        await expect(egress.post(request(`http://${host}:${port}/`))).rejects.toThrow();
      }
    }
    expect(connections).toBe(0);
  });

  test("gets no connection through a name that was public when it was looked at", async () => {
    const answers: Zone[] = [{ a: ["127.0.0.2"] }, { a: ["127.0.0.1"] }];
    let turn = 0;
    // The resolver asks twice each time: for A and for AAAA.
    dns.names.set("hook.example", () => answers[Math.min(Math.floor(turn++ / 2), 1)] ?? {});
    const egress = open({ allow: AS_PUBLIC, resolve: dns.resolve });
    const url = `http://hook.example:${canaries[0]?.port}/`;
    // Nobody listens there: it was connected to, and refused by the machine.
    await expect(egress.post(request(url))).rejects.toThrow("the connection was refused");
    await expect(egress.post(request(url))).rejects.toThrow(EgressRefused);
    expect(connections).toBe(0);
  });

  test("gets no connection through a name that leads to it and to a public address", async () => {
    dns.names.set("hook.example", { a: ["127.0.0.1", "127.0.0.2"], aaaa: ["::1"] });
    const egress = open({ allow: AS_PUBLIC, resolve: dns.resolve });
    for (const { port } of canaries) {
      await expect(egress.post(request(`http://hook.example:${port}/`))).rejects.toThrow("the connection was refused");
    }
    expect(connections).toBe(0);
  });

  test("gets no connection through a redirect", async () => {
    const port = canaries[0]?.port;
    const targets = HOSTILE_HOSTS.slice(0, 10).map((host) => `http://${host}:${port}/`);
    const redirecting = createServer((incoming, response) => {
      const [, status = "302", i = "0"] = (incoming.url ?? "").split("/");
      response.writeHead(Number(status), { location: targets[Number(i)] }).end();
    });
    const own = await listen(redirecting, "127.0.0.2");
    const egress = open({ allow: AS_PUBLIC });
    for (const status of [301, 302, 303, 307, 308]) {
      for (const i of targets.keys()) {
        const answer = await egress.post(request(`http://127.0.0.2:${own}/${status}/${i}`));
        expect(answer.status).toBe(status);
      }
    }
    redirecting.close();
    redirecting.closeAllConnections();
    expect(connections).toBe(0);
  });

  test("is reached when its network is named: the counting works", async () => {
    dns.names.set("hook.example", { a: ["127.0.0.1"], aaaa: ["::1"] });
    const egress = open({ allow: LOOPBACK, resolve: dns.resolve });
    for (const { port } of canaries) {
      await expect(egress.post(request(`http://hook.example:${port}/`))).rejects.toThrow();
    }
    expect(connections).toBe(2);
  });

  test("public names and addresses are what is asked for: none is refused", async () => {
    const names: string[] = [];
    // Nothing is resolved, as nothing may be called from a test: a refusal would be another error.
    const resolve = async (host: string) => {
      names.push(host);
      throw new Error("resolved nowhere");
    };
    const egress = open({ resolve });
    const named = CALLABLE.filter((url) => !/^[\d.:[\]a-fx]+$/.test(new URL(url).hostname));
    for (const url of named) await expect(egress.post(request(url))).rejects.toThrow("resolved nowhere");
    expect(names).toEqual(named.map((url) => new URL(url).hostname));
  });
});

describe("a receiver", () => {
  let server: Server;
  let answer: RequestListener;
  let url: string;
  const requests: { method: string; path: string; headers: NodeJS.Dict<string | string[]>; body: string }[] = [];

  beforeEach(async () => {
    requests.length = 0;
    answer = (_request, response) => response.writeHead(204).end();
    server = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk) => {
        body += chunk;
      });
      request.on("end", () => {
        requests.push({ method: request.method ?? "", path: request.url ?? "", headers: request.headers, body });
        answer(request, response);
      });
    });
    url = `http://127.0.0.1:${await listen(server, "127.0.0.1")}`;
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });
  const post = ({ resolve, ...more }: Partial<EgressRequest & Pick<EgressOptions, "resolve">> = {}) =>
    open({ allow: LOOPBACK, ...(resolve === undefined ? {} : { resolve }) }).post({
      url: `${url}/hook?x=1`,
      headers: { "content-type": "application/json", "x-test": "1" },
      body: '{"text":"žluťoučký"}',
      timeoutMs: 2000,
      maxResponseBytes: 1000,
      ...more,
    });

  test("gets the request as given, and its answer comes back", async () => {
    answer = (_request, response) => response.writeHead(418, { "retry-after": "7" }).end("teapot");
    const response = await post();
    expect(response).toMatchObject({ status: 418, body: "teapot", headers: { "retry-after": "7" } });
    expect(requests).toMatchObject([
      {
        method: "POST",
        path: "/hook?x=1",
        body: '{"text":"žluťoučký"}',
        headers: { "x-test": "1", "content-length": "24" },
      },
    ]);
  });

  test.each([301, 302, 303, 307, 308])("that redirects with %i is not followed", async (status) => {
    answer = (_request, response) => response.writeHead(status, { location: `${url}/elsewhere` }).end();
    expect((await post()).status).toBe(status);
    expect(requests.map((request) => request.path)).toEqual(["/hook?x=1"]);
  });

  test("that answers without end is cut off at the limit", async () => {
    let sent = 0;
    answer = (_request, response) => {
      const more = () => {
        while (!response.destroyed && response.write("x".repeat(1000))) sent += 1000;
      };
      response.on("drain", more);
      more();
    };
    const response = await post();
    expect(response.body).toBe("x".repeat(1000));
    expect(sent).toBeLessThan(100_000_000);
  });

  test("that accepts and says nothing is given up", async () => {
    answer = () => {};
    await expect(post({ timeoutMs: 100 })).rejects.toThrow("no answer within 100 ms");
  });

  test("that trickles its answer is given up all the same", async () => {
    answer = (_request, response) => {
      const timer = setInterval(() => response.write("x"), 10);
      response.on("close", () => clearInterval(timer));
    };
    await expect(post({ timeoutMs: 200 })).rejects.toThrow("no answer within 200 ms");
  });

  test("whose name is never resolved is given up", async () => {
    const never = post({ url: "http://hook.example/", timeoutMs: 100, resolve: () => new Promise(() => {}) });
    await expect(never).rejects.toThrow("no answer within 100 ms");
  });

  test("that hangs up, or switches protocols, is an error", async () => {
    answer = (request) => request.socket.destroy();
    await expect(post()).rejects.toThrow();
    answer = (request) =>
      request.socket.end("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
    await expect(post()).rejects.toThrow();
  });

  test("is broken off by whoever closes the client, which then calls nobody any more", async () => {
    const egress = open({ allow: LOOPBACK });
    answer = () => void egress.close();
    const again = () => egress.post({ url, headers: {}, body: "{}", timeoutMs: 5000, maxResponseBytes: 100 });
    await expect(again()).rejects.toThrow(EgressClosed);
    await expect(again()).rejects.toThrow(EgressClosed);
    expect(requests).toHaveLength(1);
  });

  test("is called over connections that are kept; after it hung up, over a new one", async () => {
    const sockets = new Set<Socket>();
    answer = (incoming, response) => {
      sockets.add(incoming.socket);
      response.writeHead(200).end("ok");
    };
    const egress = open({ allow: LOOPBACK });
    const again = () => egress.post({ url, headers: {}, body: "{}", timeoutMs: 5000, maxResponseBytes: 100 });
    for (let i = 0; i < 10; i++) expect((await again()).body).toBe("ok");
    // A connection is not free yet in the moment in which its answer is complete.
    expect(sockets.size).toBeLessThanOrEqual(2);
    const kept = sockets.size;
    await new Promise<void>((done) => {
      for (const socket of sockets) socket.once("close", () => done());
      server.closeAllConnections();
    });
    await expect
      .poll(() =>
        again().then(
          ({ status }) => status,
          () => 0,
        ),
      )
      .toBe(200);
    expect(sockets.size).toBeGreaterThan(kept);
  });

  test("that says first that it goes on, then answers, is understood", async () => {
    answer = (_request, response) => {
      response.writeProcessing();
      response.writeEarlyHints({ link: "</x>; rel=preload" });
      response.writeHead(200).end("done");
    };
    expect(await post()).toMatchObject({ status: 200, body: "done" });
  });

  test("that sends a compressed bomb sends it in vain: it is not expanded, and cut", async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000));
    answer = (_request, response) => response.writeHead(200, { "content-encoding": "gzip" }).end(bomb);
    const before = process.memoryUsage().arrayBuffers;
    const response = await post();
    expect(response.headers["content-encoding"]).toBe("gzip");
    expect(Buffer.byteLength(response.body)).toBeLessThanOrEqual(3000);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(40_000_000);
    expect(requests[0]?.headers["accept-encoding"]).toBeUndefined();
  });

  test("that sends headers without end is given up", async () => {
    answer = (request) => {
      request.socket.write("HTTP/1.1 200 OK\r\n");
      const timer = setInterval(() => request.socket.write(`x-${"a".repeat(1000)}: b\r\n`), 1);
      request.socket.on("close", () => clearInterval(timer));
    };
    await expect(post()).rejects.toThrow();
  });
});
