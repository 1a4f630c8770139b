import { z } from "zod";
import type { Child } from "./child.ts";
import type { Server } from "./lab.ts";
import type { Account } from "./world.ts";

/** GUILDS and GUILD_MESSAGES: what a chat client asks for at least. */
const INTENTS = 1 | 512;
/** Fewer at once than the storms, so that opening thousands disturbs nothing. */
const GENTLY = 50;

const millis = z.array(z.number());

/** A group of clients in a swarm: what they get is counted together. */
export interface Crowd {
  size: number;
  /** How many frames each has been promised so far. */
  due: number;
  /** Waits until each client has got that many more frames than before. */
  receive(frames: number): Promise<void>;
  /** The same in two steps; `arrived` answers when the last came, in nanoseconds of the machine's clock. */
  expect(frames: number): Promise<void>;
  arrived(): Promise<bigint>;
  /** Drops all connections, as a network that fails. */
  drop(): Promise<void>;
  /** All come back at once. @returns milliseconds till each had got so many frames */
  resume(frames: number, firsts?: readonly string[]): Promise<number[]>;
  /** Milliseconds till each client was ready, when the crowd was opened. */
  readyAfterMs: number[];
}

interface Opening {
  server: Server;
  group: string;
  query: string;
  firsts: readonly string[] | number;
  tokens?: readonly string[];
  frames: number;
  atOnce?: number;
}

export async function openCrowd(swarm: Child, opening: Opening): Promise<Crowd> {
  const { server, group, query, firsts, tokens = [], frames, atOnce = GENTLY } = opening;
  const path = `/?${query}`;
  const { port } = server;
  const readyAfterMs = await swarm.ask("open", { group, port, path, firsts, tokens, frames, atOnce }, millis);
  const crowd: Crowd = {
    size: readyAfterMs.length,
    due: 0,
    receive: async (more) => {
      crowd.due += more;
      await swarm.ask("reach", { group, frames: crowd.due }, z.null());
    },
    expect: async (more) => {
      crowd.due += more;
      await swarm.ask("arm", { group, frames: crowd.due }, z.null());
    },
    arrived: async () => BigInt(await swarm.ask("reached", { group }, z.string())),
    drop: async () => {
      await swarm.ask("drop", { group }, z.null());
    },
    resume: (count, again) => swarm.ask("resume", { group, port, path, frames: count, firsts: again }, millis),
    readyAfterMs,
  };
  return crowd;
}

/** Sessions of the accounts, logged in and ready. @param guilds how many each account is in */
export function openSessions(
  swarm: Child,
  options: {
    gateway: Server;
    group: string;
    accounts: readonly Account[];
    guilds: number;
    query?: string;
    atOnce?: number;
  },
): Promise<Crowd> {
  const { gateway, group, accounts, guilds, query = "v=10&encoding=json", atOnce } = options;
  return openCrowd(swarm, {
    server: gateway,
    group,
    query,
    firsts: accounts.map(({ token }) => identify(token)),
    tokens: query.includes("compress") ? [] : accounts.map(({ token }) => token),
    // HELLO, READY, and a GUILD_CREATE each.
    frames: 2 + guilds,
    ...(atOnce === undefined ? {} : { atOnce }),
  });
}

function identify(token: string): string {
  const properties = { os: "linux", browser: "bench", device: "bench" };
  return JSON.stringify({ op: 2, d: { token, intents: INTENTS, properties } });
}
