import { Redis } from "ioredis";
import postgres from "postgres";
import { afterAll } from "vitest";
import { redisKeys } from "../../core/redis-keys.ts";
import type { Stores } from "../harness/platform.ts";

/**
 * A hash of every row of every table by table, and the number of the latest event: equal when nothing has changed.
 * Images are left out: one that a refused request has brought is nobody's, and is collected. So are partitions, which are
 * in their tables, leases, and who lives to have them.
 */
export type Fingerprint = Record<string, string>;

/** @returns how to take a fingerprint, in one statement */
export async function fingerprintOf(stores: Stores): Promise<() => Promise<Fingerprint>> {
  const sql = postgres(stores.databaseUrl, { max: 1, onnotice: () => {} });
  const redis = new Redis(stores.redisUrl);
  afterAll(async () => {
    redis.disconnect();
    await sql.end();
  });
  const tables = await sql<{ name: string }[]>`
    select table_name as name from information_schema.tables
    where table_schema = 'public' and table_name not in ('images', 'event_endpoint_leases', 'webhook_dispatchers')
      and table_name !~ '_[0-9]{8}$' order by 1`;
  const hashes = tables.map(
    ({ name }) =>
      `select '${name}' as name, md5(string_agg(t::text, e'\\n' order by t::text)) as hash from "${name}" t`,
  );
  return async () => {
    const rows = await sql.unsafe<{ name: string; hash: string | null }[]>(hashes.join(" union all "));
    const events = (await redis.get(redisKeys.seq)) ?? "0";
    return { ...Object.fromEntries(rows.map(({ name, hash }) => [name, hash ?? "empty"])), events };
  };
}
