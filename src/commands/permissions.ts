import { AuditLogEvent, ApplicationCommandPermissionType as RuleType } from "discord-api-types/v10";
import { allChannels, type CommandRule } from "../../core/command-permissions.ts";
import type { Transaction } from "../../core/db.ts";
import { canManageRole, isThread, outranks, Permission } from "../../core/permissions.ts";
import { wireCommandPermissions } from "../../core/wire/command-permissions.ts";
import { demand, type InGuild, type LockedInGuild, lockedGuild, permissionsIn } from "../access.ts";
import type { App } from "../app.ts";
import { auditChange } from "../audit/entry.ts";
import { ApiError, invalidField } from "../errors.ts";
import { memberStanding } from "../store/access.ts";
import { findChannels } from "../store/channels.ts";
import {
  type CommandRulesRow,
  findCommandInGuild,
  findCommandRules,
  setCommandRules,
} from "../store/command-permissions.ts";
import { mayUseInGuild } from "./in-guild.ts";

/**
 * Makes rules the only ones that a guild has for a command, or for all of an application.
 * @param targetId the command's id or the application's
 */
export async function setPermissions(
  app: App,
  found: InGuild,
  applicationId: string,
  targetId: string,
  rules: readonly CommandRule[],
) {
  const guildId = found.guild.id;
  return app.change(async (tx, emit) => {
    const where = await lockedGuild(tx, found);
    const commandId = targetId === applicationId ? null : targetId;
    if (commandId !== null) await demandCommand(tx, where, applicationId, commandId);
    for (const [i, rule] of rules.entries()) await demandTarget(tx, where, rule, i);
    const before = (await findCommandRules(tx, guildId, applicationId, commandId)) ?? [];
    const row: CommandRulesRow = {
      application_id: applicationId,
      server_id: guildId,
      command_id: commandId,
      rules: rules.map(({ id, type, permission }) => ({ id, type, permission })),
    };
    await setCommandRules(tx, row);
    const data = wireCommandPermissions(applicationId, guildId, commandId, row.rules);
    emit({ t: "APPLICATION_COMMAND_PERMISSIONS_UPDATE", guildId, data });
    const action = AuditLogEvent.ApplicationCommandPermissionUpdate;
    emit(auditChange(guildId, action, targetId, byId(before), byId(row.rules), { application_id: applicationId }));
    return data;
  });
}

const byId = (rules: readonly CommandRule[]): Record<string, CommandRule> =>
  Object.fromEntries(rules.map((rule) => [rule.id, rule]));

/** A command that the guild has and that the member may use there. */
async function demandCommand(tx: Transaction, where: LockedInGuild, applicationId: string, id: string): Promise<void> {
  const command = await findCommandInGuild(tx, where.guild.id, id);
  if (command?.application_id !== applicationId) throw new ApiError("UNKNOWN_COMMAND");
  if (!mayUseInGuild(where, command)) throw new ApiError("MISSING_PERMISSIONS");
}

/**
 * Nobody makes rules for what they don't manage: roles and members above them, channels they may not change.
 * https://discord.com/developers/docs/interactions/application-commands#permissions
 */
async function demandTarget(
  tx: Transaction,
  where: LockedInGuild,
  { id, type }: CommandRule,
  i: number,
): Promise<void> {
  const { guild, me } = where;
  const unknown = () => invalidField(["permissions", i, "id"], "BASE_TYPE_INVALID", "Not of this guild.");
  const allowed = (may: boolean) => {
    if (!may) throw new ApiError("MISSING_PERMISSIONS");
  };
  if (type === RuleType.Role) {
    const role = guild.roles.get(id);
    if (role === undefined) throw unknown();
    return allowed(id === guild.id || canManageRole(guild, me, role));
  }
  if (type === RuleType.User) {
    const member = await memberStanding(tx, guild.id, id);
    if (member === undefined) throw unknown();
    return allowed(id === me.userId || me.userId === guild.ownerId || outranks(guild, me, member));
  }
  if (id === allChannels(guild.id)) return demand(where.permissions, ["MANAGE_CHANNELS"]);
  const [channel] = await findChannels(tx, [id]);
  // Threads go by the rules of the channel that they are in.
  if (channel === undefined || channel.server_id !== guild.id || isThread(channel.type)) throw unknown();
  const needed = Permission.VIEW_CHANNEL | Permission.MANAGE_CHANNELS;
  return allowed((permissionsIn(where, channel) & needed) === needed);
}
