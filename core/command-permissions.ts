import {
  InteractionContextType as Context,
  ApplicationCommandPermissionType as RuleType,
  ApplicationCommandType as Type,
} from "discord-api-types/v10";
import { has, type MemberFacts, Permission } from "./permissions.ts";
import type { CommandRow } from "./wire/command.ts";

/** What a guild says of a command, or of all commands of an application, for a role, a user or a channel. */
export interface CommandRule {
  id: string;
  type: RuleType;
  permission: boolean;
}

/** What the decision is computed from. */
export interface CommandUse {
  command: Pick<CommandRow, "server_id" | "type" | "default_member_permissions" | "nsfw" | "contexts">;
  /** The guild's rules for this command. */
  rules: readonly CommandRule[];
  /** Its rules for all commands of the application. */
  applicationRules: readonly CommandRule[];
  guildId: string;
  member: Pick<MemberFacts, "userId" | "roleIds">;
  /** What the member may do: in the channel, or, where none is asked about, in the guild. */
  permissions: bigint;
  /** Null for whether it may be used somewhere in the guild. A thread has the id of the channel it is in. */
  channel: { id: string; nsfw: boolean } | null;
}

/** The id that stands for all channels of a guild in rules. */
export function allChannels(guildId: string): string {
  return (BigInt(guildId) - 1n).toString();
}

/**
 * Whether a member may use a command in a channel of a guild. Pure, in the order of Discord's flowchart.
 * https://discord.com/developers/docs/change-log#updated-command-permissions
 */
export function mayUseCommand(use: CommandUse): boolean {
  const { command, guildId, permissions, channel } = use;
  if (command.server_id === null ? !isForContext(command, Context.Guild) : command.server_id !== guildId) return false;
  // https://discord.com/developers/docs/interactions/application-commands#agerestricted-commands
  if (command.nsfw && channel !== null && !channel.nsfw) return false;
  if (has(permissions, Permission.ADMINISTRATOR)) return true;
  if (!has(permissions, Permission.USE_APPLICATION_COMMANDS)) return false;
  // https://discord.com/developers/docs/interactions/application-commands#user-commands
  if (command.type === Type.User && channel !== null && !has(permissions, Permission.SEND_MESSAGES)) return false;
  if (channel !== null && channelVerdict(use, channel.id) === false) return false;
  const verdict = memberVerdict(use.rules, guildId, use.member);
  if (verdict !== undefined) return verdict;
  if (memberVerdict(use.applicationRules, guildId, use.member) === false) return false;
  return meetsDefault(command.default_member_permissions, permissions);
}

/** Whether a global command is for guilds, for conversations with the bot, or for those of others. */
export function isForContext({ contexts }: Pick<CommandRow, "contexts">, context: Context): boolean {
  return contexts === null || contexts.includes(context);
}

/** The command's rules go before the application's, a channel's own before the one for all channels. */
function channelVerdict({ rules, applicationRules, guildId }: CommandUse, channelId: string): boolean | undefined {
  const all = allChannels(guildId);
  return (
    ruleFor(rules, RuleType.Channel, channelId) ??
    ruleFor(rules, RuleType.Channel, all) ??
    ruleFor(applicationRules, RuleType.Channel, channelId) ??
    ruleFor(applicationRules, RuleType.Channel, all)
  );
}

/** The member's own rule, then those of its roles, of which one that allows is enough, then that of @everyone. */
function memberVerdict(
  rules: readonly CommandRule[],
  guildId: string,
  { userId, roleIds }: CommandUse["member"],
): boolean | undefined {
  const own = ruleFor(rules, RuleType.User, userId);
  if (own !== undefined) return own;
  const ofRoles = rules.filter(({ id, type }) => type === RuleType.Role && id !== guildId && roleIds.includes(id));
  if (ofRoles.length > 0) return ofRoles.some(({ permission }) => permission);
  return ruleFor(rules, RuleType.Role, guildId);
}

function ruleFor(rules: readonly CommandRule[], type: RuleType, id: string): boolean | undefined {
  return rules.find((rule) => rule.type === type && rule.id === id)?.permission;
}

function meetsDefault(needed: string | null, permissions: bigint): boolean {
  if (needed === null) return true;
  // 0 is nobody but administrators.
  return needed !== "0" && has(permissions, BigInt(needed));
}
