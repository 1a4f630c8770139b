// Thousands of WebSocket clients in one process, apart from the server that is measured.
import { z } from "zod";
import { answer } from "./bench/answer.ts";
import { RawSocket } from "./bench/raw-socket.ts";

/** What a client needs to resume. */
interface Login {
  token: string;
  sessionId: string;
  seq: number;
}

/** Clients that are waited for together. */
interface Group {
  sockets: RawSocket[];
  logins: Map<RawSocket, Login>;
  /** Frames that each must have got since the group opened, and how many sockets are still short of it. */
  target: number;
  short: number;
  /** When the last came there: nanoseconds of a clock that all processes share. */
  reachedAt: bigint;
  onReached: () => void;
  fail: (error: Error) => void;
}

const groups = new Map<string, Group>();

const openBody = z.object({
  group: z.string(),
  port: z.number(),
  path: z.string(),
  /** What each client sends first, or how many there are if they send nothing. */
  firsts: z.union([z.array(z.string()), z.number()]),
  /** Tokens to resume with later, in the same order. */
  tokens: z.array(z.string()).default([]),
  /** Data frames after which a client counts as ready. */
  frames: z.number(),
  /** How many may be on their way at once. */
  atOnce: z.number(),
});

answer("open", async (body) => {
  const { group: name, port, path, firsts, tokens, frames, atOnce } = openBody.parse(body);
  const group = newGroup();
  groups.set(name, group);
  const count = typeof firsts === "number" ? firsts : firsts.length;
  const readyAfterMs = await inParallel(count, atOnce, async (i) => {
    const first = typeof firsts === "number" ? null : (firsts[i] ?? null);
    const login = tokens[i] === undefined ? null : { token: tokens[i], sessionId: "", seq: 0 };
    await openOne(group, { port, path, first, frames, login });
  });
  for (const socket of group.sockets) socket.frames = 0;
  return readyAfterMs;
});

const resumeBody = z.object({
  group: z.string(),
  port: z.number(),
  path: z.string(),
  frames: z.number(),
  /** A RESUME with the session's last number, unless given. */
  firsts: z.array(z.string()).optional(),
});

/** All clients of a group whose sockets were dropped come back at once. */
answer("resume", async (body) => {
  const { group: name, port, path, frames, firsts } = resumeBody.parse(body);
  const before = groupOf(name);
  const group = newGroup();
  groups.set(name, group);
  const logins = before.sockets.map((socket) => before.logins.get(socket) ?? null);
  return inParallel(logins.length, logins.length, async (i) => {
    const login = logins[i] ?? null;
    const first = firsts?.[i] ?? (login === null ? null : resumePayload(login));
    await openOne(group, { port, path, first, frames, login });
  });
});

/** Waits until each socket of the group has got `frames` data frames since it opened. */
answer("reach", async (body) => {
  const { group, frames } = z.object({ group: z.string(), frames: z.number() }).parse(body);
  arm(groupOf(group), frames);
  await reached(groupOf(group));
});

/** The same in two steps, for who wants to know when it was: `reached` answers the time in nanoseconds, as text. */
answer("arm", (body) => {
  const { group, frames } = z.object({ group: z.string(), frames: z.number() }).parse(body);
  arm(groupOf(group), frames);
});
answer("reached", async (body) => {
  const group = groupOf(z.object({ group: z.string() }).parse(body).group);
  await reached(group);
  return String(group.reachedAt);
});

/** Drops the sockets of a group, without a close frame; what they need to resume is kept. */
answer("drop", (body) => {
  for (const socket of groupOf(z.object({ group: z.string() }).parse(body).group).sockets) socket.destroy();
});

function newGroup(): Group {
  return {
    sockets: [],
    logins: new Map(),
    target: -1,
    short: 0,
    reachedAt: 0n,
    onReached: () => {},
    fail: () => {},
  };
}

function groupOf(name: string): Group {
  const group = groups.get(name);
  if (group === undefined) throw new RangeError(`there is no group ${name}`);
  return group;
}

function arm(group: Group, frames: number): void {
  group.target = frames;
  group.short = group.sockets.filter((socket) => socket.frames < frames).length;
  group.reachedAt = process.hrtime.bigint();
}

function reached(group: Group): Promise<void> {
  if (group.short === 0) return Promise.resolve();
  return new Promise((resolve, reject) => {
    group.onReached = resolve;
    group.fail = reject;
  });
}

interface Opening {
  port: number;
  path: string;
  first: string | null;
  frames: number;
  login: Login | null;
}

/** Resolves when the client has got as many frames as make it ready; with no frames, when it is connected. */
function openOne(group: Group, { port, path, first, frames, login }: Opening): Promise<void> {
  return new Promise((resolve, reject) => {
    let ready = false;
    const socket = new RawSocket({
      port,
      path,
      first,
      onOpen: () => {
        if (frames === 0) becomeReady();
      },
      onText: login === null ? null : (_socket, text) => remember(login, text),
      onFrame: (from) => {
        if (!ready && from.frames === frames) becomeReady();
        else if (ready && from.frames === group.target) countOne(group);
      },
      onClose: (from) => {
        const error = new Error(`a socket was closed with code ${from.closeCode} after ${from.frames} frames`);
        if (ready && !from.dropped) group.fail(error);
        else reject(error);
      },
    });
    const becomeReady = () => {
      ready = true;
      socket.onText = null;
      resolve();
    };
    group.sockets.push(socket);
    if (login !== null) group.logins.set(socket, login);
  });
}

function countOne(group: Group): void {
  group.short -= 1;
  if (group.short > 0) return;
  group.reachedAt = process.hrtime.bigint();
  group.onReached();
}

/** Keeps what a RESUME needs from READY and what follows it. */
function remember(login: Login, text: string): void {
  const seq = /^\{"op":0,"s":(\d+)/.exec(text)?.[1];
  if (seq !== undefined) login.seq = Math.max(login.seq, Number(seq));
  const sessionId = /"session_id":"([0-9a-f]{32})"/.exec(text)?.[1];
  if (sessionId !== undefined) login.sessionId = sessionId;
}

function resumePayload({ token, sessionId, seq }: Login): string {
  return JSON.stringify({ op: 6, d: { token, session_id: sessionId, seq } });
}

/** Runs `work` for 0 to count - 1, some at once. @returns milliseconds from the start to each one's end */
async function inParallel(count: number, atOnce: number, work: (i: number) => Promise<void>): Promise<number[]> {
  const startedAt = performance.now();
  const took: number[] = [];
  let next = 0;
  const lane = async () => {
    while (next < count) {
      const i = next;
      next += 1;
      await work(i);
      took.push(performance.now() - startedAt);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, lane));
  return took;
}
