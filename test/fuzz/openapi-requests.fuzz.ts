import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Route } from "../../src/route.ts";
import { routes } from "../../src/routes/index.ts";
import { startPlatform } from "../harness/platform.ts";
import * as matrix from "../rest/matrix.ts";
import { makeWorld, type World } from "../rest/world.ts";

/**
 * npm run fuzz: schemathesis makes requests from the API's own OpenAPI document and sends them where they are right, as
 * who may: valid ones, and ones that break each constraint. No answer may be a 500, of another content type, or other
 * than documented. Its last lines say how many requests, and the seed.
 * FUZZ_EXAMPLES=5 FUZZ_PHASES=fuzzing npm run fuzz makes a short run; FUZZ_SEED=7 one that can be made again.
 */
const { FUZZ_EXAMPLES = "350", FUZZ_PHASES = "coverage,fuzzing", FUZZ_SEED = String(Date.now()) } = process.env;
const CHECKS = ["not_a_server_error", "content_type_conformance", "response_schema_conformance"];
const LIMIT_MS = 30 * 60_000;
/** What takes the ground from under those after it has a guild and an application of its own. */
const ALONE =
  /^(PUT|PATCH \/guilds|PATCH \/applications|POST .*\/(token|secret|bot|leave|logout|change-password|bulk-.*)$)/;

const platform = await startPlatform();
const world = await makeWorld(platform);

test(
  `no request made from the OpenAPI document is answered wrongly: seed ${FUZZ_SEED}`,
  async () => {
    const shared = await world.another();
    const operations: string[] = [];
    for (const route of routes.filter(({ method }) => method !== "DELETE")) {
      operations.push(await configured(route, ALONE.test(matrix.nameOf(route)) ? await world.another() : shared));
    }
    await writeFile(join(platform.stores.dir, "schemathesis.toml"), operations.join("\n"));
    const before = await statuses();
    const code = await run(installed());
    const answered = [...(await statuses())].map(([status, n]) => `${n - (before.get(status) ?? 0)} × ${status}`);
    console.log(answered.sort().join(", "));
    expect(code).toBe(0);
  },
  LIMIT_MS + 60_000,
);

/** Places that exist, for who may: requests get further than "unknown". */
async function configured(route: Route, at: Awaited<ReturnType<World["another"]>>): Promise<string> {
  const { token } = await matrix.callerOf(route, platform, { ...world, ...at });
  const path = route.path.replace(/:(\w+)/g, "{$1}");
  const parameters = matrix.parametersOf(route).map((name) => {
    const place = matrix.rowOf(route).path?.[name] ?? name;
    return `"path.${name}" = ${JSON.stringify(matrix.isPlace(place, at.places) ? at.places[place] : name)}`;
  });
  return [
    "[[operations]]",
    `include-name = "${route.method} ${path}"`,
    `parameters = { ${parameters.join(", ")} }`,
    ...(token === null ? [] : [`headers = { Authorization = "${token}" }`]),
  ].join("\n");
}

function installed(): string {
  const program = join(import.meta.dirname, "../../node_modules/.cache/guildhall/schemathesis/bin/schemathesis");
  if (existsSync(program)) return program;
  const { status } = spawnSync(join(import.meta.dirname, "setup-python.sh"), { stdio: "inherit" });
  if (status !== 0) throw new Error("schemathesis can't be installed: Python 3 with venv is needed");
  return program;
}

function run(program: string): Promise<number | null> {
  const api = `${platform.url()}/api/v10`;
  const options = [
    ["--url", api],
    ["--phases", FUZZ_PHASES],
    ["--max-examples", FUZZ_EXAMPLES],
    ["--seed", FUZZ_SEED],
    ["--checks", CHECKS.join(",")],
    ["--exclude-method", "DELETE"],
    ["--request-timeout", "20"],
  ].flat();
  const child = spawn(program, ["run", `${api}/openapi.json`, ...options, "--continue-on-failure", "--no-color"], {
    cwd: platform.stores.dir,
    stdio: ["ignore", "inherit", "inherit"],
    timeout: LIMIT_MS,
  });
  return new Promise((resolve) => child.once("exit", resolve));
}

/** How often each status was answered so far. */
async function statuses(): Promise<Map<string, number>> {
  const metrics = await (await fetch(`${platform.url()}/metrics`)).text();
  const counts = new Map<string, number>();
  const lines = /^guildhall_http_request_seconds_count\{.*status="(\d+)".*\} (\d+)/gm;
  for (const [, status = "", count] of metrics.matchAll(lines)) {
    counts.set(status, (counts.get(status) ?? 0) + Number(count));
  }
  return counts;
}
