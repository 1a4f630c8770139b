/**
 * npm run fuzz [-- --examples 350 --seed 1]: schemathesis makes requests from the API's own OpenAPI document and sends
 * them to a platform of its own, as the owner of a guild: valid ones, and ones that break each constraint. No answer
 * may be a 500, of another content type, or other than documented. Its last lines say how many requests, and the seed.
 * Examples are of the phase `fuzzing` alone: `--phases fuzzing --examples 5` makes a short run.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startProcesses } from "../harness/processes.ts";
import { type Place, preparePlace } from "./place.ts";

/** What would end the run's own login, guild or account. */
const SPARED = "auth/|/@me/guilds|/bot$";
const CHECKS = ["not_a_server_error", "content_type_conformance", "response_schema_conformance"];
const LIMIT_MS = 30 * 60_000;

const { values } = parseArgs({
  options: {
    examples: { type: "string", default: "350" },
    seed: { type: "string", default: String(Date.now()) },
    phases: { type: "string", default: "coverage,fuzzing" },
  },
});
const dir = await mkdtemp(join(tmpdir(), "guildhall-fuzz-"));
const schemathesis = install();
const platform = await startProcesses(dir, { apis: 1, gateways: 1 });
try {
  const place = await preparePlace(`${platform.apis[0]}/api/v10`);
  await writeFile(join(dir, "schemathesis.toml"), configuration(place));
  process.exitCode = await run(place);
} finally {
  await platform.stop();
  await rm(dir, { recursive: true, force: true });
}

function install(): string {
  const program = join(import.meta.dirname, "../../node_modules/.cache/guildhall/schemathesis/bin/schemathesis");
  if (existsSync(program)) return program;
  const { status } = spawnSync(join(import.meta.dirname, "setup-python.sh"), { stdio: "inherit" });
  if (status !== 0) throw new Error("schemathesis can't be installed: Python 3 with venv is needed");
  return program;
}

/** Ids that exist, so that requests get further than "unknown". */
function configuration({ token, ids }: Place): string {
  const lines = Object.entries(ids).map(([name, id]) => `"path.${name}" = "${id}"`);
  return [`headers = { Authorization = "${token}" }`, "[parameters]", ...lines, ""].join("\n");
}

function run({ api }: Place): Promise<number> {
  const options = [
    ["--url", api],
    ["--phases", values.phases],
    ["--max-examples", values.examples],
    ["--seed", values.seed],
    ["--checks", CHECKS.join(",")],
    ["--exclude-method", "DELETE"],
    ["--exclude-path-regex", SPARED],
    ["--request-timeout", "20"],
  ].flat();
  const child = spawn(schemathesis, ["run", `${api}/openapi.json`, ...options, "--continue-on-failure", "--no-color"], {
    cwd: dir,
    stdio: ["ignore", "inherit", "inherit"],
    timeout: LIMIT_MS,
  });
  return new Promise((resolve) => child.once("exit", (code) => resolve(code ?? 1)));
}
