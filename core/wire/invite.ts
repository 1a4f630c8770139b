import { InviteType } from "discord-api-types/v10";
import { wireTime, wireTimeOrNull } from "./time.ts";
import { type UserRow, wireUser } from "./user.ts";

export interface InviteRow {
  code: string;
  server_id: string;
  channel_id: string;
  max_age: number;
  max_uses: number;
  uses: number;
  temporary: boolean;
  created_at: Date;
  expires_at: Date | null;
  inviter: UserRow | null;
  guild: {
    name: string;
    icon: string | null;
    description: string | null;
    features: string[];
    verification_level: number;
    nsfw_level: number;
    member_count: number;
  };
  channel: { name: string; type: number };
  /** What whoever accepts it gets. */
  roles: InviteRole[];
}

interface InviteRole {
  id: string;
  name: string;
  position: number;
  color: number;
  icon: string | null;
  unicode_emoji: string | null;
}

const wireInviteRole = (role: InviteRole) => ({
  ...role,
  colors: { primary_color: role.color, secondary_color: null, tertiary_color: null },
});

/**
 * An invite as anybody sees it who has its code. https://discord.com/developers/docs/resources/invite#invite-object
 * @param online how many of the guild are, where it is asked for
 */
export function wireInvite(row: InviteRow, online?: number) {
  const { member_count: members, ...guild } = row.guild;
  return {
    type: InviteType.Guild,
    code: row.code,
    guild_id: row.server_id,
    guild: {
      id: row.server_id,
      ...guild,
      splash: null,
      banner: null,
      vanity_url_code: null,
      nsfw: false,
      premium_subscription_count: 0,
    },
    channel: { id: row.channel_id, name: row.channel.name, type: row.channel.type },
    ...(row.inviter === null ? {} : { inviter: wireUser(row.inviter) }),
    expires_at: wireTimeOrNull(row.expires_at),
    ...(row.roles.length === 0 ? {} : { roles: row.roles.map(wireInviteRole) }),
    ...(online === undefined ? {} : { approximate_member_count: members, approximate_presence_count: online }),
  };
}

/** How an invite may be used and was. https://discord.com/developers/docs/resources/invite#invite-metadata-object */
function wireUse(row: InviteRow) {
  return {
    uses: row.uses,
    max_uses: row.max_uses,
    max_age: row.max_age,
    temporary: row.temporary,
    created_at: wireTime(row.created_at),
  };
}

/** An invite as those see it who manage it. */
export function wireManagedInvite(row: InviteRow) {
  return { ...wireInvite(row), ...wireUse(row) };
}

/** https://discord.com/developers/docs/events/gateway-events#invite-create */
export function wireInviteCreate(row: InviteRow) {
  return {
    type: InviteType.Guild,
    code: row.code,
    guild_id: row.server_id,
    channel_id: row.channel_id,
    ...(row.inviter === null ? {} : { inviter: wireUser(row.inviter) }),
    expires_at: wireTimeOrNull(row.expires_at),
    ...(row.roles.length === 0 ? {} : { role_ids: row.roles.map((role) => role.id) }),
    ...wireUse(row),
  };
}
