// Seconds from the start of `npm start`'s program to both ready answers (API and gateway), on a data folder that a start
// before has made: private Postgres and Redis are started, migrations looked at. Node's own start is in it, npm's is not.
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { freePort } from "../../bin/services/free-port.ts";
import type { Lab } from "./lab.ts";
import type { Figure } from "./report.ts";
import { compare } from "./rounds.ts";

const LAUNCHER = fileURLToPath(new URL("../../bin/guildhall.js", import.meta.url));
const AIM_SECONDS = 3;
const LIMIT_MS = 120_000;

export async function startup(lab: Lab): Promise<Figure[]> {
  const dir = await mkdtemp(join(tmpdir(), "guildhall-startup-"));
  try {
    // Makes the database.
    await secondsToReady(dir);
    const rounds: { ours: number; aim: number }[] = [];
    for (let i = 0; i < (lab.quick ? 2 : 7); i++) rounds.push({ ours: await secondsToReady(dir), aim: AIM_SECONDS });
    return [
      {
        what: "npm start on a database that exists, till ready",
        unit: "s",
        comparison: compare(rounds, "ours", "aim"),
        sides: { ours: "Guildhall", bare: "aim" },
        aim: { atMost: 1 },
      },
    ];
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function secondsToReady(dir: string): Promise<number> {
  const [api, gateway] = [await freePort(), await freePort()];
  const env = {
    PATH: process.env.PATH ?? "",
    GUILDHALL_DATA: dir,
    PORT: String(api),
    GATEWAY_PORT: String(gateway),
    LOG_LEVEL: "warn",
  };
  const startedAt = performance.now();
  const child = spawn(process.execPath, [LAUNCHER, "start"], { env, stdio: ["ignore", "ignore", "inherit"] });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  try {
    for (const port of [api, gateway]) {
      while (!(await isReady(port))) {
        if (child.exitCode !== null) throw new Error(`npm start ended with ${child.exitCode}`);
        if (performance.now() - startedAt > LIMIT_MS) throw new Error("npm start does not get ready");
        await sleep(10);
      }
    }
    return (performance.now() - startedAt) / 1000;
  } finally {
    child.kill("SIGTERM");
    await ended;
  }
}

function isReady(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  );
}
