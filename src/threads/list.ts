import { ChannelType } from "discord-api-types/v10";
import { has, Permission } from "../../core/permissions.ts";
import { type ThreadChannelRow, type ThreadMemberRow, wireThread, wireThreadMember } from "../../core/wire/thread.ts";
import { type InGuild, type InGuildChannel, permissionsIn } from "../access.ts";
import type { App } from "../app.ts";
import { isForum } from "../channels/body.ts";
import { ApiError } from "../errors.ts";
import { joinedAmong } from "../store/thread-members.ts";
import { listActiveThreads } from "../store/threads.ts";

/** The active threads of a guild that the caller may view. */
export async function activeThreads(app: App, where: InGuild) {
  const rows = await listActiveThreads(app.sql, where.guild.id);
  const mine = await joinedAmong(app.sql, where.me.userId, rows.map(idOf));
  const joined = new Set(mine.map((row) => row.thread_id));
  const visible = rows.filter((row) => has(permissionsIn(where, row, joined.has(row.id)), Permission.VIEW_CHANNEL));
  return listed(visible, mine, false);
}

/**
 * A page of archived threads of a channel.
 * @param read fetches so many of them, in their order
 */
export async function archivedThreads(
  app: App,
  { channel, me }: InGuildChannel,
  limit: number,
  read: (limit: number) => Promise<ThreadChannelRow[]>,
) {
  const { GuildText, GuildAnnouncement } = ChannelType;
  if (channel.type !== GuildText && channel.type !== GuildAnnouncement && !isForum(channel.type)) {
    throw new ApiError("WRONG_CHANNEL_TYPE");
  }
  const rows = await read(limit + 1);
  const page = rows.slice(0, limit);
  return listed(page, await joinedAmong(app.sql, me.userId, page.map(idOf)), rows.length > limit);
}

const idOf = (row: ThreadChannelRow): string => row.id;

function listed(rows: readonly ThreadChannelRow[], mine: readonly ThreadMemberRow[], more: boolean) {
  const shown = new Set(rows.map(idOf));
  return {
    threads: rows.map(wireThread),
    members: mine.filter((row) => shown.has(row.thread_id)).map((row) => wireThreadMember(row)),
    has_more: more,
  };
}
