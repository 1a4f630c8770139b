import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { afterAll, expect, test } from "vitest";
import { joinAll, makePeople } from "../../loadtest/bench/world.ts";
import { startGatewayProcess } from "../harness/gateway-process.ts";
import { startPlatform } from "../harness/platform.ts";
import { frame, opcode, RawWebSocket } from "../harness/raw-websocket.ts";
import { Socket } from "../harness/socket.ts";
import { countStatements } from "../harness/statement-counter.ts";

/** Of somebody each. 10,000 need a limit of 12,000 open files, and some minutes. */
const SESSIONS = Number(process.env.SESSIONS ?? 900);
const IN_TIME_MS = 60_000;
/** Thousands that look often would keep the machine from what they look for. */
const POLL_MS = Math.max(20, SESSIONS / 50);
/** Each message goes to all of them, who are in this one process. */
const POST_MS = Math.max(100, SESSIONS / 10);
/** No address has more sockets at once than it may have without a token. */
const PER_ADDRESS = 250;

const platform = await startPlatform();
const counter = await countStatements(platform.stores.databaseUrl);
const env = { RATE_LIMITS: "on", DATABASE_URL: counter.url };
const gateways = await Promise.all([0, 1, 2].map(() => startGatewayProcess(platform.stores, env)));
const person = await platform.person();
const guild = await platform.guild(person);
const bot = await platform.bot(person, guild.id);
const sql = postgres(platform.stores.databaseUrl, { max: 1 });
const people = await makePeople(sql, SESSIONS);
await joinAll(sql, guild, people);
await sql.end();

const open = (gateway: number, i: number) =>
  RawWebSocket.open(gateways[gateway]?.url ?? "", { from: `127.0.1.${1 + (Math.floor(i / PER_ADDRESS) % 250)}` });

/** A client that wants every message, over however many sockets. */
interface Client {
  token: string;
  sessionId: string;
  socket: RawWebSocket;
  /** Payloads of its earlier sockets. */
  before: string[];
  /** After how many milliseconds it had its session again; null until then. */
  resumedAfterMs: number | null;
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
    await sleep(POLL_MS);
  }
}

async function login(i: number): Promise<Client> {
  const token = people[i]?.token ?? "";
  const socket = await open(i % gateways.length, i);
  say(socket, 2, { token, intents: 513, properties: {} });
  const ready = JSON.parse(await hears(socket, "READY"));
  await hears(socket, "GUILD_CREATE");
  return { token, sessionId: ready.d.session_id, socket, before: [], resumedAfterMs: null };
}

/** As a library does, but without its pauses: at once, then twice a second until it has its session back. */
async function comeBack(client: Client, i: number): Promise<void> {
  const lostAt = performance.now();
  const keep = () => {
    client.before = payloads(client);
    client.socket.texts.length = 0;
  };
  keep();
  while (client.resumedAfterMs === null && !over) {
    try {
      client.socket = await open(1 + (i % 2), i);
      say(client.socket, 6, { token: client.token, session_id: client.sessionId, seq: seqOf(client) });
      await hears(client.socket, "RESUMED");
      client.resumedAfterMs = performance.now() - lostAt;
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
      await sleep(POST_MS);
    }
  })();

  const victims = clients.filter((_, i) => i % gateways.length === 0);
  for (const [i, client] of victims.entries()) client.socket.tcp.once("close", () => void comeBack(client, i));
  const statementsBefore = counter.statements();
  gateways[0]?.signal("SIGKILL");
  const back = () => victims.filter(({ resumedAfterMs }) => resumedAfterMs !== null).length;
  // While all come back: one bucket, one IDENTIFY.
  const starts = await Promise.all([1, 2].map(() => startBot()));
  await expect.poll(back, { timeout: IN_TIME_MS, interval: 100 }).toBeGreaterThanOrEqual(0.99 * victims.length);
  await expect.poll(back, { timeout: IN_TIME_MS, interval: 100 }).toBe(victims.length);
  const statements = counter.statements() - statementsBefore;
  writing = false;
  await writer;
  expect(starts.sort()).toEqual(["INVALID_SESSION", "READY"]);
  expect(refused).toEqual([]);
  for (const client of clients) await expect.poll(() => messages(client), { timeout: IN_TIME_MS }).toEqual(posted);
  const took = victims.map(({ resumedAfterMs }) => resumedAfterMs ?? Number.NaN).sort((a, b) => a - b);
  const share = (of: number) => Math.round(took[Math.ceil(of * took.length) - 1] ?? Number.NaN);
  console.log(
    `${took.length} of ${SESSIONS} resumed: half after ${share(0.5)} ms, 99 % after ${share(0.99)}, all after ${share(1)}; ` +
      `${(statements / took.length).toFixed(2)} statements for each; ${posted.length} messages for each`,
  );
}, 900_000);

/** How an IDENTIFY of the bot on another node ends. */
async function startBot(): Promise<string | null> {
  const socket = await Socket.open(gateways[1]?.url ?? "");
  const properties = { os: "linux", browser: "test", device: "test" };
  socket.send(2, { token: bot.token?.replace("Bot ", ""), intents: 0, properties });
  const { t, op } = await socket.next((payload) => payload.t === "READY" || payload.op === 9);
  socket.close();
  return op === 9 ? "INVALID_SESSION" : t;
}
