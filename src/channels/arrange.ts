import { AuditLogEvent, ChannelType } from "discord-api-types/v10";
import { z } from "zod";
import type { Transaction } from "../../core/db.ts";
import type { Event, Sights } from "../../core/event-log.ts";
import { has, Permission } from "../../core/permissions.ts";
import type { ChannelRow } from "../../core/wire/channel.ts";
import { demand, type InGuild, permissionsIn } from "../access.ts";
import { auditChange } from "../audit/entry.ts";
import { channelFields } from "../audit/fields.ts";
import { auditOverwrites } from "../audit/overwrites.ts";
import { ApiError } from "../errors.ts";
import { snowflake } from "../fields.ts";
import { sightsIn } from "../sights.ts";
import { listChannels, replaceOverwrites, updateChannel } from "../store/channels.ts";
import { emitUpdates } from "./event.ts";
import { badParent, managesChannel, newParent } from "./parent.ts";

/** https://discord.com/developers/docs/resources/guild#modify-guild-channel-positions-json-params */
export const channelPlace = z.object({
  id: snowflake,
  position: z.int32().min(0).nullish(),
  lock_permissions: z.boolean().nullish(),
  parent_id: snowflake.nullish(),
});
type Place = z.infer<typeof channelPlace>;

/** Gives channels new positions, and one of them at most a new category. */
export async function arrangeChannels(
  tx: Transaction,
  emit: (event: Event) => void,
  where: InGuild,
  places: readonly Place[],
): Promise<void> {
  const channels = new Map((await listChannels(tx, where.guild.id)).map((row) => [row.id, row]));
  const wanted = places.map((place) => {
    const channel = channels.get(place.id);
    if (channel === undefined) throw new ApiError("UNKNOWN_CHANNEL");
    const moves = place.parent_id !== undefined && place.parent_id !== channel.parent_id;
    return { channel, place, moves };
  });
  if (wanted.filter(({ moves }) => moves).length > 1) throw new ApiError("ONE_NEW_PARENT");
  for (const { channel, place, moves } of wanted) {
    const position = place.position ?? channel.position;
    if (!moves && position === channel.position) continue;
    let seen: Sights | undefined;
    if (moves) seen = await move(tx, where, channel, place);
    else demandArranging(where, channel, channels);
    await updateChannel(tx, channel.id, { position, parent_id: moves ? place.parent_id : undefined });
    for (const row of await emitUpdates(tx, emit, [channel.id], seen)) {
      emit(auditChange(row.server_id, AuditLogEvent.ChannelUpdate, row.id, channelFields(channel), channelFields(row)));
      if (seen !== undefined) await auditOverwrites(tx, emit, row, channel.overwrites, row.overwrites);
    }
  }
}

/** To sort a channel one manages channels in the guild or in its category; one need not see it. */
function demandArranging(where: InGuild, channel: ChannelRow, channels: ReadonlyMap<string, ChannelRow>): void {
  const parent = channels.get(channel.parent_id ?? "");
  if (parent === undefined || !managesChannel(where, parent)) demand(where.permissions, ["MANAGE_CHANNELS"]);
}

/** @returns what was seen before, when the channel took over the overwrites of its new category */
async function move(tx: Transaction, where: InGuild, channel: ChannelRow, place: Place): Promise<Sights | undefined> {
  if (!managesChannel(where, channel)) throw new ApiError("MISSING_ACCESS");
  if (!place.parent_id) {
    if (!has(where.permissions, Permission.MANAGE_CHANNELS)) throw new ApiError("MISSING_ACCESS");
    return undefined;
  }
  if (channel.type === ChannelType.GuildCategory) {
    throw badParent("CHANNEL_PARENT_INVALID", "A category can't be in a category");
  }
  const parent = await newParent(tx, where, place.parent_id);
  if (place.lock_permissions !== true) return undefined;
  demand(permissionsIn(where, channel), ["MANAGE_ROLES"]);
  const seen = await sightsIn(tx, where.guild.id);
  await replaceOverwrites(tx, [channel.id], parent.overwrites);
  return seen;
}
