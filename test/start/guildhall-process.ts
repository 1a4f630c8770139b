import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { fileURLToPath } from "node:url";

const LAUNCHER = fileURLToPath(new URL("../../bin/guildhall.js", import.meta.url));

/** The command as a person runs it. */
export interface Guildhall {
  process: ChildProcess;
  /** All that it has printed. */
  output(): { stdout: string; stderr: string };
  /** Resolves when it has printed this; fails when it ends without. */
  prints(text: string): Promise<void>;
  /** Resolves when it has ended. */
  exit(): Promise<{ code: number | null; stdout: string; stderr: string }>;
  /** What Ctrl-C in a terminal does: the signal goes to its whole process group. */
  ctrlC(): Promise<{ code: number | null; stdout: string; stderr: string }>;
}

export function guildhall(args: string[], env: NodeJS.ProcessEnv, input?: string): Guildhall {
  const child = spawn(process.execPath, [LAUNCHER, ...args], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, PORT: "0", GATEWAY_PORT: "0", ...env },
    detached: true,
  });
  const output = { stdout: "", stderr: "" };
  let exitCode: number | null | undefined;
  const listeners = new Set<() => void>();
  const changed = () => {
    for (const listener of listeners) listener();
  };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].on("data", (chunk: Buffer) => {
      output[name] += chunk.toString();
      changed();
    });
  }
  child.once("close", (code) => {
    exitCode = code;
    changed();
  });
  if (input !== undefined) child.stdin.end(input);

  const until = <T>(look: () => T | undefined): Promise<T> =>
    new Promise((resolve, reject) => {
      const listener = () => {
        try {
          const found = look();
          if (found === undefined) return;
          resolve(found);
        } catch (error) {
          reject(error);
        }
        listeners.delete(listener);
      };
      listeners.add(listener);
      listener();
    });
  const exit = () => until(() => (exitCode === undefined ? undefined : { code: exitCode, ...output }));
  return {
    process: child,
    output: () => output,
    prints: (text) =>
      until(() => {
        if (output.stdout.includes(text) || output.stderr.includes(text)) return null;
        if (exitCode !== undefined) throw new Error(`ended without "${text}":\n${output.stdout}\n${output.stderr}`);
        return undefined;
      }).then(() => {}),
    exit,
    ctrlC: () => {
      if (child.pid !== undefined && exitCode === undefined) process.kill(-child.pid, "SIGINT");
      return exit();
    },
  };
}

/** Command lines of the living processes that have to do with this folder: by arguments, environment or place. */
export function processesOf(folder: string): string[] {
  if (!existsSync("/proc/self/environ")) return [];
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
        const traces = [command, readFileSync(`/proc/${pid}/environ`, "utf8"), readlinkSync(`/proc/${pid}/cwd`)];
        return command !== "" && traces.some((trace) => trace.includes(folder)) ? [`${pid} ${command}`] : [];
      } catch {
        // It ended while being looked at.
        return [];
      }
    });
}
