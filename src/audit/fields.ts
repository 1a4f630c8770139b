import type { ChannelRow, OverwriteRow } from "../../core/wire/channel.ts";
import { wireChannel } from "../../core/wire/channel.ts";
import type { GuildRow } from "../../core/wire/guild.ts";
import type { InviteRow } from "../../core/wire/invite.ts";
import type { MemberRow } from "../../core/wire/member.ts";
import { type RoleRow, wireRole } from "../../core/wire/role.ts";
import { type ThreadChannelRow, wireThread } from "../../core/wire/thread.ts";
import { wireTimeOrNull } from "../../core/wire/time.ts";
import type { WireableWebhook } from "../../core/wire/webhook.ts";
import type { Fields } from "./changes.ts";

/**
 * What the audit log tells of each kind of object: what somebody sets, under the object's own names. Images are told
 * as `…_hash`, as libraries look for them (and as is documented for webhooks).
 * https://discord.com/developers/docs/resources/audit-log#audit-log-change-object
 */
export function guildFields(row: GuildRow): Fields {
  const { id, version, member_count, icon, banner, splash, discovery_splash, mfa_level, nsfw_level, ...set } = row;
  return {
    ...set,
    icon_hash: icon,
    banner_hash: banner,
    splash_hash: splash,
    discovery_splash_hash: discovery_splash,
  };
}

export function channelFields(row: ChannelRow): Fields {
  const { id, guild_id, permission_overwrites, ...wire } = wireChannel(row);
  return withoutMessages(wire);
}

/** The same of a channel that comes or goes, with the overwrites that it has. */
export function wholeChannelFields(row: ChannelRow): Fields {
  return { ...channelFields(row), permission_overwrites: row.overwrites };
}

export function threadFields(row: ThreadChannelRow): Fields {
  const { id, guild_id, parent_id, owner_id, message_count, total_message_sent, member_count, ...wire } =
    wireThread(row);
  const { thread_metadata: metadata, ...own } = wire;
  const { archive_timestamp, create_timestamp, ...state } = metadata;
  return { ...withoutMessages(own), ...state };
}

/** A channel's object tells of its messages, too, which nobody sets. */
function withoutMessages(wire: object): Fields {
  return Object.fromEntries(
    Object.entries(wire).filter(([key]) => key !== "last_message_id" && key !== "last_pin_timestamp"),
  );
}

export const overwriteFields = ({ id, type, allow, deny }: OverwriteRow): Fields => ({ id, type, allow, deny });

export function roleFields(row: RoleRow): Fields {
  const { id, managed, flags, tags, icon, ...set } = wireRole(row);
  return { ...set, icon_hash: icon };
}

export function memberFields(row: MemberRow): Fields {
  return {
    nick: row.nickname,
    avatar_hash: row.avatar,
    banner_hash: row.banner,
    mute: row.mute,
    deaf: row.deaf,
    communication_disabled_until: wireTimeOrNull(row.communication_disabled_until),
    flags: row.flags,
  };
}

export function inviteFields(row: InviteRow): Fields {
  const { code, channel_id, inviter, max_age, max_uses, uses, temporary } = row;
  return { code, channel_id, inviter_id: inviter?.id ?? null, max_age, max_uses, uses, temporary };
}

export function webhookFields(row: WireableWebhook): Fields {
  const { type, name, channel_id, avatar, application_id } = row;
  return { type, name, channel_id, avatar_hash: avatar, application_id };
}
