import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { freePort } from "./free-port.ts";
import { type Instance, readInstance, refuseSecondOwner, serviceFolder, writeInstance } from "./instance-file.ts";
import { findPostgres, type PostgresPrograms } from "./postgres-programs.ts";
import {
  clearLeftover,
  lastLogLine,
  livingProcess,
  type PrivateProcess,
  startPrivateProcess,
} from "./private-process.ts";
import { StartupError } from "./startup-error.ts";
import { canReach, reachableRoot, type User, unprivilegedUser } from "./unprivileged-user.ts";

export interface PrivateService {
  url: string;
  /** Resolves when it has ended, wanted or not. */
  ended: Promise<void>;
  stop(): Promise<void>;
}

export interface PrivateServiceOptions {
  /** Default: the port of the last start if it is free, else any. */
  port?: number;
  /** For tests: data doesn't survive a power cut, and everything is faster. */
  fast?: boolean;
}

const START_MS = 60_000;
const NAME = "guildhall";

/**
 * Runs a real Postgres for us alone: on 127.0.0.1, with a random password, its data in `dataDir`/postgres. Whatever a
 * crash left is cleared away; a second start keeps the data.
 * @throws StartupError when it can't be run here.
 */
export async function startPostgres(dataDir: string, options: PrivateServiceOptions = {}): Promise<PrivateService> {
  const folder = serviceFolder(resolve(dataDir), "postgres");
  const instanceFile = join(folder, "instance.json");
  const logFile = join(folder, "postgres.log");
  const data = join(folder, "data");
  const user = unprivilegedUser(data);
  const before = readInstance(instanceFile);
  if (versionOf(data) !== undefined) await clearBefore(realpathSync(data), before, resolve(dataDir));

  const password = before?.password ?? randomBytes(24).toString("hex");
  const programs = findPostgres(user, versionOf(data));
  if (versionOf(data) === undefined) await makeCluster(programs, { data, password, logFile, user, fast: options.fast });

  for (let tries = 1; ; tries++) {
    const port = options.port ?? (await freePort(tries === 1 ? before?.port : 0));
    writeInstance(instanceFile, { port, password });
    const server = startPrivateProcess({
      command: programs.postgres,
      // The real one: its user may not get through to a symbolic link.
      args: ["-D", realpathSync(data), ...settings(port, options.fast)],
      cwd: "/",
      logFile,
      stopSignal: "SIGINT",
      user,
    });
    const url = postgresUrl({ port, password });
    if (await becomesReady(url, server)) return { url, ended: server.ended, stop: server.stop };
    await server.stop();
    const reason = lastLogLine(logFile, /FATAL|could not/);
    if (options.port === undefined && tries < 5 && /Address already in use|could not create any TCP/.test(reason))
      continue;
    throw new StartupError(`The private Postgres does not start: ${reason || "no reason given"} (see ${logFile}).`);
  }
}

/** Where a private Postgres is found. */
export function postgresUrl({ port, password }: Pick<Instance, "port" | "password">): string {
  return `postgres://${NAME}:${password}@127.0.0.1:${port}/${NAME}`;
}

async function clearBefore(data: string, before: Instance | undefined, dataDir: string): Promise<void> {
  const pidFile = join(data, "postmaster.pid");
  if (before !== undefined && livingProcess(pidFile, data) !== undefined) await refuseSecondOwner(before, dataDir);
  await clearLeftover(pidFile, data, "SIGINT");
}

function versionOf(data: string): number | undefined {
  const file = join(data, "PG_VERSION");
  return existsSync(file) ? Number.parseInt(readFileSync(file, "utf8"), 10) : undefined;
}

function settings(port: number, fast = false): string[] {
  const values = {
    listen_addresses: "127.0.0.1",
    port,
    // No socket file: its folder differs by system, and its path may get too long.
    unix_socket_directories: "",
    max_connections: 200,
    log_min_messages: "warning",
    log_line_prefix: "%m [%p] ",
    ...(fast ? { fsync: "off", synchronous_commit: "off", full_page_writes: "off", shared_buffers: "32MB" } : {}),
  };
  return Object.entries(values).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

interface Cluster {
  data: string;
  password: string;
  logFile: string;
  user: User | undefined;
  fast: boolean | undefined;
}

/** Makes the data folder under another name first, so that one which a crash left half made is never taken for whole. */
async function makeCluster(programs: PostgresPrograms, cluster: Cluster): Promise<void> {
  const home = homeOfData(cluster);
  const draft = join(home, "draft");
  const passwordFile = join(home, "password");
  rmSync(draft, { recursive: true, force: true });
  rmSync(passwordFile, { force: true });
  mkdirSync(draft, { mode: 0o700 });
  writeFileSync(passwordFile, cluster.password, { mode: 0o600, flag: "wx" });
  if (cluster.user !== undefined) {
    chownSync(draft, cluster.user.uid, cluster.user.gid);
    chownSync(passwordFile, cluster.user.uid, cluster.user.gid);
  }
  // Sorted by code point, in lower and upper case for all of Unicode, the same on every system.
  const locale =
    programs.version >= 17
      ? ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
      : [process.platform === "linux" ? "--locale=C.UTF-8" : "--locale=en_US.UTF-8"];
  const args = [
    "-D",
    draft,
    "-U",
    NAME,
    `--pwfile=${passwordFile}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    ...locale,
  ];
  try {
    await run(programs.initdb, cluster.fast ? [...args, "--no-sync"] : args, cluster.user);
  } finally {
    rmSync(passwordFile, { force: true });
  }
  renameSync(draft, home === join(cluster.data, "..") ? cluster.data : join(home, "data"));
  if (home !== join(cluster.data, "..")) symlinkSync(join(home, "data"), cluster.data);
}

/**
 * Where the data folder is made: beside where it is looked for. When root runs us out of /root, the user of Postgres
 * can't get there; then it is made under /var/lib/guildhall, with a symbolic link to it.
 */
function homeOfData({ data, user }: Cluster): string {
  const beside = join(data, "..");
  if (lstatSync(data, { throwIfNoEntry: false })?.isSymbolicLink()) rmSync(data);
  if (user === undefined || canReach(beside, user)) return beside;
  const home = mkdtempSync(join(reachableRoot(), "data-"));
  chownSync(home, user.uid, user.gid);
  return home;
}

function run(command: string, args: string[], user: User | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: "/",
      env: { LC_ALL: "C", TZ: "UTC" },
      stdio: ["ignore", "ignore", "pipe"],
      ...user,
    });
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) return resolve();
      const reason =
        stderr.split("\n").find((line) => /error|could not|fatal/i.test(line)) ?? stderr.trim().split("\n").at(-1);
      reject(
        new StartupError(`The data folder of the private Postgres can't be made: ${reason ?? `exit code ${code}`}`),
      );
    });
  });
}

/** True once it answers and has our database; false when it ended instead. */
async function becomesReady(url: string, server: PrivateProcess): Promise<boolean> {
  let ended = false;
  void server.ended.then(() => {
    ended = true;
  });
  const admin = new URL(url);
  admin.pathname = "/postgres";
  for (const end = Date.now() + START_MS; Date.now() < end && !ended; await sleep(50)) {
    const sql = postgres(admin.href, { max: 1, connect_timeout: 5, onnotice: () => {}, idle_timeout: 1 });
    try {
      const [found] = await sql`select 1 from pg_database where datname = ${NAME}`;
      if (found === undefined) await sql`create database ${sql(NAME)}`;
      return true;
    } catch (error) {
      if (isFinal(error)) return false;
    } finally {
      await sql.end({ timeout: 1 });
    }
  }
  return false;
}

/** A wrong password won't get right by waiting: the server that answers isn't ours. */
function isFinal(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "28P01";
}
