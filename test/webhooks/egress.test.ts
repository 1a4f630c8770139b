import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTcpServer } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type EgressRequest, egressPost } from "../../core/egress.ts";
import { checkUrl, EgressRefused, isAllowedAddress, parseNetworks } from "../../core/egress-rules.ts";
import { listen } from "./receiver.ts";

const NOTHING = parseNetworks([]);
const LOOPBACK = parseNetworks(["127.0.0.0/8", "::1/128"]);

/** The first and the last address of each forbidden network, and where they exist the neighbours on both sides. */
const NETWORKS: { network: string; first: string; last: string; before?: string; after?: string }[] = [
  { network: "this host", first: "0.0.0.0", last: "0.255.255.255", after: "1.0.0.0" },
  { network: "private 10", first: "10.0.0.0", last: "10.255.255.255", before: "9.255.255.255", after: "11.0.0.0" },
  {
    network: "carrier-grade NAT",
    first: "100.64.0.0",
    last: "100.127.255.255",
    before: "100.63.255.255",
    after: "100.128.0.0",
  },
  { network: "loopback", first: "127.0.0.0", last: "127.255.255.255", before: "126.255.255.255", after: "128.0.0.0" },
  {
    network: "link-local",
    first: "169.254.0.0",
    last: "169.254.255.255",
    before: "169.253.255.255",
    after: "169.255.0.0",
  },
  {
    network: "private 172",
    first: "172.16.0.0",
    last: "172.31.255.255",
    before: "172.15.255.255",
    after: "172.32.0.0",
  },
  {
    network: "protocol assignments",
    first: "192.0.0.0",
    last: "192.0.0.255",
    before: "191.255.255.255",
    after: "192.0.1.0",
  },
  { network: "documentation 1", first: "192.0.2.0", last: "192.0.2.255", before: "192.0.1.255", after: "192.0.3.0" },
  {
    network: "6to4 relays",
    first: "192.88.99.0",
    last: "192.88.99.255",
    before: "192.88.98.255",
    after: "192.88.100.0",
  },
  {
    network: "private 192",
    first: "192.168.0.0",
    last: "192.168.255.255",
    before: "192.167.255.255",
    after: "192.169.0.0",
  },
  { network: "benchmarks", first: "198.18.0.0", last: "198.19.255.255", before: "198.17.255.255", after: "198.20.0.0" },
  {
    network: "documentation 2",
    first: "198.51.100.0",
    last: "198.51.100.255",
    before: "198.51.99.255",
    after: "198.51.101.0",
  },
  {
    network: "documentation 3",
    first: "203.0.113.0",
    last: "203.0.113.255",
    before: "203.0.112.255",
    after: "203.0.114.0",
  },
  { network: "multicast to the end", first: "224.0.0.0", last: "255.255.255.255", before: "223.255.255.255" },
  { network: "IPv4-compatible", first: "::", last: "::255.255.255.255", after: "::1:0:0" },
  {
    network: "IPv4-translated",
    first: "::ffff:0:0:0",
    last: "::ffff:0:255.255.255.255",
    before: "::fffe:ffff:ffff:ffff",
    after: "::ffff:1:0:0",
  },
  {
    network: "NAT64",
    first: "64:ff9b::",
    last: "64:ff9b::255.255.255.255",
    before: "64:ff9a:ffff:ffff:ffff:ffff:ffff:ffff",
    after: "64:ff9b::1:0:0",
  },
  {
    network: "local NAT64",
    first: "64:ff9b:1::",
    last: "64:ff9b:1:ffff:ffff:ffff:ffff:ffff",
    before: "64:ff9b:0:ffff:ffff:ffff:ffff:ffff",
    after: "64:ff9b:2::",
  },
  { network: "discard and dummy", first: "100::", last: "100::1:ffff:ffff:ffff:ffff", after: "100:0:0:2::" },
  {
    network: "protocol assignments, Teredo",
    first: "2001::",
    last: "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
    before: "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    after: "2001:200::",
  },
  {
    network: "documentation",
    first: "2001:db8::",
    last: "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
    before: "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
    after: "2001:db9::",
  },
  {
    network: "6to4",
    first: "2002::",
    last: "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    before: "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    after: "2003::",
  },
  {
    network: "documentation 3fff",
    first: "3fff::",
    last: "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
    before: "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    after: "3fff:1000::",
  },
  {
    network: "segment routing",
    first: "5f00::",
    last: "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    before: "5eff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    after: "5f01::",
  },
  {
    network: "unique local",
    first: "fc00::",
    last: "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    before: "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    after: "fe00::",
  },
  {
    network: "link-local and site-local",
    first: "fe80::",
    last: "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    before: "fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
  },
  {
    network: "multicast",
    first: "ff00::",
    last: "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
  },
];

describe("addresses", () => {
  test.each(NETWORKS)("of $network are refused, from the first to the last, and no others", (row) => {
    for (const inside of [row.first, row.last])
      expect([inside, isAllowedAddress(inside, NOTHING)]).toEqual([inside, false]);
    for (const outside of [row.before, row.after]) {
      if (outside !== undefined) expect([outside, isAllowedAddress(outside, NOTHING)]).toEqual([outside, true]);
    }
  });

  test.each([
    ["cloud metadata", "169.254.169.254"],
    ["cloud metadata over IPv6", "fd00:ec2::254"],
    ["cloud metadata behind carrier-grade NAT", "100.100.100.200"],
    ["mapped loopback", "::ffff:127.0.0.1"],
    ["mapped loopback, as URLs spell it", "::ffff:7f00:1"],
    ["mapped loopback in capitals", "::FFFF:7F00:1"],
    ["mapped loopback in full", "0000:0000:0000:0000:0000:ffff:7f00:0001"],
    ["mapped private", "::ffff:10.1.2.3"],
    ["mapped metadata", "::ffff:a9fe:a9fe"],
    ["compatible loopback", "::127.0.0.1"],
    ["translated loopback", "::ffff:0:127.0.0.1"],
    ["loopback behind NAT64", "64:ff9b::7f00:1"],
    ["metadata behind NAT64", "64:ff9b::a9fe:a9fe"],
    ["a public address behind NAT64", "64:ff9b::808:808"],
    ["metadata in 6to4", "2002:a9fe:a9fe::1"],
    ["loopback in 6to4", "2002:7f00:1::"],
    ["Teredo", "2001:0:4136:e378:8000:63bf:3fff:fdd2"],
    ["loopback over IPv6", "::1"],
    ["loopback over IPv6 in full", "0:0:0:0:0:0:0:1"],
    ["link-local, the last /16", "febf::1"],
    ["a zone", "fe80::1%eth0"],
    ["a zone on a public address", "2606:4700:4700::1111%1"],
    ["broadcast", "255.255.255.255"],
    ["a decimal number", "2130706433"],
    ["hexadecimal", "0x7f000001"],
    ["octal", "0177.0.0.1"],
    ["short", "127.1"],
    ["short and public", "8.8"],
    ["nothing", ""],
    ["a name", "localhost"],
    ["white space", " 8.8.8.8"],
    ["a port", "8.8.8.8:80"],
    ["brackets", "[2606:4700:4700::1111]"],
    ["a network", "8.8.8.0/24"],
  ])("%s is refused: %s", (_what, address) => {
    expect(isAllowedAddress(address, NOTHING)).toBe(false);
  });

  test.each(["8.8.8.8", "1.1.1.1", "100.63.255.254", "100.128.0.1", "172.15.0.1", "172.32.0.1", "64:ff9c::1"])(
    "%s is allowed",
    (address) => expect(isAllowedAddress(address, NOTHING)).toBe(true),
  );

  test.each(["2606:4700:4700::1111", "2a00:1450:4001::1", "::ffff:8.8.8.8"])("%s is allowed", (address) => {
    expect(isAllowedAddress(address, NOTHING)).toBe(true);
  });

  test("a network that is named is allowed in every spelling, and nothing beside it", () => {
    const allow = parseNetworks(["10.1.0.0/16", "fd12::/16"]);
    const verdicts = ["10.1.2.3", "::ffff:10.1.2.3", "fd12::1", "8.8.8.8", "10.2.0.1", "fd13::1", "127.0.0.1"].map(
      (address) => isAllowedAddress(address, allow),
    );
    expect(verdicts).toEqual([true, true, true, true, false, false, false]);
  });
});

/** Hosts that lead to this machine or to metadata, as somebody who means harm would write them. */
const HOSTILE_HOSTS = [
  "127.0.0.1",
  "127.1",
  "127.0.1",
  "2130706433",
  "0x7f000001",
  "0x7f.1",
  "0x7f.0x0.0x0.0x1",
  "017700000001",
  "0177.0.0.1",
  "0177.0.0.01",
  "１２７.0.0.1",
  "127。0。0。1",
  "127.0.0.1.",
  "%31%32%37.0.0.1",
  "①②⑦.0.0.1",
  "0",
  "0.0.0.0",
  "[::1]",
  "[::]",
  "[0:0:0:0:0:0:0:1]",
  "[::ffff:127.0.0.1]",
  "[::FFFF:7f00:1]",
  "[::127.0.0.1]",
  "[::ffff:0:127.0.0.1]",
  "[64:ff9b::127.0.0.1]",
  "[64:ff9b:1::7f00:1]",
  "[2002:7f00:1::1]",
  "10.0.0.1",
  "0xa9fea9fe",
  "169.254.169.254",
  "[::ffff:169.254.169.254]",
  "[fd00:ec2::254]",
  "[fe80::1]",
];

const NOT_CALLABLE = [
  "",
  "nothing",
  "/relative",
  "//127.0.0.1/",
  "ftp://example.com/",
  "file:///etc/passwd",
  "gopher://example.com/",
  "javascript:alert(1)",
  "data:text/plain,x",
  "ws://example.com/",
  "http://",
  "http://user@example.com/",
  "http://user:password@example.com/",
  "http://:password@example.com/",
  "http://example.com@127.0.0.1/",
  "http://[fe80::1%25eth0]/",
  "http://[::1",
  "http://256.256.256.256/",
  "http://1.2.3.4.5/",
  "http://exa mple.com/",
];

describe("URLs", () => {
  test.each(HOSTILE_HOSTS)("to the host %s are refused", (host) => {
    for (const scheme of ["http", "https"]) {
      expect(() => checkUrl(`${scheme}://${host}/hook`, NOTHING)).toThrow(EgressRefused);
    }
  });

  test.each(NOT_CALLABLE)("such as %j are refused", (url) => {
    expect(() => checkUrl(url, NOTHING)).toThrow(EgressRefused);
  });

  test("to public hosts and addresses pass", () => {
    for (const url of ["https://example.com/a?b=c", "http://8.8.8.8:8080/", "https://[2606:4700:4700::1111]/"]) {
      expect(checkUrl(url, NOTHING).href).toBe(url);
    }
  });

  test("to addresses of a network that is named pass", () => {
    expect(checkUrl("http://127.1:3000/", LOOPBACK).hostname).toBe("127.0.0.1");
  });
});

/** A listener on this machine that must not be reached: it counts connections, not requests. */
describe("a listener on this machine", () => {
  let connections = 0;
  const canaries: { port: number; close(): void }[] = [];
  const request = (url: string): EgressRequest => ({
    url,
    headers: {},
    body: "{}",
    timeoutMs: 2000,
    maxResponseBytes: 100,
    allow: NOTHING,
  });

  beforeAll(async () => {
    for (const host of ["127.0.0.1", "::1"]) {
      const server = createTcpServer((socket) => {
        connections += 1;
        socket.destroy();
      });
      canaries.push({ port: await listen(server, host), close: () => server.close() });
    }
  });
  afterAll(() => {
    for (const canary of canaries) canary.close();
  });
  beforeEach(() => {
    connections = 0;
  });

  test("gets no connection, however its address is spelt", async () => {
    for (const { port } of canaries) {
      for (const host of HOSTILE_HOSTS) {
        await expect(egressPost(request(`http://${host}:${port}/`))).rejects.toThrow(EgressRefused);
      }
    }
    expect(connections).toBe(0);
  });

  test("gets no connection through a name that resolves to it", async () => {
    const resolved: string[] = [];
    for (const { port } of canaries) {
      for (const address of ["127.0.0.1", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::"]) {
        const resolve = async (host: string) => {
          resolved.push(host);
          return [{ address, family: address.includes(":") ? 6 : 4 }];
        };
        for (const scheme of ["http", "https"]) {
          const url = `${scheme}://hook.example:${port}/`;
          await expect(egressPost({ ...request(url), resolve })).rejects.toThrow(EgressRefused);
        }
      }
    }
    expect(resolved).toHaveLength(20);
    expect(connections).toBe(0);
  });

  test("gets no connection through the system's own names for it", async () => {
    for (const { port } of canaries) {
      for (const host of ["localhost", "localhost.", "LOCALHOST"]) {
        await expect(egressPost(request(`http://${host}:${port}/`))).rejects.toThrow();
      }
    }
    expect(connections).toBe(0);
  });

  test("gets no connection through a name that was public when it was looked at", async () => {
    const [canary] = canaries;
    const answers = [[{ address: "127.0.0.2", family: 4 }], [{ address: "127.0.0.1", family: 4 }]];
    // Stands for a public address, as it can be connected to here.
    const allow = parseNetworks(["127.0.0.2/32"]);
    const resolve = async () => answers.shift() ?? [];
    const url = `http://hook.example:${canary?.port}/`;
    await expect(egressPost({ ...request(url), allow, resolve })).rejects.not.toThrow(EgressRefused);
    await expect(egressPost({ ...request(url), allow, resolve })).rejects.toThrow(EgressRefused);
    expect(connections).toBe(0);
  });

  test("gets no connection through a name that resolves to it and to a public address", async () => {
    const [canary] = canaries;
    const allow = parseNetworks(["127.0.0.2/32"]);
    const resolve = async () => [
      { address: "127.0.0.1", family: 4 },
      { address: "::1", family: 6 },
      { address: "127.0.0.2", family: 4 },
    ];
    await expect(egressPost({ ...request(`http://hook.example:${canary?.port}/`), allow, resolve })).rejects.toThrow();
    expect(connections).toBe(0);
  });

  test("is reached when its network is named: the counting works", async () => {
    for (const { port } of canaries) {
      const resolve = async () => [
        { address: "127.0.0.1", family: 4 },
        { address: "::1", family: 6 },
      ];
      await expect(
        egressPost({ ...request(`http://hook.example:${port}/`), allow: LOOPBACK, resolve }),
      ).rejects.toThrow();
    }
    expect(connections).toBe(2);
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
  const post = (more: Partial<EgressRequest> = {}) =>
    egressPost({
      url: `${url}/hook?x=1`,
      headers: { "content-type": "application/json", "x-test": "1" },
      body: '{"text":"žluťoučký"}',
      timeoutMs: 2000,
      maxResponseBytes: 1000,
      allow: LOOPBACK,
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

  test("can be given up by the caller, also before the start", async () => {
    const giveUp = new AbortController();
    answer = () => giveUp.abort();
    await expect(post({ signal: giveUp.signal })).rejects.toThrow("aborted");
    await expect(post({ signal: giveUp.signal })).rejects.toThrow("aborted");
    expect(requests).toHaveLength(1);
  });
});
