import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import postgres from "postgres";

/** A migration that can't be applied. The message is one line: which file, and what to do. */
export class MigrationError extends Error {
  override readonly name = "MigrationError";
}

interface Migration {
  name: string;
  text: string;
  checksum: string;
}

const SQL_DIR = fileURLToPath(new URL("../sql", import.meta.url));
/** Any constant that nothing else in the database locks: the letters "guild" as a number. */
const LOCK = 0x6775696c64;

/**
 * Brings the schema up to date: applies the numbered files of `dir` that the database hasn't had yet, in order, each
 * in a transaction of its own together with its row in schema_migrations. Several processes may call this at once:
 * one works, the others wait for it.
 * @returns the names of the files applied by this call.
 * @throws MigrationError when an applied file was edited or is missing, or when a file fails; what failed left nothing.
 */
export async function migrate(databaseUrl: string, dir = SQL_DIR): Promise<{ applied: string[] }> {
  const migrations = await readMigrations(dir);
  // One connection: the advisory lock belongs to it. No statement timeout, as building an index may take long.
  const sql = postgres(databaseUrl, {
    max: 1,
    connect_timeout: 5,
    max_lifetime: null,
    onnotice: () => {},
    connection: { application_name: "guildhall migrate" },
  });
  try {
    // Let go when the connection ends, however it ends.
    await sql`select pg_advisory_lock(${LOCK})`;
    await sql`
      create table if not exists schema_migrations (
        name       text primary key,
        checksum   text not null,
        applied_at timestamptz not null default now()
      )`;
    await sql`comment on table schema_migrations is 'The files of sql/ that this database has had.'`;
    await sql`comment on column schema_migrations.checksum is 'SHA-256 of the file, hex: an applied file must not change.'`;
    const pending = unapplied(migrations, await sql<AppliedRow[]>`select name, checksum from schema_migrations`);
    for (const migration of pending) await apply(sql, migration);
    return { applied: pending.map((migration) => migration.name) };
  } finally {
    await sql.end({ timeout: 5 });
  }
}

async function readMigrations(dir: string): Promise<Migration[]> {
  const names = (await readdir(dir)).filter((name) => name.endsWith(".sql")).sort();
  const numbers = new Set<string>();
  for (const name of names) {
    const number = /^(\d{4})-[a-z0-9-]+\.sql$/.exec(name)?.[1];
    if (number === undefined) throw new MigrationError(`${name} is not named like 0001-what-it-does.sql.`);
    if (numbers.has(number))
      throw new MigrationError(`Two migrations have the number ${number}; renumber the newer one.`);
    numbers.add(number);
  }
  return Promise.all(names.map((name) => readMigration(dir, name)));
}

async function readMigration(dir: string, name: string): Promise<Migration> {
  const text = await readFile(join(dir, name), "utf8");
  return { name, text, checksum: createHash("sha256").update(text).digest("hex") };
}

interface AppliedRow {
  name: string;
  checksum: string;
}

/** The files still to apply. What was applied must be an unchanged beginning of the list: the way is only forward. */
function unapplied(migrations: Migration[], applied: AppliedRow[]): Migration[] {
  const files = new Map(migrations.map((migration) => [migration.name, migration]));
  let last = "";
  for (const { name, checksum } of applied) {
    const file = files.get(name);
    if (file === undefined) {
      throw new MigrationError(`${name} was applied to this database but is not here: is this an older Guildhall?`);
    }
    if (file.checksum !== checksum) {
      throw new MigrationError(`${name} was edited after it was applied; undo that and write a new migration instead.`);
    }
    if (name > last) last = name;
  }
  const done = new Set(applied.map((row) => row.name));
  const pending = migrations.filter((migration) => !done.has(migration.name));
  const late = pending.find((migration) => migration.name < last);
  if (late)
    throw new MigrationError(`${late.name} comes before ${last}, which is applied already; give it a new number.`);
  return pending;
}

async function apply(sql: postgres.Sql, migration: Migration): Promise<void> {
  try {
    await sql.begin(async (transaction) => {
      await transaction.unsafe(migration.text);
      await transaction`
        insert into schema_migrations (name, checksum) values (${migration.name}, ${migration.checksum})`;
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/\s+/g, " ") : String(error);
    throw new MigrationError(`${migration.name} failed and left nothing behind: ${reason}`, { cause: error });
  }
}
