import { randomInt } from "node:crypto";
import { afterAll, expect, test } from "vitest";
import { slowReaderUnderLoad } from "../faults/slow-reader-under-load.ts";
import { startGatewayProcess } from "../harness/gateway-process.ts";
import { startPlatform } from "../harness/platform.ts";
import { Socket } from "../harness/socket.ts";

const BUFFER_BYTES = 65_536;
const QUERIES = ["v=10&encoding=json", "v=10&encoding=etf", "v=10&encoding=json&compress=zlib-stream"];

const platform = await startPlatform();
const gateway = await startGatewayProcess(platform.stores, { MAX_BACKPRESSURE_BYTES: String(BUFFER_BYTES) });
const person = await platform.person();
const guild = await platform.guild(person);
const bot = await platform.bot(person, guild.id, "8");
const dm = await person.post("/users/@me/channels", { recipient_id: bot.id });
const sockets: Socket[] = [];
afterAll(() => {
  for (const socket of sockets) socket.close();
});

async function login(query: string): Promise<Socket> {
  const socket = await Socket.open(gateway.url, query);
  sockets.push(socket);
  await socket.identify(bot.token ?? "");
  return socket;
}

const ids = (socket: Socket) => socket.dispatches.filter(({ t }) => t === "MESSAGE_CREATE").map(({ d }) => d.id);

/** Six kilobytes that compress badly. */
const bulk = () => String.fromCodePoint(...Array.from({ length: 2000 }, () => randomInt(0x4e00, 0x9fff)));

test("slow readers are closed with what they got being a prefix, others get all; they resume without loss", async () => {
  const fast = await Promise.all(QUERIES.map(login));
  const slow = await Promise.all(QUERIES.map(login));
  const sessions = fast.length + slow.length;
  await expect.poll(() => gateway.metric("guildhall_gateway_sessions")).toBe(sessions);
  const before = await gateway.metric("process_resident_memory_bytes");
  for (const socket of slow) socket.ws.pause();

  const posted: string[] = [];
  // Guild messages come by topic, direct ones by a send of their own: in one order for each socket all the same.
  while ((await gateway.metric("guildhall_gateway_sessions")) > fast.length) {
    for (let i = 0; i < 20; i++) {
      const channel = i % 5 === 4 ? dm.id : guild.channelId;
      posted.push((await person.post(`/channels/${channel}/messages`, { content: bulk() })).id);
    }
    expect(posted.length).toBeLessThan(10_000);
  }
  // What it holds for them is gone with them; the rest of the growth is what a busy process takes.
  const grown = (await gateway.metric("process_resident_memory_bytes")) - before;
  expect(grown).toBeLessThan(256 * 1024 * 1024);
  for (const socket of fast) await expect.poll(() => ids(socket)).toEqual(posted);

  for (const socket of slow) {
    socket.ws.resume();
    await socket.closing();
    // The code comes when the socket is read in time; a connection that was cut is resumed just so.
    expect([4000, 1006]).toContain(socket.closed?.code);
    const got = ids(socket);
    expect(got.length).toBeLessThan(posted.length);
    expect(got).toEqual(posted.slice(0, got.length));
  }
  for (const [i, socket] of slow.entries()) {
    const next = await Socket.open(gateway.url, QUERIES[i]);
    sockets.push(next);
    expect((await next.resume(bot.token ?? "", socket.sessionId, socket.seq)).t).toBe("RESUMED");
    expect([...ids(socket), ...ids(next)]).toEqual(posted);
  }
}, 240_000);

test("who reads a kilobyte a second among others is closed, resumes and has all; nobody else loses anything", async () => {
  const drill = { clients: 60, guilds: 6, perSecond: 300, length: 1900, seconds: 10, bytesPerSecond: 1024 };
  const { faults, counts } = await slowReaderUnderLoad({ ...drill, print: () => {} });
  expect(faults).toEqual([]);
  expect(counts.messages).toBe(2 * drill.seconds * drill.perSecond);
  expect(counts["heard before the close"]).toBeLessThan(counts.messages ?? 0);
}, 240_000);
