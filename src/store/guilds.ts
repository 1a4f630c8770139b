import type { Db, Transaction } from "../../core/db.ts";
import { fixed, roleIds, setAndBump } from "../../core/store/fragments.ts";
import type { GuildRow } from "../../core/wire/guild.ts";
import type { RoleRow } from "../../core/wire/role.ts";

/** The columns of a GuildRow, from alias `s`. */
export const guildColumns = fixed(
  (sql) => sql`
  s.id, s.name, s.owner_id, s.icon, s.banner, s.splash, s.discovery_splash, s.description, s.verification_level, s.default_message_notifications,
  s.explicit_content_filter, s.mfa_level, s.nsfw_level, s.afk_channel_id, s.afk_timeout, s.system_channel_id,
  s.system_channel_flags, s.rules_channel_id, s.public_updates_channel_id, s.safety_alerts_channel_id,
  s.preferred_locale, s.premium_progress_bar_enabled, s.features, s.member_count, s.version`,
);

/** How many a user may be in. */
export const MAX_GUILDS = 200;

export async function insertGuild(sql: Db, guild: { id: string; name: string; ownerId: string }): Promise<GuildRow> {
  const [row] = await sql<GuildRow[]>`
    insert into servers as s (id, name, owner_id) values (${guild.id}, ${guild.name}, ${guild.ownerId})
    returning ${guildColumns(sql)}`;
  if (row === undefined) throw new Error("insert returned no row");
  return row;
}

/**
 * Makes other changes of the guild's members, roles and channels wait until the transaction ends. Take it before any
 * row of theirs: with one order of locks nothing can deadlock.
 * @returns false when there is no such guild
 */
export async function lockGuild(tx: Transaction, id: string): Promise<boolean> {
  const rows = await tx`select 1 from servers where id = ${id} for no key update`;
  return rows.length > 0;
}

export async function findGuild(sql: Db, id: string): Promise<GuildRow | undefined> {
  const [row] = await sql<GuildRow[]>`select ${guildColumns(sql)} from servers s where s.id = ${id}`;
  return row;
}

/** Columns that PATCH may set, under their own names. */
export type GuildPatch = Partial<
  Pick<
    GuildRow,
    | "name"
    | "description"
    | "icon"
    | "banner"
    | "splash"
    | "discovery_splash"
    | "verification_level"
    | "default_message_notifications"
    | "explicit_content_filter"
    | "afk_channel_id"
    | "afk_timeout"
    | "system_channel_id"
    | "system_channel_flags"
    | "rules_channel_id"
    | "public_updates_channel_id"
    | "safety_alerts_channel_id"
    | "preferred_locale"
    | "premium_progress_bar_enabled"
    | "owner_id"
    | "features"
  >
>;

export async function updateGuild(sql: Db, id: string, patch: GuildPatch): Promise<GuildRow | undefined> {
  const [row] = await sql<GuildRow[]>`
    update servers s set ${setAndBump(sql, patch)}
    where s.id = ${id} returning ${guildColumns(sql)}`;
  return row;
}

/** Clears what refers to a channel that is deleted. @returns undefined when nothing did */
export async function forgetChannel(sql: Db, id: string, channelId: string): Promise<GuildRow | undefined> {
  const [row] = await sql<GuildRow[]>`
    update servers s set version = version + 1, afk_channel_id = nullif(afk_channel_id, ${channelId}),
      system_channel_id = nullif(system_channel_id, ${channelId}),
      rules_channel_id = nullif(rules_channel_id, ${channelId}),
      public_updates_channel_id = nullif(public_updates_channel_id, ${channelId}),
      safety_alerts_channel_id = nullif(safety_alerts_channel_id, ${channelId})
    where s.id = ${id} and ${channelId} in (afk_channel_id, system_channel_id, rules_channel_id,
      public_updates_channel_id, safety_alerts_channel_id)
    returning ${guildColumns(sql)}`;
  return row;
}

export async function deleteGuild(sql: Db, id: string): Promise<void> {
  await sql`delete from servers where id = ${id}`;
}

export interface JoinedGuildRow
  extends Pick<GuildRow, "id" | "name" | "icon" | "banner" | "owner_id" | "features" | "member_count"> {
  user_id: string;
  role_ids: string[];
  communication_disabled_until: Date | null;
  roles: Pick<RoleRow, "id" | "permissions" | "position">[];
}

/** Guilds that a user is in, by id, with what its permissions there are computed from. */
export async function listGuildsOf(
  sql: Db,
  userId: string,
  page: { before?: string | undefined; after?: string | undefined; limit: number },
): Promise<JoinedGuildRow[]> {
  const rows = await sql<JoinedGuildRow[]>`
    select s.id, s.name, s.icon, s.banner, s.owner_id, s.features, s.member_count, m.user_id, m.communication_disabled_until,
      ${roleIds(sql)} as role_ids,
      (select json_agg(json_build_object('id', r.id::text, 'permissions', r.permissions, 'position', r.position))
        from roles r where r.server_id = s.id and (r.is_default or r.id in (
          select mr.role_id from server_member_roles mr where mr.server_id = s.id and mr.user_id = m.user_id)))
        as roles
    from server_members m join servers s on s.id = m.server_id
    where m.user_id = ${userId}
      ${page.before === undefined ? sql`` : sql`and m.server_id < ${page.before}`}
      ${page.after === undefined ? sql`` : sql`and m.server_id > ${page.after}`}
    order by m.server_id ${page.before === undefined ? sql`asc` : sql`desc`} limit ${page.limit}`;
  return page.before === undefined ? rows : [...rows].reverse();
}

/** The first guilds that a user is in. */
export async function listGuildIdsOf(sql: Db, userId: string, limit: number): Promise<string[]> {
  const rows = await sql<{ server_id: string }[]>`
    select server_id from server_members where user_id = ${userId} order by server_id limit ${limit}`;
  return rows.map((row) => row.server_id);
}

/** How many guilds a user owns or is in: both are limited. */
export async function countGuildsOf(sql: Db, userId: string): Promise<number> {
  const [row] = await sql<[{ n: number }]>`select count(*)::int as n from server_members where user_id = ${userId}`;
  return row.n;
}
