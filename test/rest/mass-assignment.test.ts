import postgres from "postgres";
import { afterAll, expect, test } from "vitest";
import { routes } from "../../src/routes/index.ts";
import { startPlatform } from "../harness/platform.ts";
import * as matrix from "./matrix.ts";
import { makeWorld } from "./world.ts";

/**
 * Each write gets, beside its good body, a field for every column of every table that it does not take. None of the
 * values may be found in the database afterwards, and none of the switches may be on.
 */
const platform = await startPlatform();
const world = await makeWorld(platform);
const sql = postgres(platform.stores.databaseUrl, { max: 1, onnotice: () => {} });
afterAll(() => sql.end());

const columns = await sql<{ table: string; column: string; type: string }[]>`
  select table_name as table, column_name as column, data_type as type from information_schema.columns
  where table_schema = 'public' order by 1, 2`;
const tables = [...new Set(columns.map(({ table }) => table))];

const TEXT = "assigned-by-the-body";
const NUMBER = 424_242;
const TIME = "2001-02-03T04:05:06+00:00";
const MARKS = new RegExp(`${TEXT}|\\b${NUMBER}\\b|2001-02-03T04:05:06`);

function foreignValue(type: string): unknown {
  if (type === "boolean") return true;
  if (type === "ARRAY") return [TEXT];
  if (type === "jsonb") return { [TEXT]: TEXT };
  if (/int|double|numeric/.test(type)) return NUMBER;
  return type.startsWith("timestamp") ? TIME : TEXT;
}

/** All rows as text, by table. */
async function allRows(): Promise<Map<string, Set<string>>> {
  const lists = await Promise.all(
    tables.map(async (table) => {
      const rows = await sql<{ row: string }[]>`select to_jsonb(t)::text as row from ${sql(table)} t`;
      return [table, new Set(rows.map(({ row }) => row))] as const;
    }),
  );
  return new Map(lists);
}

const bodied = routes.filter(({ body, method }) => body !== undefined && method !== "GET");

test.each(bodied)("$method $path takes nothing from its body but its own fields", async (route) => {
  const another = await world.another();
  const caller = await matrix.callerOf(route, platform, { ...world, ...another });
  const good = matrix.rowOf(route).body?.(another.places);
  const own = new Set(fieldsOf(good));
  const foreign = columns.filter(({ column }) => !own.has(column));
  const extra = Object.fromEntries(foreign.map(({ column, type }) => [column, foreignValue(type)]));
  const before = await allRows();
  const answer = await matrix.ask(route, caller, another.places, { body: withExtra(good, extra) });
  expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(500);
  const after = await allRows();
  for (const [table, rows] of after) {
    for (const row of rows) {
      if (before.get(table)?.has(row)) continue;
      expect(row, `${table} has a value of the body`).not.toMatch(MARKS);
      const on = Object.entries(JSON.parse(row)).filter(([name, value]) => value === true && name in extra);
      // A row that is new or changed may have switches that are on by themselves.
      const spared = [...BY_ITSELF, ...(ALREADY_ON.find(([path]) => path.test(matrix.nameOf(route)))?.[1] ?? [])];
      expect(
        on.filter(([name]) => !spared.includes(`${table}.${name}`)),
        table,
      ).toEqual([]);
    }
  }
});

/** What is true in rows that were changed, without anybody's doing. */
const BY_ITSELF = ["users.bot", "roles.is_default", "threads.invitable", "applications.bot_public"];

/** What is true in the rows that a route changes: what it deletes, and a bot's own role that others pass by. */
const ALREADY_ON: readonly (readonly [RegExp, readonly string[]])[] = [
  [/ban|bulk-delete/, ["messages.deleted"]],
  [/^PATCH \/guilds\/:guild_id\/roles$/, ["roles.managed"]],
];

/** Names of fields at any depth. */
function fieldsOf(body: unknown): string[] {
  if (typeof body !== "object" || body === null) return [];
  const inner = Object.values(body).flatMap(fieldsOf);
  return Array.isArray(body) ? inner : [...Object.keys(body), ...inner];
}

function withExtra(body: unknown, extra: object): unknown {
  return Array.isArray(body) ? body.map((one) => ({ ...extra, ...one })) : { ...extra, ...Object(body) };
}
