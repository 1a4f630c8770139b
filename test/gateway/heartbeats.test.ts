import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, expect, test } from "vitest";
import { startGatewayProcess } from "../harness/gateway-process.ts";
import { startPlatform } from "../harness/platform.ts";
import { frame, opcode, RawWebSocket } from "../harness/raw-websocket.ts";
import { Socket } from "../harness/socket.ts";

const INTERVAL_MS = 1500;

const platform = await startPlatform();
const person = await platform.person();
const guild = await platform.guild(person);
const gateway = await startGatewayProcess(platform.stores, { HEARTBEAT_INTERVAL_MS: String(INTERVAL_MS) });

const children: ChildProcess[] = [];
afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
});

const requests = (socket: RawWebSocket) => socket.texts.filter((text) => text.startsWith('{"op":1,')).length;
const heartbeat = frame(opcode.text, '{"op":1,"d":null}');

test("a client that stays silent is asked for a heartbeat, then closed with 4009", async () => {
  const socket = await RawWebSocket.open(gateway.url);
  const openedAt = performance.now();
  await expect.poll(() => requests(socket)).toBe(1);
  await expect.poll(() => socket.ended).toBe(true);
  expect(socket.closeCode).toBe(4009);
  expect(requests(socket)).toBe(1);
  // Not before a client that is a little late could have sent one.
  expect(performance.now() - openedAt).toBeGreaterThan(1.5 * INTERVAL_MS);
});

test("a client that only answers when it is asked stays", async () => {
  const socket = await RawWebSocket.open(gateway.url);
  let answered = 0;
  socket.tcp.on("data", () => {
    for (; answered < requests(socket); answered++) socket.write(heartbeat);
  });
  await expect.poll(() => socket.acks).toBe(3);
  expect(socket.ended).toBe(false);
  socket.destroy();
});

test("other payloads, pings and pongs are no heartbeats", async () => {
  const socket = await RawWebSocket.open(gateway.url);
  const chatter = setInterval(() => socket.write(frame(opcode.ping, ""), frame(opcode.pong, "")), 100);
  await expect.poll(() => socket.ended).toBe(true);
  clearInterval(chatter);
  expect(socket.closeCode).toBe(4009);
});

/** A client that logs in, beats, and prints its session. */
const CLIENT = `
  import WebSocket from "ws";
  const [url, token] = process.argv.slice(1);
  const ws = new WebSocket(url + "/?v=10&encoding=json");
  ws.on("message", (data) => {
    const { op, t, s, d } = JSON.parse(data);
    if (op === 10) {
      setInterval(() => ws.send('{"op":1,"d":null}'), d.heartbeat_interval);
      ws.send(JSON.stringify({ op: 2, d: { token, intents: 513, properties: {} } }));
    }
    if (t === "GUILD_CREATE") console.log("ready");
  });
`;

test.runIf(process.platform === "linux")(
  "stopped clients are closed and all they held is freed; a neighbour gets every event meanwhile",
  async () => {
    const neighbour = await Socket.open(gateway.url);
    await neighbour.identify(person.token ?? "");
    const clients = Array.from({ length: 3 }, () => {
      const args = ["--input-type=module", "-e", CLIENT, gateway.url, person.token ?? ""];
      const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
      children.push(child);
      return child;
    });
    await Promise.all(clients.map((child) => child.stdout && once(child.stdout, "data")));
    await expect.poll(() => gateway.metric("guildhall_gateway_sessions")).toBe(4);
    expect(gateway.connections()).toBe(4);
    for (const child of clients) child.kill("SIGSTOP");
    const posted: string[] = [];
    while ((await gateway.metric("guildhall_gateway_sessions")) > 1) {
      const { id } = await person.post(`/channels/${guild.channelId}/messages`, { content: "x".repeat(2000) });
      posted.push(id);
    }
    // Their sockets too, although nobody at the other end has taken note of the close.
    await expect.poll(() => gateway.connections()).toBe(1);
    await neighbour.event("MESSAGE_CREATE", (d) => d.id === posted.at(-1));
    const seen = neighbour.dispatches.filter(({ t }) => t === "MESSAGE_CREATE").map(({ d }) => d.id);
    expect(seen).toEqual(posted);
    neighbour.close();
  },
);

test("a gateway that was stopped closes nobody for heartbeats that it has not read yet", async () => {
  const socket = await Socket.open(gateway.url);
  await socket.identify(person.token ?? "");
  gateway.signal("SIGSTOP");
  await new Promise((resolve) => setTimeout(resolve, 4 * INTERVAL_MS));
  gateway.signal("SIGCONT");
  await socket.settled();
  const { id } = await person.post(`/channels/${guild.channelId}/messages`, { content: "awake again" });
  await socket.event("MESSAGE_CREATE", (d) => d.id === id);
  expect(socket.closed).toBeNull();
  socket.close();
});
