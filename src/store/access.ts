import { batchedStatement } from "../../core/batched.ts";
import type { Db } from "../../core/db.ts";
import type { GuildFacts, MemberFacts, WholeGuildFacts } from "../../core/permissions.ts";
import { channelColumns, fixed, memberColumns, roleIds } from "../../core/store/fragments.ts";
import type { ChannelRow } from "../../core/wire/channel.ts";
import type { GuildRow } from "../../core/wire/guild.ts";
import { type MemberRow, memberFacts } from "../../core/wire/member.ts";
import { type RoleRow, roleFacts } from "../../core/wire/role.ts";
import type { ThreadMemberRow } from "../../core/wire/thread.ts";
import { guildColumns } from "./guilds.ts";
import { rolesJson } from "./roles.ts";

/** A membership without the user, who is known already. */
export type OwnMembership = Omit<MemberRow, "user" | "version">;

/** What a decision about a guild needs, read in one statement. */
export interface GuildStanding<G extends GuildFacts = GuildFacts> {
  guild: G;
  /** Null when the user is not in the guild. */
  membership: OwnMembership | null;
}

type RoleColumns = Pick<RoleRow, "id" | "permissions" | "position">;

interface StandingColumns {
  owner_id: string;
  roles: RoleColumns[];
  member_id: string | null;
  joined_at: Date;
  nickname: string | null;
  member_avatar: string | null;
  member_banner: string | null;
  communication_disabled_until: Date | null;
  deaf: boolean;
  mute: boolean;
  pending: boolean;
  member_flags: number;
  role_ids: string[];
}

const roleFactsJson = fixed(
  (sql) => sql`
  coalesce(json_agg(json_build_object('id', r.id::text, 'permissions', r.permissions, 'position', r.position)), '[]')`,
);

/**
 * @everyone and the member's own roles, from aliases `s` and `m`: a guild may have 250, and most requests ask only what
 * the caller may do.
 */
const ownRoles = fixed(
  (sql) => sql`
  (select ${roleFactsJson(sql)} from roles r where r.id = any(array(
    select s.id union all select mr.role_id from server_member_roles mr
    where mr.server_id = m.server_id and mr.user_id = m.user_id)))`,
);

const membershipColumns = fixed(
  (sql) => sql`
  m.user_id as member_id, m.joined_at, m.nickname, m.avatar as member_avatar, m.banner as member_banner,
  m.communication_disabled_until, m.deaf, m.mute, m.pending, m.flags as member_flags, ${roleIds(sql)} as role_ids`,
);

const standingColumns = fixed((sql) => sql`s.owner_id, ${ownRoles(sql)} as roles, ${membershipColumns(sql)}`);

function toStanding(guildId: string, row: StandingColumns): GuildStanding {
  return { guild: guildFacts(guildId, row), membership: toMembership(guildId, row) };
}

function guildFacts(id: string, row: { owner_id: string; roles: readonly RoleColumns[] }): GuildFacts {
  return { id, ownerId: row.owner_id, roles: new Map(row.roles.map((role) => [role.id, roleFacts(role)])) };
}

function toMembership(guildId: string, row: StandingColumns): OwnMembership | null {
  if (row.member_id === null) return null;
  return {
    server_id: guildId,
    user_id: row.member_id,
    joined_at: row.joined_at,
    nickname: row.nickname,
    avatar: row.member_avatar,
    banner: row.member_banner,
    communication_disabled_until: row.communication_disabled_until,
    deaf: row.deaf,
    mute: row.mute,
    pending: row.pending,
    flags: row.member_flags,
    role_ids: row.role_ids,
  };
}

/** Of which guild, for whom. */
interface GuildQuestion {
  guildId: string;
  userId: string;
}

/** Questions in one statement. */
const BATCH = 50;

/** @returns undefined when there is no such guild */
export const guildStanding = batchedStatement(BATCH, guildStandings);

async function guildStandings(sql: Db, questions: readonly GuildQuestion[]): Promise<(GuildStanding | undefined)[]> {
  const rows = await sql<(StandingColumns & { id: string | null })[]>`
    select s.id, ${standingColumns(sql)}
    from unnest(${questions.map(({ guildId }) => guildId)}::bigint[],
      ${questions.map(({ userId }) => userId)}::bigint[]) with ordinality wanted (id, user_id, nth)
    left join servers s on s.id = wanted.id
    left join server_members m on m.server_id = s.id and m.user_id = wanted.user_id
    order by wanted.nth`;
  return rows.map((row) => (row.id === null ? undefined : toStanding(row.id, row)));
}

/** The same with all of the guild's roles, for decisions about others' ranks. */
export async function wholeStanding(
  sql: Db,
  guildId: string,
  userId: string,
): Promise<GuildStanding<WholeGuildFacts> | undefined> {
  const [row] = await sql<StandingColumns[]>`
    select s.owner_id, (select ${roleFactsJson(sql)} from roles r where r.server_id = s.id) as roles,
      ${membershipColumns(sql)}
    from servers s left join server_members m on m.server_id = s.id and m.user_id = ${userId}
    where s.id = ${guildId}`;
  if (row === undefined) return undefined;
  return { guild: { ...guildFacts(guildId, row), allRoles: true }, membership: toMembership(guildId, row) };
}

/** The same with what there is to show of the guild. */
export async function guildToShow(
  sql: Db,
  guildId: string,
  userId: string,
): Promise<{ standing: GuildStanding; row: GuildRow; roles: RoleRow[] } | undefined> {
  const [row] = await sql<(StandingColumns & GuildRow & { roles: RoleRow[] })[]>`
    select ${guildColumns(sql)}, ${rolesJson(sql)} as roles, ${membershipColumns(sql)}
    from servers s left join server_members m on m.server_id = s.id and m.user_id = ${userId}
    where s.id = ${guildId}`;
  return row === undefined ? undefined : { standing: toStanding(guildId, row), row, roles: row.roles };
}

/** A guild's standing with another member, or the user as a member. */
export interface ShownMember {
  standing: GuildStanding;
  target: MemberRow | undefined;
}

interface MemberQuestion extends GuildQuestion {
  targetId: string;
}

/** @returns undefined when there is no such guild */
export const memberToShow = batchedStatement(BATCH, membersToShow);

type ShownRow = MemberRow & Pick<StandingColumns, "owner_id" | "roles">;

async function membersToShow(sql: Db, questions: readonly MemberQuestion[]): Promise<(ShownMember | undefined)[]> {
  const rows = await sql<(ShownRow & { nth: number })[]>`
    select ${memberColumns(sql)}, s.owner_id, ${ownRoles(sql)} as roles, wanted.nth::int as nth
    from unnest(${questions.map(({ guildId }) => guildId)}::bigint[],
      ${questions.map(({ userId }) => userId)}::bigint[],
      ${questions.map(({ targetId }) => targetId)}::bigint[]) with ordinality wanted (id, user_id, target_id, nth)
    join servers s on s.id = wanted.id
    left join server_members m on m.server_id = s.id and m.user_id in (wanted.user_id, wanted.target_id)
    left join users u on u.id = m.user_id`;
  const answers: ShownRow[][] = questions.map(() => []);
  for (const row of rows) answers[row.nth - 1]?.push(row);
  return questions.map((question, i) => toShownMember(question, answers[i] ?? []));
}

function toShownMember(
  { guildId, userId, targetId }: MemberQuestion,
  rows: readonly ShownRow[],
): ShownMember | undefined {
  const [any] = rows;
  if (any === undefined) return undefined;
  const own = rows.find((row) => row.user_id === userId);
  return {
    standing: { guild: guildFacts(guildId, own ?? any), membership: own ?? null },
    target: rows.find((row) => row.user_id === targetId),
  };
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

interface StandingQuestion {
  channelId: string;
  userId: string;
}

/** @returns undefined when there is no such channel, or it is a conversation of others */
export const channelStanding = batchedStatement(BATCH, channelStandings);

async function channelStandings(
  sql: Db,
  questions: readonly StandingQuestion[],
): Promise<(ChannelStanding | undefined)[]> {
  const rows = await sql<ChannelStandingRow[]>`
    select ${channelColumns(sql)}, ${standingColumns(sql)}, d.id as dm_id, d.user1_id, d.user2_id,
      tm.joined_at as thread_joined_at, tm.flags as thread_flags
    from unnest(${questions.map(({ channelId }) => channelId)}::bigint[],
      ${questions.map(({ userId }) => userId)}::bigint[]) with ordinality wanted (id, user_id, nth)
    left join channels c on c.id = wanted.id
    left join servers s on s.id = c.server_id
    left join server_members m on m.server_id = s.id and m.user_id = wanted.user_id
    left join thread_members tm on c.type in (10, 11, 12) and tm.thread_id = c.id and tm.user_id = wanted.user_id
    left join dm_channels d on d.id = wanted.id and wanted.user_id in (d.user1_id, d.user2_id)
    order by wanted.nth`;
  return rows.map((row, i) => toChannelStanding(row, questions[i]?.userId ?? ""));
}

function toChannelStanding(row: ChannelStandingRow, userId: string): ChannelStanding | undefined {
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
