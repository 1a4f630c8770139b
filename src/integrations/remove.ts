import { AuditLogEvent } from "discord-api-types/v10";
import type { Transaction } from "../../core/db.ts";
import type { IntegrationRow } from "../../core/wire/integration.ts";
import { auditAction, auditChange } from "../audit/entry.ts";
import { webhookFields } from "../audit/fields.ts";
import type { Emit } from "../change.ts";
import { removeMember } from "../membership.ts";
import { webhooksOfApplication } from "../store/integrations.ts";
import { deleteWebhook, findWebhook } from "../store/webhooks.ts";
import { webhooksUpdate } from "../webhooks/event.ts";
import { endIntegration } from "./change.ts";

/**
 * Takes an application out of a guild, with its webhooks and its bot. Whose rank is higher doesn't matter: MANAGE_GUILD
 * alone is documented. https://discord.com/developers/docs/resources/guild#delete-guild-integration
 */
export async function removeIntegration(
  tx: Transaction,
  emit: Emit,
  row: IntegrationRow,
  byUserId: string,
): Promise<void> {
  const { server_id: guildId, application_id: applicationId, application } = row;
  for (const { id, channel_id } of await webhooksOfApplication(tx, guildId, applicationId)) {
    const webhook = await findWebhook(tx, id);
    if (webhook === undefined) continue;
    await deleteWebhook(tx, id);
    emit(webhooksUpdate(guildId, channel_id));
    emit(auditChange(guildId, AuditLogEvent.WebhookDelete, id, webhookFields(webhook), null));
  }
  // The integration goes with its bot.
  const gone = application.bot !== null && (await removeMember(tx, emit, guildId, application.bot.id, byUserId));
  if (gone) emit(auditAction(guildId, AuditLogEvent.MemberKick, applicationId));
  else await endIntegration(tx, emit, row, byUserId);
}
