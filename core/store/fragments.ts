import type postgres from "postgres";
import type { Db } from "../db.ts";

/**
 * Pieces of SELECT lists that several stores share. Inside JSON, ids and bit fields are cast to text: a double can't
 * hold them. Alias `u` is a users row, `c` a channels row, `m` a server_members row.
 */
export type Fragment = postgres.PendingQuery<postgres.Row[]>;

/** A UserRow as JSON, from alias `u`. */
export const userJson = (sql: Db): Fragment => sql`
  json_build_object('id', u.id::text, 'username', u.username, 'discriminator', u.discriminator,
    'global_name', u.global_name, 'avatar', u.avatar, 'banner', u.banner, 'accent_color', u.accent_color,
    'bot', u.bot, 'flags', u.flags::text)`;

/** The columns of a ChannelRow, from alias `c`. */
export const channelColumns = (sql: Db): Fragment => sql`
  c.id, c.server_id, c.name, c.type, c.topic, c.position, c.parent_id, c.nsfw, c.rate_limit_per_user, c.bitrate,
  c.user_limit, c.default_auto_archive_duration, c.flags, c.version,
  (select msg.id from messages msg where msg.channel_id = c.id and not msg.deleted
    order by msg.id desc limit 1) as last_message_id,
  ${overwritesJson(sql)} as overwrites`;

/** A channel's overwrites as JSON, from alias `c`. */
export const overwritesJson = (sql: Db): Fragment => sql`
  coalesce((select json_agg(json_build_object('id', o.target_id::text, 'type', o.type, 'allow', o.allow::text,
    'deny', o.deny::text) order by o.target_id) from permission_overwrites o where o.channel_id = c.id), '[]')`;

/** The columns of a MemberRow, from aliases `m` and `u`. */
export const memberColumns = (sql: Db): Fragment => sql`
  m.server_id, m.user_id, m.joined_at, m.nickname, m.avatar, m.communication_disabled_until, m.deaf, m.mute,
  m.pending, m.flags, m.version, ${roleIds(sql)} as role_ids, ${userJson(sql)} as "user"`;

/** The ids of a member's roles, from alias `m`. */
export const roleIds = (sql: Db): Fragment => sql`
  array(select mr.role_id::text from server_member_roles mr
    where mr.server_id = m.server_id and mr.user_id = m.user_id order by mr.role_id)`;

/**
 * The SET list of an update: the columns given (an undefined one stays as it is), and the row's version grows.
 * @param version what the version becomes, if not the next number
 */
export function setAndBump(
  sql: Db,
  columns: Readonly<Record<string, postgres.ParameterOrFragment<never> | undefined>>,
  version: Fragment = sql`version + 1`,
): Fragment {
  let list: Fragment = sql`version = ${version}`;
  for (const [name, value] of Object.entries(columns)) {
    if (value !== undefined) list = sql`${list}, ${sql(name)} = ${value}`;
  }
  return list;
}
