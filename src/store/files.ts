import type { Db, Transaction } from "../../core/db.ts";
import type { AttachmentRow } from "../../core/wire/attachment.ts";

/** A message's attachments as JSON, from alias `msg`. */
export const attachmentsJson = (sql: Db) => sql`
  coalesce((select json_agg(json_build_object('id', f.id::text, 'channel_id', f.channel_id::text,
      'filename', f.filename, 'title', f.title, 'description', at.description, 'size', f.size,
      'content_type', f.content_type, 'width', f.width, 'height', f.height, 'duration_secs', f.duration_secs,
      'waveform', f.waveform, 'flags', f.flags) order by f.id)
    from attachments at join files f on f.id = at.file_id where at.message_id = msg.id), '[]')`;

/** Enters files that no message has yet: if none gets them, they are collected. */
export async function insertFiles(sql: Db, files: readonly AttachmentRow[]): Promise<void> {
  const rows = files.map(({ description: _, ...file }) => file);
  await sql`insert into files ${sql(rows)}`;
}

/** The part of a statement that stores a message, made by `made`, which gives it its files. */
export const attachTo = (sql: Db, attachments: readonly AttachmentRow[]) => sql`
  , kept as (
    update files set orphaned_at = null from made where files.id = any(${attachments.map(({ id }) => id)}::bigint[])
  ), attached as (
    insert into attachments (message_id, file_id, description)
    select made.id, given.file_id, given.description from made, unnest(${attachments.map(({ id }) => id)}::bigint[],
      ${attachments.map(({ description }) => description)}::text[]) as given (file_id, description)
  )`;

/** Makes the files given, with their descriptions, all that a message has. */
export async function replaceAttachments(
  tx: Transaction,
  messageId: string,
  attachments: readonly Pick<AttachmentRow, "id" | "description">[],
): Promise<void> {
  const ids = attachments.map(({ id }) => id);
  const descriptions = attachments.map(({ description }) => description);
  await tx`delete from attachments where message_id = ${messageId} and file_id <> all(${ids}::bigint[])`;
  if (ids.length === 0) return;
  await tx`update files set orphaned_at = null where id = any(${ids}::bigint[]) and orphaned_at is not null`;
  await tx`
    insert into attachments (message_id, file_id, description)
    select ${messageId}, given.file_id, given.description
    from unnest(${ids}::bigint[], ${descriptions}::text[]) as given (file_id, description)
    on conflict (message_id, file_id) do update set description = excluded.description`;
}

export interface ServedFile {
  id: string;
  filename: string;
  channel_id: string;
  size: number;
  content_type: string;
}

/** A file that an interaction has, or a message which is not deleted. */
export async function findServedFile(sql: Db, id: string): Promise<ServedFile | undefined> {
  const [row] = await sql<ServedFile[]>`
    select f.id, f.filename, f.channel_id, f.size, f.content_type from files f
    where f.id = ${id} and (exists (select 1 from attachments at join messages msg on msg.id = at.message_id
      where at.file_id = f.id and not msg.deleted)
      or exists (select 1 from interaction_files i where i.file_id = f.id))`;
  return row;
}

/** The longest unattached files, by the time since when they are, or may be. */
export async function dueFiles(sql: Db, before: Date, limit: number): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select id from files where orphaned_at < ${before} order by orphaned_at limit ${limit}`;
  return rows.map(({ id }) => id);
}

/** Of the files, those that a message or an interaction has after all are no orphans: one of several has lost them. */
export async function keepAttachedFiles(sql: Db, ids: readonly string[], before: Date): Promise<void> {
  await sql`
    update files set orphaned_at = null where id = any(${[...ids]}::bigint[]) and orphaned_at < ${before}
      and (exists (select 1 from attachments at where at.file_id = files.id)
        or exists (select 1 from interaction_files i where i.file_id = files.id))`;
}

/** @returns false when it is not to be deleted: a message has got it, or lately had it */
export async function deleteFile(tx: Transaction, id: string, before: Date): Promise<boolean> {
  const rows = await tx`
    delete from files where id = ${id} and orphaned_at < ${before}
      and not exists (select 1 from attachments at where at.file_id = files.id)
      and not exists (select 1 from interaction_files i where i.file_id = files.id) returning id`;
  return rows.length > 0;
}
