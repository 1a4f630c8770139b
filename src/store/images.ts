import type { Db, Transaction } from "../../core/db.ts";

/** Enters an image, or notes that it is wanted again: from now on it stays for a day even if nothing has it. */
export async function noteImage(sql: Db, hash: string, size: number): Promise<void> {
  await sql`
    insert into images (hash, size) values (${hash}, ${size})
    on conflict (hash) do update set checked_at = now()`;
}

/** The images that were looked at longest ago. */
export async function dueImages(sql: Db, before: Date, limit: number): Promise<string[]> {
  const rows = await sql<{ hash: string }[]>`
    select hash from images where checked_at < ${before} order by checked_at limit ${limit}`;
  return rows.map(({ hash }) => hash);
}

/** Notes of those of the images that are in use that they were looked at. */
export async function keepUsedImages(sql: Db, hashes: readonly string[]): Promise<void> {
  await sql`update images set checked_at = now() where hash = any(${[...hashes]}) and ${isUsed(sql)}`;
}

/** @returns false when it is not to be deleted: it is in use, or wanted again */
export async function deleteImage(tx: Transaction, hash: string, before: Date): Promise<boolean> {
  const rows = await tx`
    delete from images where hash = ${hash} and checked_at < ${before} and not ${isUsed(tx)} returning hash`;
  return rows.length > 0;
}

/** Whether anything has an image: each column that holds hashes is asked by its index. */
const isUsed = (sql: Db) => sql`(
  exists (select 1 from users where avatar = images.hash)
  or exists (select 1 from users where banner = images.hash)
  or exists (select 1 from servers where icon = images.hash)
  or exists (select 1 from servers where banner = images.hash)
  or exists (select 1 from servers where splash = images.hash)
  or exists (select 1 from servers where discovery_splash = images.hash)
  or exists (select 1 from server_members where avatar = images.hash)
  or exists (select 1 from server_members where banner = images.hash)
  or exists (select 1 from roles where icon = images.hash)
  or exists (select 1 from webhooks where avatar = images.hash)
  or exists (select 1 from applications where icon = images.hash)
  or exists (select 1 from applications where cover_image = images.hash)
  or exists (select 1 from messages where webhook_avatar = images.hash))`;
