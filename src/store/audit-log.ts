import type { Db, Transaction } from "../../core/db.ts";
import type { AuditLogRow } from "../../core/wire/audit-log.ts";

const auditColumns = (sql: Db) => sql`
  a.id, a.server_id, a.action_type, a.user_id, a.target_id, a.changes, a.options, a.reason`;

/** Stores entries, all in one statement. */
export async function insertAuditEntries(tx: Transaction, rows: readonly AuditLogRow[]): Promise<void> {
  if (rows.length === 0) return;
  const json = (value: unknown) => (value === null ? null : JSON.stringify(value));
  await tx`
    insert into audit_log (id, server_id, action_type, user_id, target_id, changes, options, reason)
    select e.id, e.server_id, e.action_type, e.user_id, e.target_id, e.changes::jsonb, e.options::jsonb, e.reason
    from unnest(${rows.map((row) => row.id)}::bigint[], ${rows.map((row) => row.server_id)}::bigint[],
      ${rows.map((row) => row.action_type)}::smallint[], ${rows.map((row) => row.user_id)}::bigint[],
      ${rows.map((row) => row.target_id)}::bigint[], ${rows.map((row) => json(row.changes))}::text[],
      ${rows.map((row) => json(row.options))}::text[], ${rows.map((row) => row.reason)}::text[])
      as e (id, server_id, action_type, user_id, target_id, changes, options, reason)`;
}

/**
 * Counts an action into the last entry of the same kind, if that is of the same person, target, channel and reason and
 * not older than `sinceId`. Who does the same at this moment waits until the transaction ends.
 * @returns whether there was one
 */
export async function countIntoEntry(tx: Transaction, row: AuditLogRow, sinceId: string): Promise<boolean> {
  const { server_id: guildId, action_type: action, user_id: userId, target_id: targetId } = row;
  await tx`select pg_advisory_xact_lock(hashtextextended(${`audit ${guildId} ${userId} ${targetId}`}, 0))`;
  const rows = await tx`
    update audit_log set options = jsonb_set(options, '{count}',
      to_jsonb(((options ->> 'count')::int + ${Number(row.options?.count ?? 1)})::text))
    where id = (
      select a.id from audit_log a
      where a.user_id = ${userId} and a.server_id = ${guildId} and a.id > ${sinceId} and a.action_type = ${action}
        and a.target_id is not distinct from ${targetId}
        and a.options ->> 'channel_id' is not distinct from ${row.options?.channel_id ?? null}
        and a.reason is not distinct from ${row.reason}
      order by a.id desc limit 1)
    returning id`;
  return rows.length > 0;
}

export interface AuditLogPage {
  user_id?: string | undefined;
  target_id?: string | undefined;
  action_type?: number | undefined;
  before?: string | undefined;
  after?: string | undefined;
  limit: number;
}

/** Newest first; with `after` and without `before`, oldest first. */
export async function listAuditLog(sql: Db, guildId: string, page: AuditLogPage): Promise<AuditLogRow[]> {
  const upward = page.after !== undefined && page.before === undefined;
  return sql<AuditLogRow[]>`
    select ${auditColumns(sql)} from audit_log a
    where a.server_id = ${guildId}
      ${page.user_id === undefined ? sql`` : sql`and a.user_id = ${page.user_id}`}
      ${page.target_id === undefined ? sql`` : sql`and a.target_id = ${page.target_id}`}
      ${page.action_type === undefined ? sql`` : sql`and a.action_type = ${page.action_type}`}
      ${page.before === undefined ? sql`` : sql`and a.id < ${page.before}`}
      ${page.after === undefined ? sql`` : sql`and a.id > ${page.after}`}
    order by a.id ${upward ? sql`asc` : sql`desc`} limit ${page.limit}`;
}

/** Removes entries older than an id, a batch at a time. @returns how many */
export async function deleteOldAuditEntries(sql: Db, beforeId: string, batch = 1000): Promise<number> {
  const rows = await sql`
    delete from audit_log where id in (
      select id from audit_log where id < ${beforeId} order by id limit ${batch}) returning id`;
  return rows.length;
}
