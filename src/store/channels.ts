import { ChannelType } from "discord-api-types/v10";
import type { Db } from "../../core/db.ts";
import { channelColumns, notThread, setAndBump } from "../../core/store/fragments.ts";
import type { ChannelRow, OverwriteRow } from "../../core/wire/channel.ts";

/** Those of the ids that are channels of guilds, by id. */
export async function findChannels(sql: Db, ids: readonly string[]): Promise<ChannelRow[]> {
  if (ids.length === 0) return [];
  return sql<ChannelRow[]>`
    select ${channelColumns(sql)} from channels c where c.id = any(${[...ids]}) order by c.id`;
}

export async function findChannel(sql: Db, id: string): Promise<ChannelRow | undefined> {
  const [row] = await findChannels(sql, [id]);
  return row;
}

/** The channels of a category, 50 at most; other channels have none. */
export async function listChildren(sql: Db, category: Pick<ChannelRow, "id" | "type">): Promise<ChannelRow[]> {
  if (category.type !== ChannelType.GuildCategory) return [];
  return sql<ChannelRow[]>`
    select ${channelColumns(sql)} from channels c where c.parent_id = ${category.id} order by c.id`;
}

/** Deletes a channel's threads, with their messages. */
export async function deleteThreadsOf(sql: Db, channelId: string): Promise<void> {
  await sql`delete from channels where id in (select t.channel_id from threads t where t.parent_id = ${channelId})`;
}

/** How many channels a guild has, and the position below the last of them: categories are listed by themselves. */
export async function endOfList(
  sql: Db,
  guildId: string,
  category: boolean,
): Promise<{ count: number; position: number }> {
  const [row] = await sql<[{ count: number; position: number }]>`
    select count(*)::int as count,
      -- A position may be the highest that there is; several may have the same.
      least(coalesce(max(position::bigint) filter (where (type = ${ChannelType.GuildCategory}) = ${category}) + 1, 0),
        2147483647)::int as position
    from channels c where server_id = ${guildId} and ${notThread(sql)}`;
  return row;
}

/** All channels of a guild, 500 at most; threads are not among them. */
export async function listChannels(sql: Db, guildId: string): Promise<ChannelRow[]> {
  return sql<ChannelRow[]>`
    select ${channelColumns(sql)} from channels c where c.server_id = ${guildId} and ${notThread(sql)} order by c.position, c.id`;
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
    | "bitrate"
    | "user_limit"
    | "rtc_region"
    | "video_quality_mode"
    | "default_auto_archive_duration"
    | "default_thread_rate_limit_per_user"
    | "default_reaction_emoji"
    | "default_sort_order"
    | "default_forum_layout"
    | "default_tag_setting"
    | "available_tags"
    | "flags"
  >
>;

/** What is stored as JSON. postgres.js would take an array for one of Postgres' own. */
function asColumns(sql: Db, patch: ChannelPatch) {
  const { default_reaction_emoji: emoji, available_tags: tags, ...plain } = patch;
  return {
    ...plain,
    ...(emoji === undefined
      ? {}
      : { default_reaction_emoji: emoji === null ? null : sql`${JSON.stringify(emoji)}::text::jsonb` }),
    ...(tags === undefined ? {} : { available_tags: sql`${JSON.stringify(tags)}::text::jsonb` }),
  };
}

export async function insertChannel(
  sql: Db,
  channel: { id: string; server_id: string; name: string; type: number; version?: string } & ChannelPatch,
): Promise<void> {
  const columns = Object.fromEntries(
    Object.entries(asColumns(sql, channel)).filter(([, value]) => value !== undefined),
  );
  await sql`insert into channels ${sql(columns)}`;
}

export async function updateChannel(sql: Db, id: string, patch: ChannelPatch): Promise<void> {
  await sql`
    update channels set ${setAndBump(sql, asColumns(sql, patch))}
    where id = ${id}`;
}

/** @returns a version above all that the channel had */
export async function deleteChannel(sql: Db, id: string): Promise<string | undefined> {
  const [row] = await sql<{ version: string }[]>`
    delete from channels where id = ${id} returning version + 1 as version`;
  return row?.version;
}

/** Makes the overwrites of channels exactly these; the channels' versions grow. */
export async function replaceOverwrites(
  sql: Db,
  channelIds: readonly string[],
  overwrites: readonly OverwriteRow[],
): Promise<void> {
  const ids = [...channelIds];
  await sql`delete from permission_overwrites where channel_id = any(${ids})`;
  await sql`
    insert into permission_overwrites (channel_id, target_id, type, allow, deny)
    select channel.id, o.target_id, o.type, o.allow, o.deny
    from unnest(${ids}::bigint[]) as channel (id),
      unnest(${overwrites.map((o) => o.id)}::bigint[], ${overwrites.map((o) => o.type)}::smallint[],
        ${overwrites.map((o) => o.allow)}::bigint[], ${overwrites.map((o) => o.deny)}::bigint[])
        as o (target_id, type, allow, deny)`;
  await sql`update channels set version = version + 1 where id = any(${ids})`;
}

/** Removes a target's overwrites in all channels of a guild. @returns the channels that had one, as they are now */
export async function deleteOverwritesOf(sql: Db, guildId: string, targetId: string): Promise<ChannelRow[]> {
  const changed = await sql<{ id: string }[]>`
    with gone as (
      delete from permission_overwrites o using channels c
      where c.id = o.channel_id and c.server_id = ${guildId} and o.target_id = ${targetId} returning o.channel_id
    )
    update channels set version = version + 1 where id in (select channel_id from gone) returning id`;
  return findChannels(
    sql,
    changed.map((row) => row.id),
  );
}

/** Forgets who could view channels that were deleted before. */
export async function forgetDeletedChannels(sql: Db, before: Date): Promise<void> {
  await sql`delete from deleted_channels where deleted_at < ${before}`;
}
