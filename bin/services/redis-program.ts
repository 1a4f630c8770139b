import { spawnSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { findProgram, isExecutable } from "./process-table.ts";
import { StartupError } from "./startup-error.ts";

/**
 * The machine's redis-server. Where there is none it is installed, if that needs no question: by apt-get for root, by
 * Homebrew on a Mac.
 * @throws StartupError that says how to get it.
 */
export function findRedis(): string {
  const found = findProgram("redis-server") ?? (install() ? findProgram("redis-server") : undefined);
  if (found !== undefined) return found;
  const how =
    process.platform === "darwin"
      ? "brew install redis"
      : isExecutable("/usr/bin/apt-get")
        ? "sudo apt-get install redis-server"
        : "with your package manager";
  throw new StartupError(`redis-server is not installed: install it (${how}), or set REDIS_URL to a Redis that runs.`);
}

function install(): boolean {
  const brew = process.platform === "darwin" ? findProgram("brew") : undefined;
  if (brew !== undefined) {
    console.error("Installing Redis with Homebrew …");
    return spawnSync(brew, ["install", "redis"], { stdio: "ignore" }).status === 0;
  }
  const aptGet = process.getuid?.() === 0 ? findProgram("apt-get") : undefined;
  if (aptGet === undefined) return false;
  console.error("Installing redis-server with apt-get …");
  return withoutStartingServices(() => {
    const apt = (...args: string[]) =>
      spawnSync(aptGet, ["-qq", ...args], {
        stdio: "ignore",
        env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
      });
    if (apt("install", "-y", "--no-install-recommends", "redis-server").status === 0) return true;
    apt("update");
    return apt("install", "-y", "--no-install-recommends", "redis-server").status === 0;
  });
}

/** Debian starts a server when it is installed, on its usual port; we want the program only. See invoke-rc.d(8). */
function withoutStartingServices<T>(install: () => T): T {
  const policy = "/usr/sbin/policy-rc.d";
  if (existsSync(policy)) return install();
  writeFileSync(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    return install();
  } finally {
    rmSync(policy, { force: true });
  }
}
