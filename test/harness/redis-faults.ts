import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll } from "vitest";
import type { PrivateService } from "../../bin/services/postgres.ts";
import { startRedis } from "../../bin/services/redis.ts";
import type { Stores } from "./platform.ts";

/** What can happen to the Redis of a test file. */
export interface RedisFaults {
  /** kill -9; resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts it on the same port, with the data that it had written. */
  start(): Promise<void>;
  /** Connections stay open, nothing answers any more. */
  pause(): void;
  goOn(): void;
}

export function redisFaults(stores: Stores): RedisFaults {
  const pid = () => Number.parseInt(readFileSync(join(stores.dir, "redis", "redis.pid"), "utf8"), 10);
  let started: PrivateService | undefined;
  afterAll(() => started?.stop());
  return {
    kill: async () => {
      const victim = pid();
      process.kill(victim, "SIGKILL");
      while (lives(victim)) await new Promise((resolve) => setTimeout(resolve, 20));
    },
    start: async () => {
      started = await startRedis(stores.dir);
    },
    pause: () => process.kill(pid(), "SIGSTOP"),
    goOn: () => process.kill(pid(), "SIGCONT"),
  };
}

function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
