import type { Db } from "../../core/db.ts";
import { memberColumns, setAndBump } from "../../core/store/fragments.ts";
import type { MemberRow } from "../../core/wire/member.ts";

export async function findMember(sql: Db, guildId: string, userId: string): Promise<MemberRow | undefined> {
  const [row] = await sql<MemberRow[]>`
    select ${memberColumns(sql)} from server_members m join users u on u.id = m.user_id
    where m.server_id = ${guildId} and m.user_id = ${userId}`;
  return row;
}

/** @returns false when the user was a member already */
export async function insertMember(sql: Db, guildId: string, userId: string): Promise<boolean> {
  const rows = await sql`
    with added as (
      insert into server_members (server_id, user_id) values (${guildId}, ${userId})
      on conflict do nothing returning server_id
    )
    update servers set member_count = member_count + 1 where id = (select server_id from added) returning id`;
  return rows.length > 0;
}

/** @returns a version above the membership's last, or undefined when the user was no member */
export async function deleteMember(sql: Db, guildId: string, userId: string): Promise<string | undefined> {
  const [row] = await sql<{ version: string }[]>`
    with gone as (
      delete from server_members where server_id = ${guildId} and user_id = ${userId} returning server_id
    )
    update servers set member_count = member_count - 1 where id = (select server_id from gone)
    returning nextval('membership_version') as version`;
  return row?.version;
}

/** Columns that PATCH may set. */
export type MemberPatch = Partial<
  Pick<MemberRow, "nickname" | "avatar" | "banner" | "communication_disabled_until" | "mute" | "deaf" | "flags"> & {
    bio: string | null;
  }
>;

/** Sets columns; with none it still counts as a change, for roles given or taken. */
export async function updateMember(sql: Db, guildId: string, userId: string, patch: MemberPatch): Promise<void> {
  await sql`
    update server_members set ${setAndBump(sql, patch, sql`nextval('membership_version')`)}
    where server_id = ${guildId} and user_id = ${userId}`;
}

/** Counts a change of the user as one of each of its memberships. @returns them as they are now */
export async function bumpMembershipsOf(sql: Db, userId: string): Promise<MemberRow[]> {
  await sql`
    update server_members set ${setAndBump(sql, {}, sql`nextval('membership_version')`)} where user_id = ${userId}`;
  return sql<MemberRow[]>`
    select ${memberColumns(sql)} from server_members m join users u on u.id = m.user_id
    where m.user_id = ${userId} order by m.server_id`;
}

/** @returns false when the member had the role already */
export async function addMemberRole(sql: Db, guildId: string, userId: string, roleId: string): Promise<boolean> {
  const rows = await sql`
    insert into server_member_roles (server_id, user_id, role_id) values (${guildId}, ${userId}, ${roleId})
    on conflict do nothing returning role_id`;
  return rows.length > 0;
}

/** @returns false when the member didn't have the role */
export async function deleteMemberRole(sql: Db, guildId: string, userId: string, roleId: string): Promise<boolean> {
  const rows = await sql`
    delete from server_member_roles
    where server_id = ${guildId} and user_id = ${userId} and role_id = ${roleId} returning role_id`;
  return rows.length > 0;
}

/** Of the ids, those who are members. */
export async function membersAmong(sql: Db, guildId: string, userIds: readonly string[]): Promise<Set<string>> {
  if (userIds.length === 0) return new Set();
  const rows = await sql<{ user_id: string }[]>`
    select user_id from server_members where server_id = ${guildId} and user_id = any(${[...userIds]})`;
  return new Set(rows.map((row) => row.user_id));
}
