import { randomBytes } from "node:crypto";
import { appendFile, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres, { type Sql } from "postgres";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { MigrationError, migrate } from "../../core/migrate.ts";

let admin: Sql;
let dir: string;
const opened: Sql[] = [];

beforeAll(async () => {
  admin = postgres(inject("postgresUrl"), { max: 1, onnotice: () => {} });
  dir = await mkdtemp(join(tmpdir(), "guildhall-migrations-"));
});
afterAll(async () => {
  await Promise.all(opened.map((sql) => sql.end()));
  await admin.end();
  await rm(dir, { recursive: true, force: true });
});

/** An empty database of a test's own. */
async function database(): Promise<{ url: string; sql: Sql }> {
  const name = `m${randomBytes(6).toString("hex")}`;
  await admin.unsafe(`create database ${name}`);
  const url = new URL(inject("postgresUrl"));
  url.pathname = `/${name}`;
  const sql = postgres(url.href, { max: 1, onnotice: () => {} });
  opened.push(sql);
  return { url: url.href, sql };
}

/** A folder with these migrations. */
async function migrations(files: Record<string, string>): Promise<string> {
  const folder = join(dir, randomBytes(6).toString("hex"));
  await mkdir(folder);
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

/** What the tables of a database look like, to compare before and after. */
async function shape(sql: Sql): Promise<postgres.RowList<postgres.Row[]>> {
  return sql`
    select table_name, column_name from information_schema.columns
    where table_schema = 'public' order by table_name, column_name`;
}

async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof MigrationError)) throw new Error("expected a MigrationError", { cause: error });
  expect(error.message).not.toContain("\n");
  return error.message;
}

describe("migrating", () => {
  it("applies every file of sql/ to an empty database, in order, and nothing the second time", async () => {
    const { url, sql } = await database();
    const files = (await readdir("sql")).sort();
    expect(await migrate(url)).toEqual({ applied: files });
    expect(await migrate(url)).toEqual({ applied: [] });
    const rows = await sql`select name, checksum, applied_at from schema_migrations order by name`;
    expect(rows.map((row) => row.name)).toEqual(files);
    for (const row of rows) {
      expect(row.checksum).toMatch(/^[0-9a-f]{64}$/);
      expect(row.applied_at).toBeInstanceOf(Date);
    }
  });

  it("is safe when several processes do it at once: each file is applied by one of them", async () => {
    const { url } = await database();
    const results = await Promise.all([1, 2, 3, 4].map(() => migrate(url)));
    expect(results.flatMap((result) => result.applied).sort()).toEqual((await readdir("sql")).sort());
  });

  it("applies only what is new", async () => {
    const { url } = await database();
    const folder = await migrations({ "0001-one.sql": "create table one (id int);" });
    await migrate(url, folder);
    await writeFile(join(folder, "0002-two.sql"), "create table two (id int);");
    expect(await migrate(url, folder)).toEqual({ applied: ["0002-two.sql"] });
  });

  it("leaves nothing of a file that fails, keeps those before it, and goes on when it is mended", async () => {
    const { url, sql } = await database();
    const folder = await migrations({
      "0001-one.sql": "create table one (id int primary key);",
      "0002-two.sql": "create table two (id int); insert into one values (1); insert into one values (1);",
      "0003-three.sql": "create table three (id int);",
    });
    expect(await refusal(migrate(url, folder))).toMatch(/^0002-two\.sql failed and left nothing behind: duplicate key/);
    expect((await shape(sql)).filter((row) => !JSON.stringify(row).includes("schema_migrations"))).toEqual([
      { table_name: "one", column_name: "id" },
    ]);
    expect(await sql`select * from one`).toHaveLength(0);
    await writeFile(join(folder, "0002-two.sql"), "create table two (id int);");
    expect(await migrate(url, folder)).toEqual({ applied: ["0002-two.sql", "0003-three.sql"] });
  });

  it("leaves nothing of a file that can't be parsed", async () => {
    const { url, sql } = await database();
    const folder = await migrations({ "0001-one.sql": "create table one (id int); creat table two (id int);" });
    expect(await refusal(migrate(url, folder))).toContain("syntax error");
    expect(await sql`select to_regclass('one') as found`).toEqual([{ found: null }]);
    expect(await sql`select * from schema_migrations`).toHaveLength(0);
  });

  it("refuses a file that was edited after it was applied, and changes nothing", async () => {
    const { url, sql } = await database();
    const folder = await migrations({ "0001-one.sql": "create table one (id int);" });
    await migrate(url, folder);
    await appendFile(join(folder, "0001-one.sql"), "-- harmless\n");
    await writeFile(join(folder, "0002-two.sql"), "create table two (id int);");
    const before = await shape(sql);
    expect(await refusal(migrate(url, folder))).toMatch(/^0001-one\.sql was edited after it was applied; /);
    expect(await shape(sql)).toEqual(before);
  });

  it("refuses a database that is ahead of the files", async () => {
    const { url } = await database();
    const folder = await migrations({ "0001-one.sql": "select 1;", "0002-two.sql": "select 2;" });
    await migrate(url, folder);
    await rm(join(folder, "0002-two.sql"));
    expect(await refusal(migrate(url, folder))).toContain("0002-two.sql was applied to this database but is not here");
  });

  it("refuses a new file with a number before one that is applied", async () => {
    const { url } = await database();
    const folder = await migrations({ "0002-two.sql": "select 2;" });
    await migrate(url, folder);
    await writeFile(join(folder, "0001-one.sql"), "select 1;");
    expect(await refusal(migrate(url, folder))).toContain("0001-one.sql comes before 0002-two.sql");
  });

  it("refuses files whose order isn't told by their names", async () => {
    const { url } = await database();
    expect(await refusal(migrate(url, await migrations({ "1-one.sql": "select 1;" })))).toContain("1-one.sql");
    const twins = await migrations({ "0001-one.sql": "select 1;", "0001-uno.sql": "select 1;" });
    expect(await refusal(migrate(url, twins))).toContain("number 0001");
  });
});

/** The entity relationship diagram that the schema keeps to. */
const DIAGRAM: Record<string, string[]> = {
  users: ["id", "username", "email", "password_hash", "created_at", "updated_at"],
  servers: ["id", "name", "owner_id", "created_at"],
  refresh_tokens: ["id", "user_id", "token", "expires_at", "created_at"],
  server_members: ["server_id", "user_id", "joined_at", "nickname"],
  dm_channels: ["id", "user1_id", "user2_id", "created_at"],
  roles: ["id", "server_id", "name", "permissions", "is_default"],
  server_member_roles: ["server_id", "user_id", "role_id"],
  channels: ["id", "server_id", "name", "created_at"],
  messages: ["id", "channel_id", "dm_channel_id", "author_id", "content", "created_at", "edited_at", "deleted"],
};

/** Which column refers to which table, as the diagram's lines say. */
const REFERENCES = [
  ["servers", "owner_id", "users"],
  ["refresh_tokens", "user_id", "users"],
  ["server_members", "server_id", "servers"],
  ["server_members", "user_id", "users"],
  ["dm_channels", "user1_id", "users"],
  ["dm_channels", "user2_id", "users"],
  ["roles", "server_id", "servers"],
  ["server_member_roles", "server_id", "server_members"],
  ["server_member_roles", "user_id", "server_members"],
  ["server_member_roles", "role_id", "roles"],
  ["channels", "server_id", "servers"],
  ["messages", "channel_id", "channels"],
  ["messages", "dm_channel_id", "dm_channels"],
  ["messages", "author_id", "users"],
];

describe("the schema", () => {
  let sql: Sql;
  beforeAll(async () => {
    const made = await database();
    sql = made.sql;
    await migrate(made.url);
  });

  it.each(Object.entries(DIAGRAM))("has the diagram's table %s with its columns", async (table, columns) => {
    const rows = await sql`
      select column_name from information_schema.columns where table_schema = 'public' and table_name = ${table}`;
    expect(rows.map((row) => row.column_name)).toEqual(expect.arrayContaining(columns));
  });

  it.each(REFERENCES)("has the diagram's line from %s.%s to %s", async (table, column, target) => {
    const rows = await sql`
      select 1 from pg_constraint c
      join pg_attribute a on a.attrelid = c.conrelid and a.attnum = any (c.conkey)
      where c.contype = 'f' and c.conrelid = ${table}::regclass and c.confrelid = ${target}::regclass
        and a.attname = ${column}`;
    expect(rows).toHaveLength(1);
  });

  it("lets a message be in a channel or in a direct conversation, never in both or neither", async () => {
    await sql`insert into users (id, username, email, password_hash) values (1, 'ada', 'a@b.c', 'x'), (2, 'bob', 'b@b.c', 'x')`;
    await sql`insert into servers (id, name, owner_id) values (1, 'home', 1)`;
    await sql`insert into channels (id, server_id, name) values (1, 1, 'general')`;
    await sql`insert into dm_channels (id, user1_id, user2_id) values (2, 1, 2)`;
    await expect(sql`insert into messages (id, author_id) values (1, 1)`).rejects.toThrow("check constraint");
    await expect(
      sql`insert into messages (id, author_id, channel_id, dm_channel_id) values (1, 1, 1, 2)`,
    ).rejects.toThrow("check constraint");
    await sql`insert into messages (id, author_id, channel_id) values (1, 1, 1)`;
    await sql`insert into messages (id, author_id, dm_channel_id) values (2, 1, 2)`;
  });

  it("says in a comment what each table is for", async () => {
    const rows = await sql`
      select relname from pg_class
      where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and obj_description(oid, 'pg_class') is null`;
    expect(rows.map((row) => row.relname)).toEqual([]);
  });

  it("has an index for every foreign key, so that a delete never scans the table that refers to it", async () => {
    const rows = await sql`
      select c.conrelid::regclass::text as "table", a.attname as "column" from pg_constraint c
      join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
      where c.contype = 'f' and not exists (
        select 1 from pg_index i where i.indrelid = c.conrelid and i.indkey[0] = any (c.conkey))`;
    expect(rows.map((row) => `${row.table}.${row.column}`)).toEqual([]);
  });
});
