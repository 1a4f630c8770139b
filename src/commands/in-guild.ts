import { type CommandUse, mayUseCommand } from "../../core/command-permissions.ts";
import { isThreadRow } from "../../core/wire/thread.ts";
import type { InGuild, InGuildChannel } from "../access.ts";
import type { App } from "../app.ts";
import { ApiError } from "../errors.ts";
import { findChannel } from "../store/channels.ts";
import type { RuledCommand } from "../store/command-permissions.ts";

type Place = Pick<CommandUse, "guildId" | "member" | "permissions"> & { channel: NonNullable<CommandUse["channel"]> };

/** What rules for commands must know of a member in a channel; in a thread, of the channel that it is in. */
export async function placeOfUse(app: App, { guild, me, permissions, channel }: InGuildChannel): Promise<Place> {
  const ruling = isThreadRow(channel) ? await findChannel(app.sql, channel.parent_id) : channel;
  if (ruling === undefined) throw new ApiError("UNKNOWN_CHANNEL");
  return { guildId: guild.id, member: me, permissions, channel: { id: ruling.id, nsfw: ruling.nsfw } };
}

export function mayUseIn(place: Place, command: RuledCommand): boolean {
  return mayUseCommand({ ...place, command, rules: command.rules, applicationRules: command.application_rules });
}

/** Whether a member may use a command somewhere in the guild, as far as channels allow it. */
export function mayUseInGuild({ guild, me, permissions }: InGuild, command: RuledCommand): boolean {
  const { rules, application_rules: applicationRules } = command;
  return mayUseCommand({ command, rules, applicationRules, guildId: guild.id, member: me, permissions, channel: null });
}
