import type { Db } from "../../core/db.ts";
import { userJson } from "../../core/store/fragments.ts";
import type { InviteRow } from "../../core/wire/invite.ts";

const invites = (sql: Db) => sql`
  select i.code, i.server_id, i.channel_id, i.max_age, i.max_uses, i.uses, i.temporary, i.created_at, i.expires_at,
    (select ${userJson(sql)} from users u where u.id = i.inviter_id) as inviter,
    json_build_object('name', s.name, 'icon', s.icon, 'description', s.description, 'features', s.features,
      'verification_level', s.verification_level, 'nsfw_level', s.nsfw_level, 'member_count', s.member_count) as guild,
    json_build_object('name', c.name, 'type', c.type) as channel,
    coalesce((select json_agg(json_build_object('id', r.id::text, 'name', r.name, 'position', r.position,
        'color', r.color, 'icon', r.icon, 'unicode_emoji', r.unicode_emoji) order by r.id)
      from roles r where r.server_id = i.server_id and r.id = any(i.role_ids)), '[]') as roles
  from invites i join servers s on s.id = i.server_id join channels c on c.id = i.channel_id`;

/** Neither expired nor used up. */
const usable = (sql: Db) => sql`
  (i.expires_at is null or i.expires_at > now()) and (i.max_uses = 0 or i.uses < i.max_uses)`;

/** Only one that can be used. */
export async function findInvite(sql: Db, code: string): Promise<InviteRow | undefined> {
  const [row] = await sql<InviteRow[]>`${invites(sql)} where i.code = ${code} and ${usable(sql)}`;
  return row;
}

/** 1000 at most, as a guild has. */
export async function listGuildInvites(sql: Db, guildId: string): Promise<InviteRow[]> {
  return sql<InviteRow[]>`${invites(sql)} where i.server_id = ${guildId} and ${usable(sql)} order by i.created_at`;
}

export async function listChannelInvites(sql: Db, channelId: string): Promise<InviteRow[]> {
  return sql<InviteRow[]>`${invites(sql)} where i.channel_id = ${channelId} and ${usable(sql)} order by i.created_at`;
}

export async function countInvites(sql: Db, guildId: string): Promise<number> {
  const [row] = await sql<[{ n: number }]>`
    select count(*)::int as n from invites i where i.server_id = ${guildId} and ${usable(sql)}`;
  return row.n;
}

export interface NewInvite {
  code: string;
  guildId: string;
  channelId: string;
  inviterId: string;
  /** Seconds; 0: for ever. */
  maxAge: number;
  maxUses: number;
  temporary: boolean;
  /** In order. */
  roleIds: readonly string[];
}

export async function insertInvite(sql: Db, i: NewInvite): Promise<void> {
  await sql`
    insert into invites (code, server_id, channel_id, inviter_id, max_age, max_uses, temporary, role_ids, expires_at)
    values (${i.code}, ${i.guildId}, ${i.channelId}, ${i.inviterId}, ${i.maxAge}, ${i.maxUses}, ${i.temporary}, ${[...i.roleIds]}::bigint[],
      ${i.maxAge === 0 ? null : sql`now() + make_interval(secs => ${i.maxAge})`})`;
}

/** An unused invite of the same person to the same channel on the same terms, with half its time left at least. */
export async function findSimilarInvite(sql: Db, i: NewInvite): Promise<InviteRow | undefined> {
  const [row] = await sql<InviteRow[]>`
    ${invites(sql)}
    where i.channel_id = ${i.channelId} and i.inviter_id = ${i.inviterId} and i.max_age = ${i.maxAge}
      and i.max_uses = ${i.maxUses} and i.temporary = ${i.temporary}
      and i.role_ids = ${[...i.roleIds]}::bigint[] and i.uses = 0
      and (i.expires_at is null or i.expires_at > now() + make_interval(secs => ${i.maxAge / 2}))
    order by i.created_at desc limit 1`;
  return row;
}

/**
 * Counts a use, if the invite has one left.
 * @returns undefined when it has none, has expired or is gone
 */
export async function takeInviteUse(sql: Db, code: string): Promise<{ last: boolean } | undefined> {
  const [row] = await sql<{ last: boolean }[]>`
    update invites i set uses = uses + 1 where i.code = ${code} and ${usable(sql)}
    returning i.max_uses > 0 and i.uses >= i.max_uses as last`;
  return row;
}

/** @returns false when there was no such invite */
export async function deleteInvite(sql: Db, code: string): Promise<boolean> {
  const rows = await sql`delete from invites where code = ${code} returning code`;
  return rows.length > 0;
}

export async function deleteExpiredInvites(sql: Db): Promise<void> {
  await sql`delete from invites where expires_at < now()`;
}
