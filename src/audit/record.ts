import { AuditLogEvent } from "discord-api-types/v10";
import type { Transaction } from "../../core/db.ts";
import type { Event } from "../../core/event-log.ts";
import { firstIdAt, type NextId } from "../../core/snowflake.ts";
import { type AuditDraft, type AuditLogRow, wireAuditEntry } from "../../core/wire/audit-log.ts";
import { countIntoEntry, insertAuditEntries } from "../store/audit-log.ts";

/** Who changes something, for the audit log. */
export interface Actor {
  /** Null for who has only a webhook's token, and for the platform itself. */
  userId: string | null;
  /** Why, in their words. Called only for changes that are logged. @throws ApiError when it is too long */
  reason(): string | null;
}

/** What is counted in one entry while somebody goes on doing it. */
const COUNTED: readonly number[] = [
  AuditLogEvent.MessageDelete,
  AuditLogEvent.MemberMove,
  AuditLogEvent.MemberDisconnect,
];
/** Discord documents the count, not for how long: its logs show entries that grow for some five minutes. */
const COUNTED_FOR_MS = 5 * 60_000;

/**
 * Stores the audit log entries among the events of a change; of the others nothing is touched.
 * @returns the events to publish: the entries complete, without those that changed nothing or were counted into an
 *   earlier one, of which Discord tells nothing either
 */
export async function storeAuditEntries(
  tx: Transaction,
  events: readonly Event[],
  actor: Actor,
  nextId: NextId,
): Promise<Event[]> {
  const told: Event[] = [];
  const rows: AuditLogRow[] = [];
  for (const event of events) {
    const { audit, guildId, ...plain } = event;
    if (audit === undefined || guildId === undefined) {
      told.push(event);
      continue;
    }
    if (audit.changes?.length === 0) continue;
    const row = rowOf(guildId, audit, actor, nextId);
    const counts = COUNTED.includes(audit.action) && row.user_id !== null;
    if (counts && (await countIntoEntry(tx, row, firstIdAt(Date.now() - COUNTED_FOR_MS)))) continue;
    rows.push(row);
    told.push({ ...plain, guildId, data: { ...wireAuditEntry(row), guild_id: guildId } });
  }
  await insertAuditEntries(tx, rows);
  return told;
}

function rowOf(guildId: string, audit: AuditDraft, actor: Actor, nextId: NextId): AuditLogRow {
  return {
    id: nextId(),
    server_id: guildId,
    action_type: audit.action,
    user_id: actor.userId,
    target_id: audit.targetId,
    changes: audit.changes === null ? null : [...audit.changes],
    options: audit.options === undefined ? null : { ...audit.options },
    reason: actor.reason(),
  };
}
