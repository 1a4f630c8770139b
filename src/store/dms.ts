import type { Db } from "../../core/db.ts";

export interface DmRow {
  id: string;
  last_message_id: string | null;
  last_pin_at: Date | null;
}

const dmColumns = (sql: Db) => sql`
  d.id, d.last_pin_at, (select m.id from messages m where m.dm_channel_id = d.id and not m.deleted
    order by m.id desc limit 1) as last_message_id`;

export async function findDm(sql: Db, id: string): Promise<DmRow | undefined> {
  const [dm] = await sql<DmRow[]>`select ${dmColumns(sql)} from dm_channels d where d.id = ${id}`;
  return dm;
}

/** The conversation of two accounts, made with `newId` if there was none. */
export async function openDm(
  sql: Db,
  newId: string,
  oneId: string,
  otherId: string,
): Promise<{ dm: DmRow; made: boolean }> {
  const [low, high] = BigInt(oneId) < BigInt(otherId) ? [oneId, otherId] : [otherId, oneId];
  await sql`
    insert into dm_channels (id, user1_id, user2_id) values (${newId}, ${low}, ${high}) on conflict do nothing`;
  const [dm] = await sql<DmRow[]>`
    select ${dmColumns(sql)} from dm_channels d where d.user1_id = ${low} and d.user2_id = ${high}`;
  if (dm === undefined) throw new Error("a conversation vanished while it was opened");
  return { dm, made: dm.id === newId };
}
