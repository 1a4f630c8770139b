import type { Transaction } from "../../core/db.ts";
import type { Event, Sights } from "../../core/event-log.ts";
import { type ChannelRow, wireChannel } from "../../core/wire/channel.ts";
import { findChannels } from "../store/channels.ts";

/**
 * @param changesView when overwrites changed, so that some may see the channel who didn't, or no longer: what was seen
 * @param version when the row is gone: above its last, so that no late update brings the channel back
 */
export function channelEvent(
  t: "CHANNEL_CREATE" | "CHANNEL_UPDATE" | "CHANNEL_DELETE",
  row: ChannelRow,
  changesView?: Sights,
  version = row.version,
): Event {
  return {
    t,
    guildId: row.server_id,
    channelId: row.id,
    data: wireChannel(row),
    entity: `channel:${row.id}`,
    version,
    ...(changesView === undefined ? {} : { changesView }),
  };
}

/** Tells of channels as they are now. @returns them */
export async function emitUpdates(
  tx: Transaction,
  emit: (event: Event) => void,
  ids: readonly string[],
  changesView?: Sights,
): Promise<ChannelRow[]> {
  const rows = await findChannels(tx, ids);
  for (const row of rows) emit(channelEvent("CHANNEL_UPDATE", row, changesView));
  return rows;
}
