import { AuditLogEvent } from "discord-api-types/v10";
import type { Transaction } from "../../core/db.ts";
import type { Event } from "../../core/event-log.ts";
import type { ChannelRow, OverwriteRow } from "../../core/wire/channel.ts";
import { listRoles } from "../store/roles.ts";
import { auditChange } from "./entry.ts";
import { overwriteFields } from "./fields.ts";

/** Tells the audit log of each overwrite of a channel that was added, changed or removed: one entry for each. */
export async function auditOverwrites(
  tx: Transaction,
  emit: (event: Event) => void,
  channel: Pick<ChannelRow, "id" | "server_id">,
  before: readonly OverwriteRow[],
  after: readonly OverwriteRow[],
): Promise<void> {
  const names = new Map((await listRoles(tx, channel.server_id)).map((role) => [role.id, role.name]));
  const [was, is] = [byId(before), byId(after)];
  for (const id of new Set([...was.keys(), ...is.keys()])) {
    const [old, fresh] = [was.get(id), is.get(id)];
    const options = { id, type: String((fresh ?? old)?.type ?? 0), ...roleName(names.get(id)) };
    const [from, to] = [old ? overwriteFields(old) : null, fresh ? overwriteFields(fresh) : null];
    emit(auditChange(channel.server_id, actionOf(old, fresh), channel.id, from, to, options));
  }
}

function actionOf(old: OverwriteRow | undefined, fresh: OverwriteRow | undefined): AuditLogEvent {
  if (old === undefined) return AuditLogEvent.ChannelOverwriteCreate;
  return fresh === undefined ? AuditLogEvent.ChannelOverwriteDelete : AuditLogEvent.ChannelOverwriteUpdate;
}

const byId = (rows: readonly OverwriteRow[]) => new Map(rows.map((row) => [row.id, row]));

const roleName = (name: string | undefined): Record<string, string> => (name === undefined ? {} : { role_name: name });
