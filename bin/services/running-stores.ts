import { join, resolve } from "node:path";
import { type Config, loadConfig } from "../../core/config.ts";
import { readInstance } from "./instance-file.ts";
import { postgresUrl } from "./postgres.ts";
import { commandOf } from "./process-table.ts";
import { redisUrl } from "./redis.ts";
import { StartupError } from "./startup-error.ts";

/**
 * For commands beside a platform that runs: where DATABASE_URL or REDIS_URL is not set, the private one of the
 * `guildhall start` that runs on the data folder.
 * @throws StartupError when none does
 */
export function withRunningStores(config: Config): Config {
  const { databaseUrl = postgresUrl(instance(config, "postgres", "DATABASE_URL")) } = config;
  const url = config.redisUrl ?? redisUrl(instance(config, "redis", "REDIS_URL"));
  return loadConfig({ ...process.env, DATABASE_URL: databaseUrl, REDIS_URL: url });
}

function instance({ dataDir }: Config, service: string, variable: string) {
  const found = readInstance(join(resolve(dataDir), service, "instance.json"));
  if (found !== undefined && commandOf(found.owner.pid) === found.owner.command) return found;
  throw new StartupError(
    `Guildhall doesn't run on ${dataDir}; start it, set GUILDHALL_DATA to its folder, or set ${variable}.`,
  );
}
