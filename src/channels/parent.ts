import { ChannelType } from "discord-api-types/v10";
import type { Transaction } from "../../core/db.ts";
import { has, Permission } from "../../core/permissions.ts";
import type { ChannelRow } from "../../core/wire/channel.ts";
import { type InGuild, permissionsIn } from "../access.ts";
import { ApiError, invalidField } from "../errors.ts";
import { findChannel, listChildren } from "../store/channels.ts";

const MAX_CHILDREN = 50;

/**
 * The category that a channel is to be put into: of the same guild, with room for one more, and one in which the
 * caller manages channels.
 * https://discord.com/developers/docs/resources/guild#modify-guild-channel-positions
 */
export async function newParent(tx: Transaction, where: InGuild, id: string): Promise<ChannelRow> {
  const parent = await findChannel(tx, id);
  if (parent?.server_id !== where.guild.id) throw badParent("CHANNEL_PARENT_INVALID", "Category does not exist");
  if (parent.type !== ChannelType.GuildCategory) throw badParent("CHANNEL_PARENT_INVALID_TYPE", "Not a category");
  if (!managesChannel(where, parent)) throw new ApiError("MISSING_ACCESS");
  if ((await listChildren(tx, parent)).length >= MAX_CHILDREN) {
    throw badParent("CHANNEL_PARENT_MAX_CHANNELS", `Maximum number of channels in category reached (${MAX_CHILDREN})`);
  }
  return parent;
}

export function managesChannel(where: InGuild, channel: ChannelRow): boolean {
  return has(permissionsIn(where, channel), Permission.VIEW_CHANNEL | Permission.MANAGE_CHANNELS);
}

export const badParent = (code: string, message: string): ApiError => invalidField(["parent_id"], code, message);
