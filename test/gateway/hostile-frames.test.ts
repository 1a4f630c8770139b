import { deflateRawSync, deflateSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { startPlatform } from "../harness/platform.ts";
import { frame, opcode, RawWebSocket } from "../harness/raw-websocket.ts";

const platform = await startPlatform();
const person = await platform.person();
const guild = await platform.guild(person);
const bystander = await platform.socket(person);
afterAll(() => bystander.close());

const HEARTBEAT = '{"op":1,"d":null}';
const { text, binary, continuation, ping, close } = opcode;
const part = { fin: false };

async function send(frames: readonly Buffer[], query?: string): Promise<RawWebSocket> {
  const socket = await RawWebSocket.open(platform.gatewayUrl(), query === undefined ? {} : { query });
  for (const each of frames) socket.write(each);
  return socket;
}

describe("frames that are taken", () => {
  const longest = HEARTBEAT.padEnd(4096);
  test.each<[string, Buffer[]]>([
    ["text in three fragments with pings in between", fragments(HEARTBEAT, 3, true)],
    ["4096 bytes in single-byte fragments", fragments(longest, 4096, false)],
    ["JSON in a binary frame, as some libraries send it", [frame(binary, HEARTBEAT)]],
    ["an empty fragment at the end", [frame(text, HEARTBEAT, part), frame(continuation, "")]],
    ["a ping as long as may be", [frame(ping, "p".repeat(125)), frame(text, HEARTBEAT)]],
    ["two frames in one packet", [Buffer.concat([frame(ping, "p"), frame(text, HEARTBEAT)])]],
  ])("%s", async (_what, frames) => {
    const socket = await send(frames);
    await expect.poll(() => socket.acks).toBe(1);
    expect(socket.ended).toBe(false);
    const pings = frames.filter((each) => (each.readUInt8() & 0x0f) === ping).length;
    if (frames.length > 1) expect(socket.pongs.length).toBe(pings);
    socket.destroy();
  });

  test("a frame that comes byte by byte", async () => {
    const socket = await send([]);
    socket.tcp.setNoDelay(true);
    for (const byte of frame(text, HEARTBEAT)) {
      socket.tcp.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await expect.poll(() => socket.acks).toBe(1);
    socket.destroy();
  });
});

function fragments(payload: string, count: number, withPings: boolean): Buffer[] {
  const size = Math.ceil(payload.length / count);
  const frames: Buffer[] = [];
  for (let i = 0; i < count; i++) {
    const kind = i === 0 ? text : continuation;
    frames.push(frame(kind, payload.slice(i * size, (i + 1) * size), { fin: i === count - 1 }));
    if (withPings && i < count - 1) frames.push(frame(ping, `ping ${i}`));
  }
  return frames;
}

/** Payloads that reach us get a code of the gateway's. */
describe("payloads that close the socket with 4002", () => {
  const term = Buffer.from("8374000000016d000000026f706101", "hex");
  test.each<[string, Buffer[], string?]>([
    ["4097 bytes in fragments", fragments(HEARTBEAT.padEnd(4097), 2, false)],
    ["the longest frame that is let in", [frame(text, "x".repeat(32 * 1024))]],
    ["bytes that are no UTF-8 in a binary frame", [frame(binary, Buffer.from([0xc3, 0x28]))]],
    ["zlib, which clients don't send", [frame(binary, deflateSync(HEARTBEAT))]],
    ["garbage after a zlib header", [frame(binary, Buffer.from("789c00ff00ff00ff", "hex"))]],
    ["an empty frame", [frame(text, "")]],
    ["garbage where terms are", [frame(binary, Buffer.from("83ffffffffff", "hex"))], "encoding=etf"],
    ["a term of another version", [frame(binary, Buffer.from("8261", "hex"))], "encoding=etf"],
    ["a term that claims four billion entries", [frame(binary, Buffer.from("8374ffffffff", "hex"))], "encoding=etf"],
    ["a compressed term", [frame(binary, Buffer.from("835000000010789c", "hex"))], "encoding=etf"],
    ["a cut-off term", [frame(binary, term.subarray(0, -1))], "encoding=etf"],
    ["JSON where terms are", [frame(text, HEARTBEAT)], "encoding=etf"],
  ])("%s", async (_what, frames, query) => {
    const socket = await send(frames, `v=10&${query ?? "encoding=json"}`);
    await expect.poll(() => socket.ended).toBe(true);
    expect(socket.closeCode).toBe(4002);
  });
});

/** uWebSockets ends these connections by itself, without a close frame: for a library that is a 1006. */
describe("frames that break the WebSocket protocol end the connection", () => {
  const compressed = deflateRawSync(HEARTBEAT);
  test.each<[string, Buffer[]]>([
    ["a frame over the limit", [frame(text, "x".repeat(32 * 1024 + 1))]],
    ["fragments that are over the limit together", fragments("x".repeat(40_000), 5, false)],
    ["a frame that claims a gigabyte", [frame(text, "x", { claimedLength: 2 ** 30 })]],
    ["a frame that claims 2^53 bytes", [frame(text, "x", { claimedLength: 2 ** 53 })]],
    ["text that is no UTF-8", [frame(text, Buffer.from([0xff, 0xfe]))]],
    [
      "a character that is broken over fragments",
      [frame(text, Buffer.from([0xe2, 0x82]), part), frame(continuation, Buffer.from([0x41]))],
    ],
    ["the first reserved bit, for compression that was not agreed", [frame(text, compressed, { reserved: 4 })]],
    ["the second reserved bit", [frame(text, HEARTBEAT, { reserved: 2 })]],
    ["the third reserved bit", [frame(text, HEARTBEAT, { reserved: 1 })]],
    ["a reserved opcode", [frame(3, HEARTBEAT)]],
    ["a reserved control opcode", [frame(11, "")]],
    ["a continuation of nothing", [frame(continuation, HEARTBEAT)]],
    ["a new message inside another", [frame(text, "{", part), frame(text, HEARTBEAT)]],
    ["a ping in fragments", [frame(ping, "p", part)]],
    ["a ping of 126 bytes", [frame(ping, "p".repeat(126))]],
    // Read as if they were masked, so they wait for four bytes more; what follows makes no text.
    ["frames without a mask", [1, 2, 3].map(() => frame(text, HEARTBEAT, { masked: false }))],
  ])("%s", async (_what, frames) => {
    const socket = await send(frames);
    await expect.poll(() => socket.ended).toBe(true);
    expect(socket.closeCode).toBeNull();
    expect(socket.acks).toBe(0);
  });

  test.each<[string, string | Buffer, number]>([
    ["of nothing", "", 0],
    ["with a code", Buffer.from([0x0f, 0xa0]), 4000],
    ["of one byte", Buffer.from([1]), 0],
    ["with a code that may not be sent", Buffer.from([0x03, 0xee]), 0],
    ["with a reason that is no UTF-8", Buffer.from([0x03, 0xe8, 0xff]), 0],
  ])("a close frame %s is answered", async (_what, payload, code) => {
    const socket = await send([frame(close, payload)]);
    await expect.poll(() => socket.ended).toBe(true);
    expect(socket.closeCode).toBe(code);
  });
});

test("after all that, a session from before has missed nothing", async () => {
  const { id } = await person.post(`/channels/${guild.channelId}/messages`, { content: "still here" });
  await bystander.event("MESSAGE_CREATE", (d) => d.id === id);
  expect(bystander.closed).toBeNull();
});
