import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { z } from "zod";
import type { Clock } from "./clock.ts";
import type { SocketRecord } from "./record.ts";

/** What a process of library clients is told to do. */
export const libraryTask = z.object({
  /** `http://127.0.0.1:PORT` */
  api: z.string(),
  clients: z.array(z.object({ token: z.string(), intents: z.number(), shard: z.tuple([z.number(), z.number()]) })),
});

const common = { client: z.number(), at: z.number() };
const libraryReport = z.discriminatedUnion("kind", [
  /** Its connection is gone: it is about to resume, or to begin. */
  z.object({ ...common, kind: z.literal("reconnecting") }),
  /** It was told to start afresh. */
  z.object({ ...common, kind: z.literal("invalid") }),
  z.object({ ...common, kind: z.literal("dispatch"), t: z.string(), s: z.number().nullable(), d: z.unknown() }),
]);

/** What such a process says; `at` in ms since 1970. */
export type LibraryReport = z.infer<typeof libraryReport>;

export interface LibraryClient {
  token: string;
  record: SocketRecord;
}

export interface LibraryProcess {
  stop(): Promise<void>;
}

const DISCORD_JS = ["--import", "tsx", "test/faults/gateway-drill/discord-js-clients.ts"];
const DISCORD_PY = ["test/faults/gateway-drill/discord_py_clients.py"];

/** Real discord.js clients in a process of their own. */
export function startDiscordJs(api: string, clients: readonly LibraryClient[], clock: Clock): LibraryProcess {
  const child = spawn(process.execPath, DISCORD_JS, {
    env: { ...process.env, DRILL_TASK: taskOf(api, clients) },
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  child.on("message", (message) => take(message, clients, clock));
  return { stop: () => end(child) };
}

/** Real discord.py clients likewise, over the given transport compression. */
export function startDiscordPy(
  python: string,
  compression: "zlib-stream" | "zstd-stream",
  api: string,
  clients: readonly LibraryClient[],
  clock: Clock,
): LibraryProcess {
  const child = spawn(python, ["test/clients/with_compression.py", compression, ...DISCORD_PY], {
    env: { ...process.env, DRILL_TASK: taskOf(api, clients) },
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (child.stdout !== null) {
    createInterface({ input: child.stdout }).on("line", (line) => take(JSON.parse(line), clients, clock));
  }
  return { stop: () => end(child) };
}

function taskOf(api: string, clients: readonly LibraryClient[]): string {
  const task: z.infer<typeof libraryTask> = {
    api,
    clients: clients.map(({ token, record }) => ({ token, intents: record.intents, shard: [...record.shard] })),
  };
  return JSON.stringify(task);
}

function take(message: unknown, clients: readonly LibraryClient[], clock: Clock): void {
  const report = libraryReport.parse(message);
  const record = clients[report.client]?.record;
  if (record === undefined) return;
  if (report.kind === "reconnecting") record.asks(clock.highestAt(report.at));
  else if (report.kind === "invalid") {
    record.isToldAfresh();
    record.asks(clock.highestAt(report.at));
  } else {
    clock.see(report.s ?? 0);
    record.onDispatch(report, report.at);
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await gone;
}
