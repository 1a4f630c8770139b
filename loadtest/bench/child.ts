import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { z } from "zod";

/** A process of the bench: the product's or a bare one, with the probe in it. */
export interface Child {
  pid: number;
  /** Asks it something that it has an `answer` for. @param reply the shape of what it answers */
  ask<T>(name: string, body: unknown, reply: z.ZodType<T>): Promise<T>;
  stop(): Promise<void>;
}

const message = z.object({ id: z.number(), result: z.unknown().optional(), error: z.string().optional() });
const folder = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const STOP_MS = 10_000;

/**
 * Starts a program of this repository. Its environment is what is given and nothing of ours, so that a variable set in
 * somebody's shell changes no figure. Who is measured has the first core to itself, and its clients the others: when
 * they may change places, whether a write wakes a client on the same core or on another one changes its cost by a
 * third, and the two sides fall into different habits.
 * @param program path from the repository's root
 */
export function startChild(
  program: string,
  args: readonly string[],
  options: { env: Record<string, string>; role: "server" | "clients" },
): Child {
  const { env, role } = options;
  const node = ["--import", "tsx", "--import", folder("loadtest/probe.ts")];
  const pin = cpus().length < 2 ? [] : ["taskset", "-c", role === "server" ? "0" : `1-${cpus().length - 1}`];
  const [command = process.execPath, ...rest] = [...pin, process.execPath, ...node, folder(program), ...args];
  const child = spawn(command, rest, {
    cwd: folder("."),
    env: { PATH: process.env.PATH ?? "", NODE_ENV: "production", ...env },
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${program} can't be started`);
  const waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();
  let asked = 0;
  let stopping = false;
  child.on("message", (raw) => {
    const { id, result, error } = message.parse(raw);
    const waiter = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) waiter?.resolve(result);
    else waiter?.reject(new Error(`${program}: ${error}`));
  });
  const ended = new Promise<void>((resolve) => {
    child.once("exit", (code, signal) => {
      const error = new Error(`${program} ended (${signal ?? code})`);
      for (const waiter of waiting.values()) waiter.reject(error);
      if (!stopping) console.error(error.message);
      resolve();
    });
  });
  return {
    pid,
    ask: async (name, body, reply) => {
      const result = await new Promise((resolve, reject) => {
        asked += 1;
        waiting.set(asked, { resolve, reject });
        child.send({ id: asked, name, body }, (error) => {
          if (error !== null) reject(new Error(`${program} can't be asked ${name}: ${error.message}`));
        });
      });
      return reply.parse(result);
    },
    stop: async () => {
      stopping = true;
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** Seconds that a process has been on a CPU, all its threads together: /proc/PID/task/TID/schedstat, in nanoseconds. */
function cpuSeconds(pid: number): number {
  let total = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    total += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]);
  }
  return total / 1e9;
}

/** CPU seconds that a process spends while `work` runs. */
export async function cpuOf(child: { pid: number }, work: () => Promise<unknown>): Promise<number> {
  const before = cpuSeconds(child.pid);
  await work();
  return cpuSeconds(child.pid) - before;
}

const memory = z.object({ rss: z.number(), heapUsed: z.number(), external: z.number() });

/** Bytes in use after garbage collection. */
export function memoryOf(child: Child): Promise<z.infer<typeof memory>> {
  return child.ask("memory", null, memory);
}

const profile = z.array(z.object({ name: z.string(), share: z.number() }));
export type Profile = z.infer<typeof profile>;

/** Where a process spends its time while `work` runs: shares of the time it isn't idle, largest first. */
export async function profileOf(child: Child, work: () => Promise<unknown>): Promise<Profile> {
  await child.ask("profile start", null, z.null());
  await work();
  return child.ask("profile stop", null, profile);
}
