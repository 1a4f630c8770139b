import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, rmSync, statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { commandOf } from "./process-table.ts";

/** A database server that runs for us alone and must not outlive us. */
export interface PrivateProcess {
  /** Resolves when it has ended, wanted or not. */
  ended: Promise<void>;
  /** Lets it finish its work and end. Resolves when no process of it is left. */
  stop(): Promise<void>;
}

export interface PrivateProcessOptions {
  command: string;
  args: string[];
  cwd: string;
  /** Where its output goes; begun anew when it has grown past 10 MB. */
  logFile: string;
  /** What makes it end in good order. */
  stopSignal: "SIGINT" | "SIGTERM";
  /** Whom it runs as, where that isn't whoever runs us. */
  user?: { uid: number; gid: number } | undefined;
}

/**
 * Holds the server on the line that is our end of its standard input. When that line ends, however we ended (kill -9
 * too), the server is told to stop. So one way of stopping serves all, and nothing is ever left running.
 */
const WATCHED = `
signal=$1; shift
exec 3<&0 </dev/null
"$@" 3<&- & server=$!
(read -r _ <&3; kill -s "$signal" "$server") & watcher=$!
wait "$server"; code=$?
kill "$watcher" 2>/dev/null; wait "$watcher"
exit "$code"
`;
const STOP_MS = 30_000;
const MAX_LOG_BYTES = 10_000_000;

/**
 * Starts a server in a process group of its own, so that Ctrl-C in the terminal reaches us and not it: we end it when
 * all who use it have ended.
 */
export function startPrivateProcess(options: PrivateProcessOptions): PrivateProcess {
  const log = openLogFile(options.logFile);
  const child = spawn("/bin/sh", ["-c", WATCHED, "sh", options.stopSignal.slice(3), options.command, ...options.args], {
    cwd: options.cwd,
    detached: true,
    // Nothing of our environment: PGPORT and the like would change what the server does.
    env: { PATH: process.env.PATH ?? "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" },
    stdio: ["pipe", log, log],
    ...options.user,
  });
  closeSync(log);
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  child.stdin?.on("error", () => {});
  // A process that only holds the server doesn't have to stay for it.
  child.unref();
  return { ended, stop: () => stop(child, ended) };
}

async function stop(child: ChildProcess, ended: Promise<void>): Promise<void> {
  child.ref();
  child.stdin?.destroy();
  const timer = setTimeout(() => {
    if (child.pid !== undefined) signalQuietly(-child.pid, "SIGKILL");
  }, STOP_MS);
  await ended;
  clearTimeout(timer);
}

/**
 * The process named in a pid file, when it lives and is what it should be: a number alone may have gone to another
 * process since, after a restart of the machine or a container always.
 */
export function livingProcess(pidFile: string, marker: string): number | undefined {
  let pid: number;
  try {
    pid = Number.parseInt(readFileSync(pidFile, "utf8"), 10);
  } catch {
    return undefined;
  }
  if (!Number.isInteger(pid) || pid <= 1 || pid === process.pid) return undefined;
  return commandOf(pid)?.includes(marker) ? pid : undefined;
}

/**
 * Clears away what a crash left: a pid file without its process, or a server that lost its owner and isn't gone yet.
 * Call it only when the owner is known to be gone.
 */
export async function clearLeftover(pidFile: string, marker: string, stopSignal: NodeJS.Signals): Promise<void> {
  for (const { signal, waitMs } of [
    // Its watcher may be stopping it already.
    { signal: undefined, waitMs: 5000 },
    { signal: stopSignal, waitMs: 15_000 },
    { signal: "SIGKILL" as const, waitMs: 5000 },
  ]) {
    const pid = livingProcess(pidFile, marker);
    if (pid === undefined) break;
    if (signal !== undefined) signalQuietly(pid, signal);
    for (const end = Date.now() + waitMs; Date.now() < end && livingProcess(pidFile, marker) !== undefined; )
      await sleep(50);
  }
  rmSync(pidFile, { force: true });
}

function signalQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended in the meantime.
  }
}

/** Opens a log to write to its end; begun anew when it has grown large. @returns the file descriptor */
export function openLogFile(file: string): number {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  return openSync(file, size > MAX_LOG_BYTES ? "w" : "a", 0o600);
}

/** The last line that a server logged, for an error message. */
export function lastLogLine(logFile: string, pattern: RegExp): string {
  try {
    const lines = readFileSync(logFile, "utf8").trimEnd().split("\n");
    return lines.findLast((line) => pattern.test(line)) ?? lines.at(-1) ?? "";
  } catch {
    return "";
  }
}
