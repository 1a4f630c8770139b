import type { Db } from "../../core/db.ts";
import type { GuildFacts, MemberFacts } from "../../core/permissions.ts";
import { channelColumns, roleIds } from "../../core/store/fragments.ts";
import type { ChannelRow } from "../../core/wire/channel.ts";
import { type MemberRow, memberFacts } from "../../core/wire/member.ts";
import { roleFacts } from "../../core/wire/role.ts";
import type { ThreadMemberRow } from "../../core/wire/thread.ts";

/** A membership without the user, who is known already. */
export type OwnMembership = Omit<MemberRow, "user" | "version">;

/** What a decision about a guild needs, read in one statement. */
export interface GuildStanding {
  guild: GuildFacts;
  /** Null when the user is not in the guild. */
  membership: OwnMembership | null;
}

interface StandingColumns {
  owner_id: string;
  roles: { id: string; permissions: string[]; position: number }[];
  member_id: string | null;
  joined_at: Date;
  nickname: string | null;
  member_avatar: string | null;
  communication_disabled_until: Date | null;
  deaf: boolean;
  mute: boolean;
  pending: boolean;
  member_flags: number;
  role_ids: string[];
}

const rolesJson = (sql: Db) => sql`
  coalesce((select json_agg(json_build_object('id', r.id::text, 'permissions', r.permissions, 'position', r.position))
    from roles r where r.server_id = s.id), '[]')`;

const standingColumns = (sql: Db) => sql`
  s.owner_id, ${rolesJson(sql)} as roles, m.user_id as member_id, m.joined_at, m.nickname, m.avatar as member_avatar,
  m.communication_disabled_until, m.deaf, m.mute, m.pending, m.flags as member_flags, ${roleIds(sql)} as role_ids`;

function toStanding(guildId: string, row: StandingColumns): GuildStanding {
  const roles = new Map(row.roles.map((role) => [role.id, roleFacts(role)]));
  return { guild: { id: guildId, ownerId: row.owner_id, roles }, membership: toMembership(guildId, row) };
}

function toMembership(guildId: string, row: StandingColumns): OwnMembership | null {
  if (row.member_id === null) return null;
  return {
    server_id: guildId,
    user_id: row.member_id,
    joined_at: row.joined_at,
    nickname: row.nickname,
    avatar: row.member_avatar,
    communication_disabled_until: row.communication_disabled_until,
    deaf: row.deaf,
    mute: row.mute,
    pending: row.pending,
    flags: row.member_flags,
    role_ids: row.role_ids,
  };
}

export async function guildStanding(sql: Db, guildId: string, userId: string): Promise<GuildStanding | undefined> {
  const [row] = await sql<StandingColumns[]>`
    select ${standingColumns(sql)}
    from servers s left join server_members m on m.server_id = s.id and m.user_id = ${userId}
    where s.id = ${guildId}`;
  return row === undefined ? undefined : toStanding(guildId, row);
}

/** A channel with its guild's facts, or a direct conversation that the user is part of. */
export type ChannelStanding =
  | ({ type: "guild"; channel: ChannelRow; threadMember: ThreadMemberRow | null } & GuildStanding)
  | { type: "dm"; id: string; recipientId: string };

type ChannelStandingRow = StandingColumns &
  ChannelRow & { dm_id: string | null; user1_id: string; user2_id: string } & {
    thread_joined_at: Date | null;
    thread_flags: number;
  };

/** @returns undefined when there is no such channel, or it is a conversation of others */
export async function channelStanding(
  sql: Db,
  channelId: string,
  userId: string,
): Promise<ChannelStanding | undefined> {
  const [row] = await sql<ChannelStandingRow[]>`
    select ${channelColumns(sql)}, ${standingColumns(sql)}, d.id as dm_id, d.user1_id, d.user2_id,
      tm.joined_at as thread_joined_at, tm.flags as thread_flags
    from (select ${channelId}::bigint as id) wanted
    left join channels c on c.id = wanted.id
    left join servers s on s.id = c.server_id
    left join server_members m on m.server_id = s.id and m.user_id = ${userId}
    left join thread_members tm on c.type in (10, 11, 12) and tm.thread_id = c.id and tm.user_id = ${userId}
    left join dm_channels d on d.id = wanted.id and ${userId} in (d.user1_id, d.user2_id)`;
  if (row === undefined) return undefined;
  if (row.dm_id !== null) {
    return { type: "dm", id: row.dm_id, recipientId: row.user1_id === userId ? row.user2_id : row.user1_id };
  }
  if (row.id === null || row.server_id === null) return undefined;
  return { type: "guild", channel: row, threadMember: toThreadMember(row, userId), ...toStanding(row.server_id, row) };
}

function toThreadMember(row: ChannelStandingRow, userId: string): ThreadMemberRow | null {
  if (row.thread_joined_at === null) return null;
  return { thread_id: row.id, user_id: userId, joined_at: row.thread_joined_at, flags: row.thread_flags };
}

/** Another member's standing in the same guild. */
export async function memberStanding(sql: Db, guildId: string, userId: string): Promise<MemberFacts | undefined> {
  const [row] = await sql<Pick<MemberRow, "user_id" | "role_ids" | "communication_disabled_until">[]>`
    select m.user_id, m.communication_disabled_until, ${roleIds(sql)} as role_ids
    from server_members m where m.server_id = ${guildId} and m.user_id = ${userId}`;
  return row === undefined ? undefined : memberFacts(row);
}
