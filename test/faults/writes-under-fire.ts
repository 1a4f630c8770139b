import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Json } from "../harness/client.ts";
import { type ProcessPlatform, startProcesses } from "../harness/processes.ts";
import { ResumingReader } from "./resuming-reader.ts";

/** What was counted; which of it is a fault is said by `faultsOf`. */
export interface Report {
  kills: number;
  acknowledged: number;
  /** Requests without an answer, or answered with 5xx: such a message may exist or not. */
  unknown: number;
  /** Messages that were acknowledged when an unknown one was sent again with its nonce. */
  resolved: number;
  /** Messages that REST shows at the end. */
  stored: number;
  /** Messages that exist though nobody was told, and whose event was not published. */
  storedWithoutEvent: number;
  events: number;
  resumes: number;
  /** Acknowledged and not readable. */
  lost: string[];
  /** Acknowledged and never heard of by a socket that resumed throughout. */
  unheard: string[];
  /** Heard of, and not readable. */
  phantoms: string[];
  repeated: string[];
  outOfOrder: string[];
  /** Times that the socket was told to start afresh. */
  startedAfresh: number;
}

export interface Drill {
  writers: number;
  /** Kills, one after the other, over all parts in turn. */
  kills: number;
  pauseMs: number;
  print(line: string): void;
}

/** Writers post and a socket listens while every process is killed in turn. */
export async function writesUnderFire(drill: Drill): Promise<Report> {
  const dir = await mkdtemp(join(tmpdir(), "guildhall-drill-"));
  const platform = await startProcesses(dir, { apis: 2, gateways: 2 });
  try {
    return await run(platform, drill);
  } finally {
    await platform.stop();
    await rm(dir, { recursive: true, force: true });
  }
}

async function run(platform: ProcessPlatform, drill: Drill): Promise<Report> {
  const { token, channelId } = await prepare(platform);
  const reader = new ResumingReader(platform.gateways, token);
  await reader.start();
  const outcome = { acknowledged: new Map<string, string>(), unknown: 0, resolved: 0, over: false };
  const writers = Array.from({ length: drill.writers }, (_, i) => write(platform, token, channelId, i, outcome));
  let kills = 0;
  for (; kills < drill.kills; kills++) {
    const name = platform.names[kills % platform.names.length] ?? "";
    await pause(drill.pauseMs);
    drill.print(`kill -9 ${name} (${outcome.acknowledged.size} acknowledged so far)`);
    await platform.killAndRestart(name);
  }
  await pause(drill.pauseMs);
  outcome.over = true;
  await Promise.all(writers);
  const acknowledged = [...outcome.acknowledged.keys()];
  await reader.hears(acknowledged);
  await reader.stop();
  const stored = await readAll(platform, token, channelId);
  return {
    kills,
    acknowledged: acknowledged.length,
    unknown: outcome.unknown,
    resolved: outcome.resolved,
    stored: stored.size,
    storedWithoutEvent: [...stored.keys()].filter((id) => !reader.heard.has(id)).length,
    events: reader.heard.size,
    resumes: reader.resumes,
    lost: acknowledged.filter((id) => stored.get(id) !== outcome.acknowledged.get(id)),
    unheard: acknowledged.filter((id) => !reader.heard.has(id)),
    phantoms: [...reader.heard.keys()].filter((id) => !stored.has(id)),
    repeated: [...reader.repeated, ...repeatedTexts(stored)],
    outOfOrder: [...reader.backwards, ...writersOutOfOrder([...reader.heard.values()])],
    startedAfresh: reader.startedAfresh,
  };
}

/** What must not be. Empty when every promise held. */
export function faultsOf(report: Report): string[] {
  const lists = { lost: 0, unheard: 0, phantoms: 0, repeated: 0, outOfOrder: 0 };
  const faults: string[] = [];
  for (const [name, list] of Object.entries(report)) {
    if (name in lists && Array.isArray(list) && list.length > 0) faults.push(`${name}: ${list.slice(0, 5).join(", ")}`);
  }
  if (report.startedAfresh > 0) faults.push(`the socket had to start afresh ${report.startedAfresh} times`);
  return faults;
}

async function prepare(platform: ProcessPlatform): Promise<{ token: string; channelId: string }> {
  const [api] = platform.apis;
  const post = async (path: string, body: object, token?: string): Promise<Json> => {
    const headers = { "content-type": "application/json", ...(token === undefined ? {} : { authorization: token }) };
    const response = await fetch(`${api}/api/v10${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${path} answered ${response.status}`);
    return response.json();
  };
  const account = { username: "writer", email: "writer@example.com", password: "correct horse battery" };
  const { token } = await post("/auth/register", account);
  const guild = await post("/guilds", { name: "Under fire" }, token);
  return { token, channelId: guild.system_channel_id };
}

interface Outcome {
  /** Text of each acknowledged message, by id. */
  acknowledged: Map<string, string>;
  unknown: number;
  resolved: number;
  over: boolean;
}

/**
 * Posts uniquely numbered messages one after the other, to the APIs in turn. Every other writer sends what is unknown
 * again, with the same nonce, until it is acknowledged; the others never send a text twice.
 */
async function write(platform: ProcessPlatform, token: string, channelId: string, writer: number, outcome: Outcome) {
  const persistent = writer % 2 === 1;
  let turn = 0;
  for (let n = 0; !outcome.over; n++) {
    const content = `${writer} ${n}`;
    const body = persistent ? { content, nonce: content, enforce_nonce: true } : { content };
    for (let tries = 1; ; tries++) {
      const api = platform.apis[turn++ % platform.apis.length];
      const id = await post(`${api}/api/v10/channels/${channelId}/messages`, token, body);
      if (id !== null) {
        outcome.acknowledged.set(id, content);
        if (tries > 1) outcome.resolved += 1;
        break;
      }
      outcome.unknown += 1;
      await pause(50);
      if (!persistent) break;
    }
    await pause(5);
  }
}

/** @returns the id of the message; null when it isn't known whether there is one */
async function post(url: string, token: string, message: object): Promise<string | null> {
  const headers = { authorization: token, "content-type": "application/json" };
  const request = { method: "POST", headers, body: JSON.stringify(message), signal: AbortSignal.timeout(10_000) };
  const answer = await fetch(url, request)
    .then(async (response) => ({ status: response.status, body: (await response.json()) as Json }))
    .catch(() => null);
  if (answer === null || answer.status >= 500) return null;
  if (answer.status === 200) return answer.body.id;
  throw new Error(`a message was refused with ${answer.status}: ${JSON.stringify(answer.body)}`);
}

async function readAll(platform: ProcessPlatform, token: string, channelId: string): Promise<Map<string, string>> {
  const stored = new Map<string, string>();
  for (let before = ""; ; ) {
    const url = `${platform.apis[0]}/api/v10/channels/${channelId}/messages?limit=100${before}`;
    const page: Json = await (await fetch(url, { headers: { authorization: token } })).json();
    for (const { id, content } of page) stored.set(id, content);
    const last = page.at(-1);
    if (last === undefined) return stored;
    before = `&before=${last.id}`;
  }
}

function repeatedTexts(stored: ReadonlyMap<string, string>): string[] {
  const seen = new Set<string>();
  return [...stored.values()].filter((text) => seen.size === seen.add(text).size);
}

/** A writer's messages must come in the order it wrote them: each was acknowledged before the next was sent. */
function writersOutOfOrder(texts: readonly string[]): string[] {
  const last = new Map<string, number>();
  return texts.filter((text) => {
    const [writer = "", n] = text.split(" ");
    const before = last.get(writer) ?? -1;
    last.set(writer, Number(n));
    return Number(n) < before;
  });
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
