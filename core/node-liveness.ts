import { readFileSync } from "node:fs";
import type { Result } from "ioredis";
import type { Redis } from "./redis.ts";
import { redisKeys } from "./redis-keys.ts";

const beatScript = readFileSync(new URL("./lua/beat.lua", import.meta.url), "utf8");

declare module "ioredis" {
  interface RedisCommander<Context> {
    guildhallBeat(...args: (string | number)[]): Result<string[], Context>;
  }
}

/** Teaches a connection the beat script. */
export function defineBeatScript(redis: Redis): void {
  redis.defineCommand("guildhallBeat", { numberOfKeys: 2, lua: beatScript });
}

/**
 * Says that a node lives: core/lua/beat.lua.
 * @param options.first the node is new under this name
 * @param options.maySweep whether it may take on the sessions of dead nodes
 * @returns whether the node is known, or was taken for dead; and the nodes whose sessions it must end now
 */
export async function beat(
  redis: Redis,
  node: string,
  options: { timeoutMs: number; first: boolean; maySweep: boolean },
): Promise<{ known: boolean; dead: string[] }> {
  const [known, ...dead] = await redis.guildhallBeat(
    redisKeys.nodes,
    redisKeys.deadNodes,
    node,
    options.timeoutMs,
    options.maySweep ? "1" : "0",
    options.first ? "1" : "0",
  );
  return { known: known === "1", dead };
}

/** A node that goes lets the others end its sessions `afterMs` from now, those that nobody has resumed. */
export async function sayGoodbye(redis: Redis, node: string, timeoutMs: number, afterMs: number): Promise<void> {
  const [seconds] = await redis.time();
  await redis.zadd(redisKeys.nodes, "XX", Number(seconds) * 1000 - timeoutMs + afterMs, node);
}

/** A dead node's sessions are all ended. */
export async function forgetNode(redis: Redis, node: string): Promise<void> {
  await redis.zrem(redisKeys.deadNodes, node);
}
