import type { Db } from "../../core/db.ts";
import { memberColumns } from "../../core/store/fragments.ts";
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

/** @returns false when the user was no member */
export async function deleteMember(sql: Db, guildId: string, userId: string): Promise<boolean> {
  const rows = await sql`
    with gone as (
      delete from server_members where server_id = ${guildId} and user_id = ${userId} returning server_id
    )
    update servers set member_count = member_count - 1 where id = (select server_id from gone) returning id`;
  return rows.length > 0;
}

/** @returns false when the member had the role already */
export async function addMemberRole(sql: Db, guildId: string, userId: string, roleId: string): Promise<boolean> {
  const rows = await sql`
    insert into server_member_roles (server_id, user_id, role_id) values (${guildId}, ${userId}, ${roleId})
    on conflict do nothing returning role_id`;
  return rows.length > 0;
}
