import type { Transaction } from "../core/db.ts";
import type { DeliverableEvent } from "../core/deliveries.ts";
import type { Event, Sights } from "../core/event-log.ts";
import { channelPermissions, type GuildFacts, has, Permission } from "../core/permissions.ts";
import { type ChannelRow, overwriteFacts, wireChannel } from "../core/wire/channel.ts";
import { memberFacts } from "../core/wire/member.ts";
import { roleFacts } from "../core/wire/role.ts";
import { listChannels } from "./store/channels.ts";
import { type ViewerRow, viewersByUrl } from "./store/event-endpoints.ts";
import { findGuild } from "./store/guilds.ts";
import { listRoles } from "./store/roles.ts";

/**
 * Which channels come into the view of a URL and which go: a gateway knows it of its sessions and tells them by
 * CHANNEL_CREATE and CHANNEL_DELETE; for endpoints it is found by a look before a change and one after it.
 */

const NONE: Sights = new Map();

/**
 * What those see who asked for such events, as the transaction sees the guild, which must be locked. To be looked at
 * before roles, overwrites or the owner are changed.
 * @param userId the one whose view can change; null for all
 */
export async function sightsIn(tx: Transaction, guildId: string, userId: string | null = null): Promise<Sights> {
  const viewers = await viewersByUrl(tx, guildId, userId);
  const row = viewers.length === 0 ? undefined : await findGuild(tx, guildId);
  if (row === undefined) return NONE;
  const roles = new Map((await listRoles(tx, guildId)).map((role) => [role.id, roleFacts(role)]));
  const guild = { id: guildId, ownerId: row.owner_id, roles };
  const channels = await listChannels(tx, guildId);
  return new Map(viewers.map((viewer) => [viewer.endpoint_id, seenBy(viewer, guild, channels)]));
}

function seenBy(viewer: ViewerRow, guild: GuildFacts, channels: readonly ChannelRow[]): Map<string, ChannelRow> {
  const member = memberFacts(viewer);
  const seen = channels.filter(({ id, type, overwrites }) => {
    if (viewer.channel_ids !== null && !viewer.channel_ids.includes(id)) return false;
    const bits = channelPermissions(guild, member, overwriteFacts(overwrites), Date.now(), type);
    return has(bits, Permission.VIEW_CHANNEL);
  });
  return new Map(seen.map((channel) => [channel.id, channel]));
}

/**
 * What single endpoints are told of channels that came into their view or went by these events. Updates of such channels
 * are for the others.
 * @param deliverable what the events are to others
 */
export async function withSights(
  tx: Transaction,
  events: readonly Event[],
  deliverable: readonly DeliverableEvent[],
): Promise<readonly DeliverableEvent[]> {
  // The first look was before all of them.
  const { guildId, changesView: before } = events.find(({ changesView }) => changesView !== undefined) ?? {};
  if (guildId === undefined || before === undefined || before.size === 0) return deliverable;
  const after = await sightsIn(tx, guildId);
  const told: DeliverableEvent[] = [];
  const concerned = new Map<string, string[]>();
  const tell = (type: string, endpointId: string, channel: ChannelRow, channelId: string | null) => {
    told.push({ type, guildId, endpointId, channelId, data: JSON.stringify(wireChannel(channel)) });
    concerned.set(channel.id, [...(concerned.get(channel.id) ?? []), endpointId]);
  };
  for (const [endpointId, had] of before) {
    const has = after.get(endpointId);
    if (has === undefined) continue;
    for (const [id, channel] of has) if (!had.has(id)) tell("CHANNEL_CREATE", endpointId, channel, id);
    // As it last saw it; who may see the channel now is no matter.
    for (const [id, channel] of had) if (!has.has(id)) tell("CHANNEL_DELETE", endpointId, channel, null);
  }
  const others = deliverable.map((event) =>
    event.type === "CHANNEL_UPDATE" ? { ...event, except: concerned.get(event.channelId ?? "") } : event,
  );
  return [...told, ...others];
}
