import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { startGatewayProcess } from "../harness/gateway-process.ts";
import { startPlatform } from "../harness/platform.ts";
import { frame, opcode, RawWebSocket } from "../harness/raw-websocket.ts";

/** 10,000 need a limit of 12,000 open files, and some minutes. */
const SESSIONS = Number(process.env.SESSIONS ?? 900);
const IN_TIME_MS = 60_000;

const platform = await startPlatform();
const gateways = await Promise.all([0, 1, 2].map(() => startGatewayProcess(platform.stores)));
const person = await platform.person();
const guild = await platform.guild(person);
const bots = await Promise.all(Array.from({ length: 10 }, () => platform.bot(person, guild.id, "8")));

/** A client that wants every message, over however many sockets. */
interface Client {
  token: string;
  sessionId: string;
  socket: RawWebSocket;
  /** Payloads of its earlier sockets. */
  before: string[];
  resumed: boolean;
}

const clients: Client[] = [];
let over = false;
afterAll(() => {
  over = true;
  for (const { socket } of clients) socket.destroy();
});

const payloads = ({ before, socket }: Client) => [...before, ...socket.texts];
const seqOf = (client: Client) =>
  payloads(client).reduce((highest, text) => Math.max(highest, Number(/^\{"op":0,"s":(\d+)/.exec(text)?.[1] ?? 0)), 0);
const messages = (client: Client) =>
  payloads(client).flatMap((text) => (text.includes('"t":"MESSAGE_CREATE"') ? [JSON.parse(text).d.id] : []));
const say = (socket: RawWebSocket, op: number, d: object) =>
  socket.write(frame(opcode.text, JSON.stringify({ op, d })));

/** Fails when the socket closes first. */
async function hears(socket: RawWebSocket, name: string): Promise<string> {
  for (;;) {
    const found = socket.texts.find((text) => text.includes(`"t":"${name}"`));
    if (found !== undefined) return found;
    if (socket.ended) throw new Error("closed");
    await sleep(20);
  }
}

async function login(i: number): Promise<Client> {
  const token = (bots[i % bots.length]?.token ?? "").replace("Bot ", "");
  const socket = await RawWebSocket.open(gateways[i % gateways.length]?.url ?? "");
  say(socket, 2, { token, intents: 513, properties: {} });
  const ready = JSON.parse(await hears(socket, "READY"));
  await hears(socket, "GUILD_CREATE");
  return { token, sessionId: ready.d.session_id, socket, before: [], resumed: false };
}

/** As a library does, but without its pauses: at once, then twice a second until it has its session back. */
async function comeBack(client: Client, i: number): Promise<void> {
  const keep = () => {
    client.before = payloads(client);
    client.socket.texts.length = 0;
  };
  keep();
  while (!client.resumed && !over) {
    try {
      client.socket = await RawWebSocket.open(gateways[1 + (i % 2)]?.url ?? "");
      say(client.socket, 6, { token: client.token, session_id: client.sessionId, seq: seqOf(client) });
      await hears(client.socket, "RESUMED");
      client.resumed = true;
    } catch {
      keep();
      await sleep(500);
    }
  }
}

test(`a node with a third of ${SESSIONS} sessions is killed: all are back on the others, without loss, and REST serves on`, async () => {
  for (let at = 0; at < SESSIONS; at += 50) {
    const some = Array.from({ length: Math.min(50, SESSIONS - at) }, (_, i) => login(at + i));
    clients.push(...(await Promise.all(some)));
  }
  const posted: string[] = [];
  const refused: number[] = [];
  let writing = true;
  const writer = (async () => {
    while (writing) {
      const { status, body } = await person.request("POST", `/channels/${guild.channelId}/messages`, {
        content: "tick",
      });
      if (status === 200) posted.push(body.id);
      else refused.push(status);
      await sleep(100);
    }
  })();

  const victims = clients.filter((_, i) => i % gateways.length === 0);
  for (const [i, client] of victims.entries()) client.socket.tcp.once("close", () => void comeBack(client, i));
  gateways[0]?.signal("SIGKILL");
  const back = () => victims.filter(({ resumed }) => resumed).length;
  await expect.poll(back, { timeout: IN_TIME_MS, interval: 100 }).toBe(victims.length);
  writing = false;
  await writer;
  expect(refused).toEqual([]);
  for (const client of clients) await expect.poll(() => messages(client), { timeout: IN_TIME_MS }).toEqual(posted);
}, 600_000);
