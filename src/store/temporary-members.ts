import type { Db, Transaction } from "../../core/db.ts";

export async function insertTemporaryMember(tx: Transaction, guildId: string, userId: string): Promise<void> {
  await tx`insert into temporary_members (server_id, user_id) values (${guildId}, ${userId})`;
}

export interface TemporaryMember {
  server_id: string;
  user_id: string;
  /** Whether it was without a session for long enough already. */
  overdue: boolean;
}

/** Members for the time being who have no role, by guild and user, from after the one given. */
export async function listTemporaryMembers(
  sql: Db,
  after: { server_id: string; user_id: string },
  absentSeconds: number,
  limit: number,
): Promise<TemporaryMember[]> {
  return sql<TemporaryMember[]>`
    select t.server_id, t.user_id,
      coalesce(t.absent_since < now() - make_interval(secs => ${absentSeconds}), false) as overdue
    from temporary_members t
    where (t.server_id, t.user_id) > (${after.server_id}::bigint, ${after.user_id}::bigint)
      and not exists (select 1 from server_member_roles mr
        where mr.server_id = t.server_id and mr.user_id = t.user_id)
    order by t.server_id, t.user_id limit ${limit}`;
}

/** Notes that a member has no session, or has one. */
export async function noteAbsence(sql: Db, member: TemporaryMember, absent: boolean): Promise<void> {
  await sql`
    update temporary_members set absent_since = ${absent ? sql`coalesce(absent_since, now())` : null}
    where server_id = ${member.server_id} and user_id = ${member.user_id}`;
}

/** Whether a member is still temporary, without a role and long gone: to be asked with the guild locked. */
export async function isGone(tx: Transaction, member: TemporaryMember, absentSeconds: number): Promise<boolean> {
  const rows = await tx`
    select 1 from temporary_members t
    where t.server_id = ${member.server_id} and t.user_id = ${member.user_id}
      and t.absent_since < now() - make_interval(secs => ${absentSeconds})
      and not exists (select 1 from server_member_roles mr
        where mr.server_id = t.server_id and mr.user_id = t.user_id)`;
  return rows.length > 0;
}
