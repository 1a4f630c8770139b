import { ApplicationFlags } from "discord-api-types/v10";
import type postgres from "postgres";
import type { Db } from "../db.ts";

/**
 * Pieces of SELECT lists that several stores share. Inside JSON, ids and bit fields are cast to text: a double can't
 * hold them. Alias `u` is a users row, `c` a channels row, `m` a server_members row.
 */
export type Fragment = postgres.PendingQuery<postgres.Row[]>;

/**
 * A piece without parameters, made once and used ever after: postgres.js makes a promise of each piece it is given,
 * and a statement of many pieces spent a third of its time in that.
 */
export function fixed(make: (sql: Db) => Fragment): (sql: Db) => Fragment {
  let made: Fragment | undefined;
  return (sql) => {
    made ??= make(sql);
    return made;
  };
}

/** A UserRow as JSON, from alias `u`. */
export const userJson = fixed(
  (sql) => sql`
  json_build_object('id', u.id::text, 'username', u.username, 'discriminator', u.discriminator,
    'global_name', u.global_name, 'avatar', u.avatar, 'banner', u.banner, 'accent_color', u.accent_color,
    'bot', u.bot, 'flags', u.flags::text)`,
);

/** An application's flags as they are told, from alias `a`: 1 << 23 says that it has global commands. */
export const applicationFlags = (sql: Db): Fragment => sql`
  (case when exists (select 1 from application_commands c where c.application_id = a.id and c.server_id is null)
    then a.flags | ${ApplicationFlags.ApplicationCommandBadge} else a.flags end)`;

/** True of channels that are no threads, from alias `c`; written as the index of a guild's channels is. */
export const notThread = fixed((sql) => sql`c.type not in (10, 11, 12)`);

/**
 * The columns of a ChannelRow, from alias `c`. A forum's last message is the first of its newest post, which has the
 * post's id. The range of one channel says that only the index by channels will do: where most messages are in one
 * channel, the planner would look for those of the others among all, newest first, and a list of 500 channels took minutes.
 */
export const channelColumns = fixed(
  (sql) => sql`
  c.id, c.server_id, c.name, c.type, c.topic, c.position, c.parent_id, c.nsfw, c.rate_limit_per_user, c.bitrate,
  c.user_limit, c.rtc_region, c.video_quality_mode, c.default_auto_archive_duration,
  c.default_thread_rate_limit_per_user, c.default_reaction_emoji, c.default_sort_order, c.default_forum_layout,
  c.default_tag_setting, c.available_tags, c.flags, c.last_pin_at, c.version,
  case when c.type in (15, 16)
    then (select post.channel_id from threads post where post.parent_id = c.id order by post.channel_id desc limit 1)
    else (select msg.id from messages msg where msg.channel_id between c.id and c.id and not msg.deleted
      order by msg.channel_id, msg.id desc limit 1) end as last_message_id,
  case when c.type in (10, 11, 12) then ${threadJson(sql)} end as thread,
  ${overwritesJson(sql)} as overwrites`,
);

const threadJson = fixed(
  (sql) => sql`
  (select json_build_object('owner_id', t.owner_id::text, 'archived', t.archived,
    'archive_timestamp', t.archive_timestamp, 'auto_archive_duration', t.auto_archive_duration, 'locked', t.locked,
    'invitable', t.invitable, 'applied_tags', t.applied_tags::text[], 'message_count', t.message_count,
    'total_message_sent', t.total_message_sent, 'member_count', t.member_count, 'created_at', t.created_at)
  from threads t where t.channel_id = c.id)`,
);

/** A channel's overwrites as JSON, from alias `c`; of a thread, those of the channel it is in. */
export const overwritesJson = fixed(
  (sql) => sql`
  coalesce((select json_agg(json_build_object('id', o.target_id::text, 'type', o.type, 'allow', o.allow::text,
    'deny', o.deny::text) order by o.target_id) from permission_overwrites o
    where o.channel_id = case when c.type in (10, 11, 12) then c.parent_id else c.id end), '[]')`,
);

/** The columns of a ThreadMemberRow, from alias `tm`. */
export const threadMemberColumns = fixed((sql) => sql`tm.thread_id, tm.user_id, tm.joined_at, tm.flags`);

/** The columns of a MemberRow, from aliases `m` and `u`. */
export const memberColumns = fixed(
  (sql) => sql`
  m.server_id, m.user_id, m.joined_at, m.nickname, m.avatar, m.banner, m.communication_disabled_until, m.deaf, m.mute,
  m.pending, m.flags, m.version, ${roleIds(sql)} as role_ids, ${userJson(sql)} as "user"`,
);

/** The ids of a member's roles, from alias `m`. */
export const roleIds = fixed(
  (sql) => sql`
  array(select mr.role_id::text from server_member_roles mr
    where mr.server_id = m.server_id and mr.user_id = m.user_id order by mr.role_id)`,
);

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
