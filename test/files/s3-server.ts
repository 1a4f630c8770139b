import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "../../bin/services/free-port.ts";

const PROGRAM = join(import.meta.dirname, "../../node_modules/.cache/guildhall/bin/versitygw");
const ACCESS_KEY = "access";
const SECRET_KEY = "a secret for tests";

/** An S3 server that checks signatures, as a process of its own. */
export interface S3Server {
  /** What points a platform to a bucket in it. */
  env: Record<string, string>;
  /** Where the bucket's objects are files. */
  bucketDir: string;
  stop(): Promise<void>;
}

/** Null where the server is not installed and can't be; in CI that is an error. */
export function s3Program(): string | null {
  if (existsSync(PROGRAM)) return PROGRAM;
  if (process.env.CI !== undefined && process.env.CI !== "" && process.env.CI !== "false") {
    throw new Error("CI needs the S3 server of test/files/setup-s3.sh");
  }
  const found = spawnSync("versitygw", ["--version"], { stdio: "ignore" }).status === 0;
  if (!found) console.warn("skipped, because this machine has no versitygw (test/files/setup-s3.sh installs it)");
  return found ? "versitygw" : null;
}

export async function startS3(program: string, dir: string): Promise<S3Server> {
  const port = await freePort();
  const root = join(dir, "s3");
  const bucketDir = join(root, "files");
  const sidecar = join(dir, "metadata-of-s3");
  await mkdir(bucketDir, { recursive: true });
  await mkdir(sidecar, { recursive: true });
  const child = spawn(program, ["--port", `127.0.0.1:${port}`, "--quiet", "posix", "--sidecar", sidecar, root], {
    env: { ...process.env, ROOT_ACCESS_KEY: ACCESS_KEY, ROOT_SECRET_KEY: SECRET_KEY },
    stdio: "ignore",
  });
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const endpoint = `http://127.0.0.1:${port}`;
  // It refuses whoever has not signed, once it answers.
  while (
    !(await fetch(endpoint).then(
      ({ status }) => status === 403,
      () => false,
    ))
  ) {
    if (child.exitCode !== null) throw new Error("the S3 server does not start");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    env: {
      S3_ENDPOINT: endpoint,
      S3_BUCKET: "files",
      S3_REGION: "us-east-1",
      S3_ACCESS_KEY_ID: ACCESS_KEY,
      S3_SECRET_ACCESS_KEY: SECRET_KEY,
    },
    bucketDir,
    stop: async () => {
      child.kill("SIGTERM");
      await gone;
    },
  };
}
