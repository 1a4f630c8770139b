import { AuditLogEvent } from "discord-api-types/v10";
import type { Transaction } from "../../core/db.ts";
import { type IntegrationRow, wireIntegrationWithoutUser } from "../../core/wire/integration.ts";
import type { App } from "../app.ts";
import { tellDeauthorized } from "../applications/authorizations.ts";
import type { Fields } from "../audit/changes.ts";
import { auditChange } from "../audit/entry.ts";
import type { Emit } from "../change.ts";
import type { Scope } from "../oauth2/scopes.ts";
import { deleteIntegration, insertIntegration, integrationOf, setIntegrationScopes } from "../store/integrations.ts";

/**
 * Notes that an application was added to a guild with these scopes, beside those it was added with before. The guild's
 * lock is held.
 */
export async function addIntegration(
  app: Pick<App, "nextId">,
  tx: Transaction,
  emit: Emit,
  added: { guildId: string; applicationId: string; userId: string; scopes: readonly Scope[] },
): Promise<void> {
  const before = await integrationOf(tx, added.guildId, added.applicationId);
  const scopes = [...new Set([...(before?.scopes ?? []), ...added.scopes])].sort();
  if (before === undefined) await insertIntegration(tx, { ...added, id: app.nextId(), scopes });
  else if (scopes.length === before.scopes.length) return;
  else await setIntegrationScopes(tx, before.id, scopes);
  const row = await integrationOf(tx, added.guildId, added.applicationId);
  if (row === undefined) throw new Error("the integration just added is not there");
  tell(emit, before === undefined ? "INTEGRATION_CREATE" : "INTEGRATION_UPDATE", row);
  const action = before === undefined ? AuditLogEvent.IntegrationCreate : AuditLogEvent.IntegrationUpdate;
  emit(
    auditChange(
      row.server_id,
      action,
      row.id,
      before === undefined ? null : integrationFields(before),
      integrationFields(row),
    ),
  );
}

/**
 * Ends an integration; the bot and the webhooks that belong to it are the caller's.
 * @param byUserId who ended it, as the application is told; null for the platform
 */
export async function endIntegration(
  tx: Transaction,
  emit: Emit,
  row: IntegrationRow,
  byUserId: string | null,
): Promise<void> {
  await deleteIntegration(tx, row.id);
  if (byUserId !== null) await tellDeauthorized(tx, [row.application_id], byUserId, row.server_id);
  const { id, server_id: guildId, application_id } = row;
  emit({ t: "INTEGRATION_DELETE", guildId, data: { id, guild_id: guildId, application_id } });
  emit({ t: "GUILD_INTEGRATIONS_UPDATE", guildId, data: { guild_id: guildId } });
  emit(auditChange(guildId, AuditLogEvent.IntegrationDelete, id, integrationFields(row), null));
}

function tell(emit: Emit, t: "INTEGRATION_CREATE" | "INTEGRATION_UPDATE", row: IntegrationRow): void {
  const guildId = row.server_id;
  emit({ t, guildId, data: { ...wireIntegrationWithoutUser(row), guild_id: guildId } });
  emit({ t: "GUILD_INTEGRATIONS_UPDATE", guildId, data: { guild_id: guildId } });
}

const integrationFields = ({ application, scopes }: IntegrationRow): Fields => ({
  name: application.name,
  type: "discord",
  scopes,
});
