import { ChannelType } from "discord-api-types/v10";
import { type ChannelRow, wireLastPin } from "./channel.ts";
import { type MemberRow, wireMember } from "./member.ts";
import { wireTime } from "./time.ts";

/** What a thread has beyond a channel, as Postgres gives it inside JSON: times as text. */
export interface ThreadRow {
  owner_id: string;
  archived: boolean;
  archive_timestamp: string;
  auto_archive_duration: number;
  locked: boolean;
  invitable: boolean;
  applied_tags: string[];
  message_count: number;
  total_message_sent: number;
  member_count: number;
  created_at: string;
}

/** A channel that is a thread. */
export interface ThreadChannelRow extends ChannelRow {
  parent_id: string;
  thread: ThreadRow;
}

export interface ThreadMemberRow {
  thread_id: string;
  user_id: string;
  joined_at: Date;
  flags: number;
}

/** Where clients stop counting. https://discord.com/developers/docs/topics/threads#thread-fields */
const COUNTED_MEMBERS = 50;

export const shownMemberCount = (count: number): number => Math.min(count, COUNTED_MEMBERS);

export function isThreadRow(row: ChannelRow): row is ThreadChannelRow {
  return row.thread !== null && row.parent_id !== null;
}

/** A thread. https://discord.com/developers/docs/topics/threads#thread-fields */
export function wireThread(row: ThreadChannelRow) {
  const { thread } = row;
  return {
    id: row.id,
    type: row.type,
    flags: row.flags,
    guild_id: row.server_id,
    name: row.name,
    parent_id: row.parent_id,
    owner_id: thread.owner_id,
    last_message_id: row.last_message_id,
    ...wireLastPin(row),
    rate_limit_per_user: row.rate_limit_per_user,
    message_count: thread.message_count,
    total_message_sent: thread.total_message_sent,
    member_count: shownMemberCount(thread.member_count),
    thread_metadata: {
      archived: thread.archived,
      archive_timestamp: wireTime(new Date(thread.archive_timestamp)),
      auto_archive_duration: thread.auto_archive_duration,
      locked: thread.locked,
      create_timestamp: wireTime(new Date(thread.created_at)),
      ...(row.type === ChannelType.PrivateThread ? { invitable: thread.invitable } : {}),
    },
    ...(thread.applied_tags.length > 0 ? { applied_tags: thread.applied_tags } : {}),
  };
}

export type WireThread = ReturnType<typeof wireThread>;

/**
 * Who has joined a thread. https://discord.com/developers/docs/resources/channel#thread-member-object
 * @param member when it is to be shown with its membership of the guild
 */
export function wireThreadMember(row: ThreadMemberRow, member?: MemberRow) {
  return {
    id: row.thread_id,
    user_id: row.user_id,
    join_timestamp: wireTime(row.joined_at),
    flags: row.flags,
    ...(member === undefined ? {} : { member: wireMember(member) }),
  };
}
