import type { AuditLogEvent } from "discord-api-types/v10";
import type { Event } from "../../core/event-log.ts";
import type { AuditDraft } from "../../core/wire/audit-log.ts";
import { changesBetween, type Fields } from "./changes.ts";

/**
 * An entry of a guild's audit log, to be emitted beside the event of what it tells of. `change()` adds who did it and
 * why, stores it in the same transaction, and tells those who may see it.
 */
export function auditEntry(guildId: string, draft: AuditDraft): Event {
  return { t: "GUILD_AUDIT_LOG_ENTRY_CREATE", guildId, data: null, audit: draft };
}

/** An action that changes no field of its target, such as a kick. */
export function auditAction(
  guildId: string,
  action: AuditLogEvent,
  targetId: string | null,
  options?: AuditDraft["options"],
): Event {
  return auditEntry(guildId, { action, targetId, changes: null, ...(options === undefined ? {} : { options }) });
}

/** An action that makes, changes or removes something; without a difference there will be no entry. */
export function auditChange(
  guildId: string,
  action: AuditLogEvent,
  targetId: string | null,
  before: Fields | null,
  after: Fields | null,
  options?: AuditDraft["options"],
): Event {
  const changes = changesBetween(before, after);
  return auditEntry(guildId, { action, targetId, changes, ...(options === undefined ? {} : { options }) });
}
