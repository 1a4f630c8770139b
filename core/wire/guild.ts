import type { WirePresence } from "../presence-store.ts";
import type { VoiceState } from "../voice-store.ts";
import type { WireChannel } from "./channel.ts";
import type { WireMember } from "./member.ts";
import { type RoleRow, wireRole } from "./role.ts";
import type { WireThread } from "./thread.ts";
import { wireTime } from "./time.ts";

export interface GuildRow {
  id: string;
  name: string;
  owner_id: string;
  icon: string | null;
  banner: string | null;
  splash: string | null;
  discovery_splash: string | null;
  description: string | null;
  verification_level: number;
  default_message_notifications: number;
  explicit_content_filter: number;
  mfa_level: number;
  nsfw_level: number;
  afk_channel_id: string | null;
  afk_timeout: number;
  system_channel_id: string | null;
  system_channel_flags: number;
  rules_channel_id: string | null;
  public_updates_channel_id: string | null;
  safety_alerts_channel_id: string | null;
  preferred_locale: string;
  premium_progress_bar_enabled: boolean;
  features: string[];
  member_count: number;
  version: string;
}

/** https://discord.com/developers/docs/resources/guild#guild-object */
export function wireGuild(row: GuildRow, roles: readonly RoleRow[]) {
  return {
    id: row.id,
    name: row.name,
    icon: row.icon,
    description: row.description,
    home_header: null,
    splash: row.splash,
    discovery_splash: row.discovery_splash,
    features: row.features,
    banner: row.banner,
    owner_id: row.owner_id,
    application_id: null,
    region: "deprecated",
    afk_channel_id: row.afk_channel_id,
    afk_timeout: row.afk_timeout,
    system_channel_id: row.system_channel_id,
    system_channel_flags: row.system_channel_flags,
    widget_enabled: false,
    widget_channel_id: null,
    verification_level: row.verification_level,
    roles: roles.map(wireRole),
    default_message_notifications: row.default_message_notifications,
    mfa_level: row.mfa_level,
    explicit_content_filter: row.explicit_content_filter,
    max_presences: null,
    max_members: 500_000,
    max_stage_video_channel_users: 50,
    max_video_channel_users: 25,
    vanity_url_code: null,
    premium_tier: 0,
    premium_subscription_count: 0,
    preferred_locale: row.preferred_locale,
    rules_channel_id: row.rules_channel_id,
    safety_alerts_channel_id: row.safety_alerts_channel_id,
    public_updates_channel_id: row.public_updates_channel_id,
    premium_progress_bar_enabled: row.premium_progress_bar_enabled,
    nsfw: false,
    nsfw_level: row.nsfw_level,
    emojis: [],
    stickers: [],
    incidents_data: null,
  };
}

export type WireGuild = ReturnType<typeof wireGuild>;

/** With the session's own membership, in which GUILD_CREATE leaves out the two ids. */
type GuildCreateThread = WireThread & { member?: { join_timestamp: string; flags: number } };

/** GUILD_CREATE's extra fields. https://discord.com/developers/docs/events/gateway-events#guild-create */
export function wireGuildCreate(
  guild: WireGuild,
  parts: {
    joinedAt: Date;
    memberCount: number;
    members: WireMember[];
    channels: WireChannel[];
    threads: GuildCreateThread[];
    large: boolean;
    presences: readonly WirePresence[];
    voiceStates: readonly VoiceState[];
  },
) {
  return {
    ...guild,
    joined_at: wireTime(parts.joinedAt),
    large: parts.large,
    unavailable: false,
    member_count: parts.memberCount,
    members: parts.members,
    channels: parts.channels,
    threads: parts.threads,
    presences: parts.presences,
    voice_states: parts.voiceStates,
    stage_instances: [],
    guild_scheduled_events: [],
    soundboard_sounds: [],
  };
}
