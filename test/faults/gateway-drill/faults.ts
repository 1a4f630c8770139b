import { Redis } from "ioredis";
import type { ProcessPlatform } from "../../harness/processes.ts";
import type { Relay } from "../../harness/relay.ts";
import type { RawReader } from "./raw-reader.ts";

/** What a fault acts upon. */
export interface Scene {
  platform: ProcessPlatform;
  relay: Relay;
  /** Readers that stop to read now and then. */
  slow: readonly RawReader[];
  /** Posts so much to them that a client which doesn't read is closed. */
  flood(): Promise<void>;
  random: () => number;
}

/** Each fault by its name in the report; resolves when what was taken away is back. */
export const faults = {
  "gateway killed": async ({ platform, random }) => {
    await platform.killAndRestart(gateway(random));
  },
  "gateway restarted": async ({ platform, random }) => {
    await platform.restart(gateway(random));
  },
  /** The kernel still takes connections for it, and those who wait for it don't know. */
  "gateway stopped and continued": async ({ platform, relay, random }) => {
    const name = gateway(random);
    platform.signal(name, "SIGSTOP");
    try {
      await sleep(500);
      relay.cut("end", 0.5, portOf(platform, name));
      await sleep(500 + 5000 * random());
    } finally {
      platform.signal(name, "SIGCONT");
    }
  },
  "redis restarted": ({ platform }) => platform.restart("redis"),
  /** Nothing is lost by it: what sessions do after a loss of data is a test of its own. */
  "redis killed": async ({ platform }) => {
    // Every second otherwise: what was written since the last time might be gone.
    await command(platform, "CONFIG", "SET", "appendfsync", "always");
    await platform.killAndRestart("redis");
  },
  "pub/sub connections cut": ({ platform }) => command(platform, "CLIENT", "KILL", "TYPE", "pubsub"),
  "command connections cut": ({ platform }) => command(platform, "CLIENT", "KILL", "TYPE", "normal"),
  "clients dropped": async ({ relay }) => {
    relay.cut("end", 0.05);
    relay.cut("reset", 0.05);
  },
  "clients cut mid-frame": async ({ relay }) => {
    relay.cut("mid-frame", 0.1);
  },
  "clients slow": async ({ slow, flood }) => {
    for (const reader of slow) reader.pause();
    await flood();
    for (const reader of slow) reader.goOn();
  },
} as const satisfies Record<string, (scene: Scene) => Promise<void>>;

export type FaultName = keyof typeof faults;

export const faultNames = Object.keys(faults).filter((name): name is FaultName => name in faults);

const GATEWAYS = 3;
const gateway = (random: () => number): string => `gateway ${Math.floor(random() * GATEWAYS)}`;

function portOf(platform: ProcessPlatform, name: string): number {
  return Number(new URL(platform.gateways[Number(name.split(" ")[1])] ?? "").port);
}

async function command(platform: ProcessPlatform, name: string, ...args: string[]): Promise<void> {
  const redis = new Redis(platform.redisUrl);
  try {
    await redis.call(name, ...args);
  } finally {
    redis.disconnect();
  }
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
