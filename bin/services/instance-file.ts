import { chmodSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { commandOf } from "./process-table.ts";
import { StartupError } from "./startup-error.ts";

const Instance = z.object({
  port: z.number().int().positive(),
  password: z.string().min(1),
  /** The process that started the server last. The command tells it from a later process with the same number. */
  owner: z.object({ pid: z.number().int().positive(), command: z.string() }),
});

/** What is remembered of a private server between starts. */
export type Instance = z.infer<typeof Instance>;

export function readInstance(file: string): Instance | undefined {
  try {
    return Instance.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return undefined;
  }
}

/** Remembers port and password, with this process as the owner. Readable by us alone. */
export function writeInstance(file: string, instance: { port: number; password: string }): void {
  const owner = { pid: process.pid, command: commandOf(process.pid) ?? "" };
  const draft = `${file}.draft`;
  writeFileSync(draft, `${JSON.stringify({ ...instance, owner })}\n`, { mode: 0o600 });
  renameSync(draft, file);
}

/** @throws StartupError when the process that started this server still lives, and isn't this one. */
export async function refuseSecondOwner(instance: Instance, folder: string): Promise<void> {
  const { pid, command } = instance.owner;
  // One that was killed a moment ago may take a moment to be gone.
  for (let tries = 0; tries < 20; tries++) {
    if (pid === process.pid || commandOf(pid) !== command) return;
    await sleep(50);
  }
  throw new StartupError(
    `Guildhall already runs on ${folder} (process ${pid}); stop that one, or set GUILDHALL_DATA to another folder.`,
  );
}

/**
 * Makes the folder of one service. When root runs us, the service may run as another user, who must be able to go
 * through the data folder (not to list it).
 */
export function serviceFolder(dataDir: string, name: string): string {
  const mode = process.getuid?.() === 0 ? 0o711 : 0o700;
  const folder = join(dataDir, name);
  mkdirSync(folder, { recursive: true });
  chmodSync(dataDir, (statSync(dataDir).mode & 0o777) | (mode & 0o011));
  chmodSync(folder, mode);
  return folder;
}
