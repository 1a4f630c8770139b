import type { Db } from "../../core/db.ts";

/** Enters an image, or notes that it is wanted again: from now on it stays for a day even if nothing has it. */
export async function noteImage(sql: Db, hash: string, size: number): Promise<void> {
  await sql`
    insert into images (hash, size) values (${hash}, ${size})
    on conflict (hash) do update set checked_at = now()`;
}
