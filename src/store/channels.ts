import type { Db } from "../../core/db.ts";
import { channelColumns, setAndBump } from "../../core/store/fragments.ts";
import type { ChannelRow, OverwriteRow } from "../../core/wire/channel.ts";

export async function findChannel(sql: Db, id: string): Promise<ChannelRow | undefined> {
  const [row] = await sql<ChannelRow[]>`select ${channelColumns(sql)} from channels c where c.id = ${id}`;
  return row;
}

/** All channels of a guild, 500 at most. */
export async function listChannels(sql: Db, guildId: string): Promise<ChannelRow[]> {
  return sql<ChannelRow[]>`
    select ${channelColumns(sql)} from channels c where c.server_id = ${guildId} order by c.position, c.id`;
}

export type ChannelPatch = Partial<
  Pick<
    ChannelRow,
    | "name"
    | "type"
    | "topic"
    | "position"
    | "parent_id"
    | "nsfw"
    | "rate_limit_per_user"
    | "default_auto_archive_duration"
    | "flags"
  >
>;

export async function insertChannel(
  sql: Db,
  channel: { id: string; server_id: string; name: string; type: number } & ChannelPatch,
): Promise<void> {
  await sql`insert into channels ${sql(channel)}`;
}

export async function updateChannel(sql: Db, id: string, patch: ChannelPatch): Promise<void> {
  await sql`
    update channels set ${setAndBump(sql, patch)}
    where id = ${id}`;
}

export async function deleteChannel(sql: Db, id: string): Promise<void> {
  await sql`delete from channels where id = ${id}`;
}

/** Makes a channel's overwrites exactly these. */
export async function replaceOverwrites(
  sql: Db,
  channelId: string,
  overwrites: readonly OverwriteRow[],
): Promise<void> {
  await sql`delete from permission_overwrites where channel_id = ${channelId}`;
  if (overwrites.length === 0) return;
  const rows = overwrites.map((o) => ({
    channel_id: channelId,
    target_id: o.id,
    type: o.type,
    allow: o.allow,
    deny: o.deny,
  }));
  await sql`insert into permission_overwrites ${sql(rows)}`;
}
