import type { Db } from "../../core/db.ts";
import { has, Permission } from "../../core/permissions.ts";
import { type ChannelRow, wireChannel } from "../../core/wire/channel.ts";
import { type MemberRow, memberFacts, wireMemberOnly } from "../../core/wire/member.ts";
import { type RoleRow, wireRole } from "../../core/wire/role.ts";
import { isThreadRow, wireThread } from "../../core/wire/thread.ts";
import { wireUser } from "../../core/wire/user.ts";
import { type InChannel, type InGuildChannel, permissionsIn } from "../access.ts";
import { withRoles } from "../roles.ts";
import { findChannels } from "../store/channels.ts";
import { findMembers } from "../store/interactions.ts";
import { listRoles } from "../store/roles.ts";
import { findUsers } from "../store/users.ts";

/** Something that a person has named by its id. */
export interface Named {
  kind: "user" | "role" | "mentionable" | "channel";
  id: string;
  path: readonly (string | number)[];
  /** Of a channel; all when there are none. */
  channelTypes?: readonly number[] | undefined;
}

/** Who an application is in a guild's channel. */
export interface Standing {
  permissions(channel: ChannelRow): bigint;
}

/** https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-object-resolved-data-structure */
export interface Resolved {
  users?: Record<string, object>;
  members?: Record<string, object>;
  roles?: Record<string, object>;
  channels?: Record<string, object>;
  messages?: Record<string, object>;
  attachments?: Record<string, object>;
}

/** What was named, as it is, and what of it the person can't name: what isn't there, or can't be seen. */
export async function resolveNamed(
  sql: Db,
  where: InChannel,
  application: Standing,
  named: readonly Named[],
): Promise<{ resolved: Resolved; unknown: Named[] }> {
  if (named.length === 0) return { resolved: {}, unknown: [] };
  const idsOf = (...kinds: Named["kind"][]) =>
    named.filter(({ kind }) => kinds.some((one) => one === kind)).map(({ id }) => id);
  const userIds = idsOf("user", "mentionable");
  const [users, members, roles, channels] = await Promise.all([
    userIds.length === 0 ? [] : findUsers(sql, userIds),
    where.type === "guild" ? findMembers(sql, where.guild.id, userIds) : [],
    where.type === "guild" && idsOf("user", "role", "mentionable").length > 0 ? listRoles(sql, where.guild.id) : [],
    where.type === "guild" && idsOf("channel").length > 0 ? findChannels(sql, idsOf("channel")) : [],
  ]);
  // In a conversation only the two who have it can be named.
  const known =
    where.type === "guild" ? users : users.filter(({ id }) => [where.caller.user.id, where.recipientId].includes(id));
  const visible = where.type === "dm" ? [] : channels.filter((channel) => sees(where, channel));
  const asked = new Set(named.map(({ id }) => id));
  const ofRoles = roles.filter(({ id }) => asked.has(id));
  const unknown = named.filter(({ kind, id, channelTypes }) => {
    if (kind === "channel") {
      const found = visible.find((channel) => channel.id === id);
      return found === undefined || (channelTypes?.length ? !channelTypes.includes(found.type) : false);
    }
    const isUser = kind !== "role" && known.some((user) => user.id === id);
    const isRole = kind !== "user" && ofRoles.some((role) => role.id === id);
    return !isUser && !isRole;
  });
  return {
    unknown,
    resolved: {
      ...mapOf("users", known, wireUser),
      ...(where.type === "dm"
        ? {}
        : mapOf(
            "members",
            members,
            (row) => resolvedMember(where, roles, row),
            ({ user_id }) => user_id,
          )),
      ...mapOf("roles", ofRoles, wireRole),
      ...(where.type === "dm"
        ? {}
        : mapOf("channels", visible, (row) => ({
            ...partialChannel(row, permissionsIn(where, row)),
            app_permissions: application.permissions(row).toString(),
          }))),
    },
  };
}

/** A private thread that the person hasn't joined is not looked into: it counts as unseen. */
function sees(where: InGuildChannel, channel: ChannelRow): boolean {
  return channel.server_id === where.guild.id && has(permissionsIn(where, channel), Permission.VIEW_CHANNEL);
}

function mapOf<T extends object>(
  field: keyof Resolved,
  rows: readonly T[],
  wire: (row: T) => object,
  idOf: (row: T) => string = (row) => ("id" in row ? String(row.id) : ""),
): Resolved {
  if (rows.length === 0) return {};
  return { [field]: Object.fromEntries(rows.map((row) => [idOf(row), wire(row)])) };
}

/**
 * A member without its user, with what it may do in the channel.
 * @param roles all of the guild's
 */
export function resolvedMember(where: InGuildChannel, roles: readonly RoleRow[], row: MemberRow): object {
  const { deaf: _deaf, mute: _mute, ...member } = wireMemberOnly(row);
  const permissions = permissionsIn({ guild: withRoles(where.guild, roles), me: memberFacts(row) }, where.channel);
  return { ...member, permissions: permissions.toString() };
}

const CHANNEL_FIELDS = [
  "id",
  "name",
  "type",
  "guild_id",
  "parent_id",
  "position",
  "topic",
  "nsfw",
  "flags",
  "rate_limit_per_user",
  "last_message_id",
  "last_pin_timestamp",
  "thread_metadata",
];

/** The fields of a channel that interactions tell. */
export function partialChannel(row: ChannelRow, permissions: bigint): object {
  const whole = isThreadRow(row) ? wireThread(row) : wireChannel(row);
  const fields = Object.entries(whole).filter(([name]) => CHANNEL_FIELDS.includes(name));
  return { ...Object.fromEntries(fields), permissions: permissions.toString() };
}
