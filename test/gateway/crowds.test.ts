import { afterAll, beforeAll, expect, test } from "vitest";
import { startGatewayProcess } from "../harness/gateway-process.ts";
import { addGateway, startPlatform } from "../harness/platform.ts";
import { frame, opcode, openTcp, RawWebSocket } from "../harness/raw-websocket.ts";
import { Socket } from "../harness/socket.ts";

/** 10,000 take a minute, and a limit of 12,000 open files. */
const CROWD = Number(process.env.CROWD ?? 2000);
const PER_ADDRESS = 200;
/** Longer than the crowd needs to gather. */
const TIMEOUT_SECONDS = Math.ceil(CROWD / 400);

const platform = await startPlatform();
const person = await platform.person();
const guild = await platform.guild(person);
const gateway = await startGatewayProcess(platform.stores, {
  RATE_LIMITS: "on",
  IDENTIFY_TIMEOUT_SECONDS: String(TIMEOUT_SECONDS),
  UNIDENTIFIED_PER_ADDRESS: String(PER_ADDRESS),
});

/** Addresses of this machine, so many that none has too many sockets. */
const crowdAddress = (i: number) => `127.0.1.${1 + (i % Math.ceil(CROWD / (PER_ADDRESS / 2)))}`;

let bystander: Socket;
beforeAll(async () => {
  bystander = await Socket.open(gateway.url);
  await bystander.identify(person.token ?? "");
});
afterAll(() => bystander.close());

/** A message reaches the session that was there before. */
async function bystanderHears(content: string): Promise<void> {
  const { id } = await person.post(`/channels/${guild.channelId}/messages`, { content });
  await bystander.event("MESSAGE_CREATE", (d) => d.id === id);
  expect(bystander.closed).toBeNull();
}

async function gather<T>(count: number, open: (i: number) => Promise<T>): Promise<T[]> {
  const all: T[] = [];
  for (let at = 0; at < count; at += 100) {
    all.push(...(await Promise.all(Array.from({ length: Math.min(100, count - at) }, (_, i) => open(at + i)))));
  }
  return all;
}

/** Ends no test: a connection of the last one may be on its way out still. */
const onlyBystanderIsLeft = () => expect.poll(() => gateway.connections(), { timeout: 60_000 }).toBe(1);
const memory = () => gateway.metric("process_resident_memory_bytes");

test(`${CROWD} sockets that never identify take little memory and are closed with 4003`, async () => {
  const before = await memory();
  const crowd = await gather(CROWD, (i) => RawWebSocket.open(gateway.url, { from: crowdAddress(i) }));
  for (const socket of crowd) socket.write(frame(opcode.text, '{"op":1,"d":null}'));
  await bystanderHears("in a crowd");
  await expect.poll(() => crowd.every(({ acks }) => acks === 1)).toBe(true);
  // Measured: 2.5 KiB each of 10,000; of fewer more, as what the process takes at first is shared by them.
  expect(((await memory()) - before) / CROWD).toBeLessThan(16 * 1024);
  await expect.poll(() => crowd.every(({ ended }) => ended), { timeout: 60_000, interval: 200 }).toBe(true);
  expect(new Set(crowd.map(({ closeCode }) => closeCode))).toEqual(new Set([4003]));
  await bystanderHears("and after it");
  await onlyBystanderIsLeft();
}, 150_000);

test("messages that are begun and never finished take no more than the longest that is let in", async () => {
  const before = await memory();
  const count = 500;
  const crowd = await gather(count, (i) => RawWebSocket.open(gateway.url, { from: crowdAddress(i) }));
  const begun = frame(opcode.text, "x".repeat(32 * 1024)).subarray(0, 32 * 1024);
  const fragment = frame(opcode.text, "x".repeat(16 * 1024), { fin: false });
  for (const [i, socket] of crowd.entries()) socket.write(i % 2 === 0 ? begun : fragment);
  await bystanderHears("with half messages around");
  expect(((await memory()) - before) / count).toBeLessThan(64 * 1024);
  await expect.poll(() => crowd.every(({ ended }) => ended), { timeout: 60_000, interval: 200 }).toBe(true);
  await bystanderHears("and after them");
}, 90_000);

test("connections that never become sockets are closed: silent ones, half a head, one byte after the other", async () => {
  const head = "GET /?v=10 HTTP/1.1\r\nHost: x\r\nX-Padding: ";
  const connections = await Promise.all(Array.from({ length: 300 }, (_, i) => openTcp(gateway.url, crowdAddress(i))));
  let open = connections.length;
  for (const [i, tcp] of connections.entries()) {
    tcp.once("close", () => open--).resume();
    if (i % 3 !== 0) tcp.write(head);
  }
  const dribble = setInterval(() => {
    for (const [i, tcp] of connections.entries()) if (i % 3 === 1 && tcp.writable) tcp.write("x");
  }, 500);
  await bystanderHears("in their presence");
  await expect.poll(() => open, { timeout: 60_000, interval: 200 }).toBe(0);
  clearInterval(dribble);
}, 90_000);

test.each([
  ["no HTTP", Buffer.from("16030100c8010000c40303", "hex"), "505"],
  ["a head without end", Buffer.from(`GET / HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(100_000)}`), "431"],
  [
    "two lengths for one body",
    Buffer.from("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
    "400",
  ],
  ["no upgrade", Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "404"],
])("%s is answered with a status", async (_what, bytes, status) => {
  const tcp = await openTcp(gateway.url);
  tcp.write(bytes);
  const answer = await new Promise<string>((resolve) => tcp.once("data", (data) => resolve(data.toString())));
  expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  tcp.destroy();
});

test("a flood of bad IDENTIFYs is refused with 4004, and a newcomer gets in meanwhile", async () => {
  const identify = { op: 2, d: { token: "nonsense", intents: 1, properties: {} } };
  const flood = await gather(5 * PER_ADDRESS, (i) =>
    RawWebSocket.open(gateway.url, { from: `127.0.2.${1 + (i % 5)}` }),
  );
  for (const socket of flood) socket.write(frame(opcode.text, JSON.stringify(identify)));
  const newcomer = await Socket.open(gateway.url);
  expect((await newcomer.identify((await platform.person()).token ?? "")).t).toBe("READY");
  await bystanderHears("in a flood");
  await expect.poll(() => flood.every(({ ended }) => ended)).toBe(true);
  expect(new Set(flood.map(({ closeCode }) => closeCode))).toEqual(new Set([4004]));
  newcomer.close();
});

test("an address has so many sockets without a token, others have their own; a login makes room", async () => {
  await onlyBystanderIsLeft();
  const from = "127.0.3.1";
  const crowd = await gather(PER_ADDRESS, () => RawWebSocket.open(gateway.url, { from }));
  const onceMore = () => RawWebSocket.open(gateway.url, { from });
  await expect(onceMore()).rejects.toThrow("HTTP/1.1 429 Too Many Requests");
  (await RawWebSocket.open(gateway.url, { from: "127.0.3.2" })).destroy();
  // A header that anybody can write doesn't make another address of it.
  const lie = { from, headers: "X-Forwarded-For: 203.0.113.7\r\n" };
  await expect(RawWebSocket.open(gateway.url, lie)).rejects.toThrow("429");

  const token = (await platform.person()).token ?? "";
  const identify = { op: 2, d: { token, intents: 1, properties: {} } };
  crowd[0]?.write(frame(opcode.text, JSON.stringify(identify)));
  await expect.poll(() => crowd[0]?.texts.some((text) => text.includes('"t":"READY"'))).toBe(true);
  const next = await onceMore();
  await expect(onceMore()).rejects.toThrow("429");
  next.destroy();
  const attempt = async () => {
    (await onceMore()).destroy();
    return "open";
  };
  await expect.poll(() => attempt().catch(String)).toBe("open");
  for (const socket of crowd) socket.destroy();
  await onlyBystanderIsLeft();
});

test("behind a proxy of ours, addresses are those that it names", async () => {
  await addGateway(platform, { RATE_LIMITS: "on", UNIDENTIFIED_PER_ADDRESS: "1", TRUSTED_PROXIES: "127.0.0.0/8" });
  const open = (client: string) =>
    RawWebSocket.open(platform.gatewayUrl(1), { headers: `X-Forwarded-For: 198.51.100.9, ${client}\r\n` });
  const [first, second] = [await open("203.0.113.7"), await open("203.0.113.8")];
  await expect(open("203.0.113.7")).rejects.toThrow("429");
  first.destroy();
  second.destroy();
});
