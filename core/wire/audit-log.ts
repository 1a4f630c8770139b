import type { AuditLogEvent } from "discord-api-types/v10";

/** A field of the target: without `old_value` it was null or absent before, without `new_value` it is now. */
export interface AuditChange {
  key: string;
  old_value?: unknown;
  new_value?: unknown;
}

/** What happened, before it is known who did it and why. */
export interface AuditDraft {
  action: AuditLogEvent;
  targetId: string | null;
  /** Null for actions that change no field; an empty list means that nothing was changed, and makes no entry. */
  changes: readonly AuditChange[] | null;
  options?: Readonly<Record<string, string>>;
}

export interface AuditLogRow {
  id: string;
  server_id: string;
  action_type: number;
  user_id: string | null;
  target_id: string | null;
  changes: AuditChange[] | null;
  options: Record<string, string> | null;
  reason: string | null;
}

/** https://discord.com/developers/docs/resources/audit-log#audit-log-entry-object */
export function wireAuditEntry(row: AuditLogRow) {
  return {
    id: row.id,
    action_type: row.action_type,
    user_id: row.user_id,
    target_id: row.target_id,
    ...(row.changes === null ? {} : { changes: row.changes }),
    ...(row.options === null ? {} : { options: row.options }),
    ...(row.reason === null ? {} : { reason: row.reason }),
  };
}
