import { type ChildProcess, spawn } from "node:child_process";
import { closeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { openLogFile } from "./services/private-process.ts";
import { StartupError } from "./services/startup-error.ts";

const LAUNCHER = fileURLToPath(new URL("guildhall.js", import.meta.url));
const READY_MS = 60_000;
const STOP_MS = 15_000;
/** A process that ran this long is taken for healthy: its next end is answered at once again. */
const HEALTHY_MS = 60_000;
const MAX_PAUSE_MS = 30_000;

export interface SupervisedOptions {
  /** A command of ours that serves until a signal. */
  command: "api" | "gateway";
  env: NodeJS.ProcessEnv;
  /** Where its log goes; undefined: to our own output. */
  logFile: string | undefined;
  /** Whether it answers now. */
  isReady: () => Promise<boolean>;
}

export interface Supervised {
  /** Tells it to end in good order, and waits for that. */
  stop(): Promise<void>;
}

/**
 * Runs one of our own commands as a process and starts it again whenever it ends unasked, with growing pauses. It is
 * in a process group of its own, so that Ctrl-C doesn't reach it before us, and it ends by itself when we are gone
 * (the channel to us closes).
 * @returns when it answers.
 * @throws StartupError when it ends instead: then starting it again would not help.
 */
export async function supervise(options: SupervisedOptions): Promise<Supervised> {
  let child = launch(options);
  let stopping = false;
  await firstReady(options, child);
  void (async () => {
    for (let pauseMs = 500; ; pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)) {
      const startedAt = Date.now();
      await ended(child);
      if (stopping) return;
      if (Date.now() - startedAt > HEALTHY_MS) pauseMs = 500;
      const how = child.signalCode ?? `exit code ${child.exitCode}`;
      console.error(`The ${options.command} process ended unexpectedly (${how}); starting it again in ${pauseMs} ms.`);
      await sleep(pauseMs);
      if (stopping) return;
      child = launch(options);
    }
  })();
  return {
    stop: async () => {
      stopping = true;
      await end(child);
    },
  };
}

function launch({ command, env, logFile }: SupervisedOptions): ChildProcess {
  const output = logFile === undefined ? "inherit" : openLogFile(logFile);
  const child = spawn(process.execPath, [LAUNCHER, command], {
    env,
    detached: true,
    stdio: ["ignore", output, "inherit", "ipc"],
  });
  if (typeof output === "number") closeSync(output);
  return child;
}

async function firstReady({ command, isReady }: SupervisedOptions, child: ChildProcess): Promise<void> {
  for (const end = Date.now() + READY_MS; Date.now() < end; await sleep(50)) {
    if (hasEnded(child)) throw new StartupError(`The ${command} process ended while it was starting.`);
    if (await isReady()) return;
  }
  await end(child);
  throw new StartupError(`The ${command} process did not get ready within ${READY_MS / 1000} s.`);
}

async function end(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
  child.kill("SIGTERM");
  await ended(child);
  clearTimeout(timer);
}

const hasEnded = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null;

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (hasEnded(child)) return resolve();
    child.once("exit", () => resolve());
  });
}
