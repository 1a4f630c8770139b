// npm run load [-- --seconds 60]: a platform of its own, one API and one gateway process, under the mix of k6/mix.js.
// Prints k6's summary, writes docs/load.html, and exits with k6's code: 99 when a threshold was crossed.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { openLab } from "./bench/lab.ts";

const K6 = "go.k6.io/k6@v1.8.1";
const root = join(import.meta.dirname, "..");
const bin = join(root, "node_modules/.cache/guildhall/bin");

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "60" }, report: { type: "string", default: "docs/load.html" } },
});

const k6 = findK6();
const lab = await openLab({ quick: false, profile: false });
try {
  const gateway = await lab.gateway();
  const api = await lab.api(gateway);
  process.exitCode = await run(k6, ["run", join(root, "loadtest/k6/mix.js")], {
    BASE_URL: `http://127.0.0.1:${api.port}`,
    SECONDS: values.seconds,
    K6_NO_USAGE_REPORT: "true",
    K6_WEB_DASHBOARD: "true",
    K6_WEB_DASHBOARD_PORT: "-1",
    K6_WEB_DASHBOARD_PERIOD: "1s",
    K6_WEB_DASHBOARD_EXPORT: resolve(root, values.report),
  });
} finally {
  await lab.stop();
}

/** The k6 of the machine, or one built once by Go, which takes some minutes. */
function findK6(): string {
  if (spawnSync("k6", ["version"], { stdio: "ignore" }).status === 0) return "k6";
  const own = join(bin, "k6");
  if (existsSync(own)) return own;
  console.log(`Building ${K6} (once, some minutes) …`);
  mkdirSync(bin, { recursive: true });
  const { status } = spawnSync("go", ["install", K6], { stdio: "inherit", env: { ...process.env, GOBIN: bin } });
  if (status !== 0) {
    console.error("k6 is missing. Install it (https://grafana.com/docs/k6) or Go (https://go.dev/dl).");
    process.exit(1);
  }
  return own;
}

function run(command: string, args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  const child = spawn(command, args, { stdio: ["ignore", "inherit", "inherit"], env: { ...process.env, ...env } });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => child.kill(signal));
  return new Promise((resolve) => {
    child.once("exit", (code) => resolve(code ?? 1));
    child.once("error", () => resolve(1));
  });
}
