import { AuditLogEvent } from "discord-api-types/v10";
import type { AuditLogRow } from "../../core/wire/audit-log.ts";
import { wireCommand } from "../../core/wire/command.ts";
import { wirePartialIntegration } from "../../core/wire/integration.ts";
import { isThreadRow, wireThread } from "../../core/wire/thread.ts";
import { wireUser } from "../../core/wire/user.ts";
import { wireWebhookWithoutToken } from "../../core/wire/webhook.ts";
import type { App } from "../app.ts";
import { findChannels } from "../store/channels.ts";
import { findCommands } from "../store/commands.ts";
import { listIntegrations } from "../store/integrations.ts";
import { findUsers } from "../store/users.ts";
import { findWebhooks } from "../store/webhooks.ts";

const A = AuditLogEvent;
/** Actions whose target is a user. */
const OF_USERS: readonly number[] = [
  A.MemberKick,
  A.MemberBanAdd,
  A.MemberBanRemove,
  A.MemberUpdate,
  A.MemberRoleUpdate,
  A.BotAdd,
  A.MessageDelete,
  A.MessagePin,
  A.MessageUnpin,
];
const OF_WEBHOOKS: readonly number[] = [A.WebhookCreate, A.WebhookUpdate, A.WebhookDelete];
const OF_INTEGRATIONS: readonly number[] = [A.IntegrationCreate, A.IntegrationUpdate, A.IntegrationDelete];
const OF_THREADS: readonly number[] = [A.ThreadCreate, A.ThreadUpdate, A.ThreadDelete];

/**
 * What entries refer to, as far as it is still there: each list of the answer has one line here.
 * https://discord.com/developers/docs/resources/audit-log#audit-log-object-audit-log-structure
 */
export async function referencesOf(app: App, guildId: string, rows: readonly AuditLogRow[]) {
  const actors = rows.flatMap((row) => row.user_id ?? []);
  const integrationIds = targetsOf(rows, OF_INTEGRATIONS);
  const [users, webhooks, channels, commands, integrations] = await Promise.all([
    findUsers(app.sql, [...new Set([...actors, ...targetsOf(rows, OF_USERS)])]),
    findWebhooks(app.sql, guildId, targetsOf(rows, OF_WEBHOOKS)),
    findChannels(app.sql, targetsOf(rows, OF_THREADS)),
    // Where the target is an application, it is of all its commands.
    findCommands(app.sql, targetsOf(rows, [A.ApplicationCommandPermissionUpdate])),
    integrationIds.length === 0 ? [] : listIntegrations(app.sql, guildId),
  ]);
  return {
    users: users.map(wireUser),
    webhooks: webhooks.map(wireWebhookWithoutToken),
    threads: channels.filter(isThreadRow).map(wireThread),
    integrations: integrations.filter(({ id }) => integrationIds.includes(id)).map(wirePartialIntegration),
    application_commands: commands.map((row) => wireCommand(row)),
    guild_scheduled_events: [],
    auto_moderation_rules: [],
  };
}

function targetsOf(rows: readonly AuditLogRow[], actions: readonly number[]): string[] {
  const targets = rows.filter((row) => actions.includes(row.action_type)).flatMap((row) => row.target_id ?? []);
  return [...new Set(targets)];
}
