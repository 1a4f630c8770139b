import type { Db, Transaction } from "../../core/db.ts";
import type { MessageRow } from "../../core/wire/message.ts";

/** A message that one person alone sees. */
export interface EphemeralRow {
  id: string;
  interaction_id: string;
  user_id: string;
  version: string;
  message: MessageRow;
}

export async function insertEphemeral(
  tx: Transaction,
  { message, interactionId, userId }: { message: MessageRow; interactionId: string; userId: string },
): Promise<void> {
  await tx`
    insert into ephemeral_messages (id, interaction_id, user_id, message)
    values (${message.id}, ${interactionId}, ${userId}, ${JSON.stringify(message)}::text::jsonb)`;
}

/** @param lock whether others who change it wait until the transaction ends */
export async function findEphemeral(
  sql: Db,
  id: string,
  userId: string,
  lock = false,
): Promise<EphemeralRow | undefined> {
  const [row] = await sql<EphemeralRow[]>`
    select id, interaction_id, user_id, version, message from ephemeral_messages
    where id = ${id} and user_id = ${userId} ${lock ? sql`for update` : sql``}`;
  return row === undefined ? undefined : { ...row, message: revived(row.message) };
}

/** @returns its new version */
export async function updateEphemeral(tx: Transaction, message: MessageRow): Promise<string | undefined> {
  const [row] = await tx<{ version: string }[]>`
    update ephemeral_messages set message = ${JSON.stringify(message)}::text::jsonb, version = version + 1
    where id = ${message.id} returning version`;
  return row?.version;
}

/** @returns false when it was gone */
export async function deleteEphemeral(tx: Transaction, id: string): Promise<boolean> {
  const rows = await tx`delete from ephemeral_messages where id = ${id} returning id`;
  return rows.length > 0;
}

/** JSON has no times. */
function revived(row: MessageRow): MessageRow {
  return {
    ...row,
    created_at: new Date(row.created_at),
    edited_at: row.edited_at === null ? null : new Date(row.edited_at),
    pinned_at: row.pinned_at === null ? null : new Date(row.pinned_at),
    thread: null,
    referenced: row.referenced === null ? null : revived(row.referenced),
  };
}
