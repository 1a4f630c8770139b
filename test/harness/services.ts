import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { startPostgres } from "../../bin/services/postgres.ts";
import { findRedis } from "../../bin/services/redis-program.ts";

declare module "vitest" {
  interface ProvidedContext {
    postgresUrl: string;
  }
}

/** One real Postgres for the whole run; each test file makes its own database in it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  // Installed here if need be: the test files run beside each other, and apt-get lets in one at a time.
  findRedis();
  const dir = await mkdtemp(join(tmpdir(), "guildhall-test-"));
  const postgres = await startPostgres(dir, { fast: true });
  project.provide("postgresUrl", postgres.url);
  return async () => {
    await postgres.stop();
    await rm(dir, { recursive: true, force: true });
  };
}
