import type { CommandRule } from "../command-permissions.ts";

/**
 * https://discord.com/developers/docs/interactions/application-commands#application-command-permissions-object
 * @param commandId null for the rules of all commands, which go by the application's id
 */
export function wireCommandPermissions(
  applicationId: string,
  guildId: string,
  commandId: string | null,
  rules: readonly CommandRule[],
) {
  return { id: commandId ?? applicationId, application_id: applicationId, guild_id: guildId, permissions: rules };
}
