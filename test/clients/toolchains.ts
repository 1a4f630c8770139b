import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { missing } from "../harness/missing.ts";

const VENV_PYTHON = join(import.meta.dirname, "../../node_modules/.cache/guildhall/python/bin/python");

/** A program to run clients with, or null where the machine has none; the reason is printed then. */
export type Toolchain = string | null;

/** A Python that has discord.py: the one made by setup-python.sh, else the machine's. */
export function pythonWithDiscord(): Toolchain {
  const has = (python: string) => runs(python, ["-c", "import discord, zstandard"]);
  if (existsSync(VENV_PYTHON) && has(VENV_PYTHON)) return VENV_PYTHON;
  if (has("python3")) return "python3";
  return missing("python3 with discord.py (test/clients/setup-python.sh installs it)");
}

/** The same with the programs that post to webhooks. */
export function pythonWithSenders(): Toolchain {
  const python = pythonWithDiscord();
  if (python === null || runs(python, ["-c", "import apprise, discord_webhook"])) return python;
  return missing("apprise and discord-webhook (test/clients/setup-python.sh installs them)");
}

/** The same with the library of Standard Webhooks. */
export function pythonWithStandardWebhooks(): Toolchain {
  const python = pythonWithDiscord();
  if (python === null || runs(python, ["-c", "import standardwebhooks"])) return python;
  return missing("standardwebhooks (test/clients/setup-python.sh installs it)");
}

export function go(): Toolchain {
  return runs("go", ["version"]) ? "go" : missing("go (https://go.dev/dl)");
}

function runs(command: string, args: readonly string[]): boolean {
  return spawnSync(command, [...args], { stdio: "ignore" }).status === 0;
}
