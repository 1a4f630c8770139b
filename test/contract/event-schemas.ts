import * as z from "zod/mini";
import type { EventName } from "../../core/events.ts";
import { interactionEvents } from "./interaction-event-schemas.ts";
import { fault, responseSchema, shapeOf } from "./schemas.ts";

/**
 * What the `d` of each dispatch must be, strictly. Discord describes no events, only the objects in them: those are its
 * schemas, what surrounds them is as its documentation says. https://discord.com/developers/docs/events/gateway-events
 */

const snowflake = z.string().check(z.regex(/^\d{1,20}$/));
const time = z.iso.datetime({ offset: true });

const USER = responseSchema("UserResponse");
const MEMBER = shapeOf("GuildMemberResponse");
const MESSAGE = shapeOf("MessageResponse");
const THREAD = shapeOf("ThreadResponse");
const THREAD_MEMBER = shapeOf("ThreadMemberResponse");
const GUILD = shapeOf("GuildResponse");
const { user: _user, ...PARTIAL_MEMBER } = MEMBER;
const { reactions: _reactions, ...MESSAGE_FOR_ALL } = MESSAGE;

const member = z.strictObject(MEMBER);
const guildId = { guild_id: snowflake };
const inGuildOrDm = { guild_id: z.optional(snowflake) };
const thread = z.strictObject(THREAD);
const guildChannel = responseSchema("GuildChannelResponse");
const channel = z.union([guildChannel, responseSchema("PrivateChannelResponse")]);
const role = z.strictObject({ ...guildId, role: responseSchema("GuildRoleResponse") });
/** https://discord.com/developers/docs/events/gateway-events#integration-create: without the user who has added it. */
const { user: _adder, ...INTEGRATION } = shapeOf("DiscordIntegrationResponse");
const integration = z.strictObject({ ...INTEGRATION, ...guildId });
const ofUser = z.strictObject({ ...guildId, user: USER });

/** https://discord.com/developers/docs/events/gateway-events#message-create */
const message = z.strictObject({
  ...MESSAGE_FOR_ALL,
  ...inGuildOrDm,
  member: z.optional(z.strictObject(PARTIAL_MEMBER)),
  mentions: z.array(z.strictObject({ ...shapeOf("UserResponse"), member: z.optional(z.strictObject(PARTIAL_MEMBER)) })),
});

const ofMessage = { channel_id: snowflake, message_id: snowflake, ...inGuildOrDm };
const emoji = z.strictObject({
  id: z.nullable(snowflake),
  name: z.nullable(z.string()),
  animated: z.optional(z.boolean()),
});
const reaction = { ...ofMessage, user_id: snowflake, emoji, burst: z.boolean(), type: z.literal([0, 1]) };
const vote = z.strictObject({ ...ofMessage, user_id: snowflake, answer_id: z.int() });

/** https://discord.com/developers/docs/events/gateway-events#activity-object */
const activity = z.strictObject({
  name: z.string(),
  type: z.literal([0, 1, 2, 3, 4, 5]),
  created_at: z.int(),
  url: z.nullish(z.string()),
  state: z.nullish(z.string()),
  details: z.nullish(z.string()),
  timestamps: z.optional(z.strictObject({ start: z.optional(z.int()), end: z.optional(z.int()) })),
  emoji: z.nullish(z.strictObject({ name: z.string(), id: z.optional(snowflake), animated: z.optional(z.boolean()) })),
});
const status = z.literal(["online", "idle", "dnd", "offline"]);
const presence = {
  user: z.strictObject({ id: snowflake }),
  status,
  activities: z.array(activity),
  client_status: z.partialRecord(z.literal(["desktop", "mobile", "web"]), status),
};

/** https://discord.com/developers/docs/resources/voice#voice-state-object */
const voiceState = {
  channel_id: z.nullable(snowflake),
  user_id: snowflake,
  session_id: z.string(),
  deaf: z.boolean(),
  mute: z.boolean(),
  self_deaf: z.boolean(),
  self_mute: z.boolean(),
  self_stream: z.optional(z.boolean()),
  self_video: z.boolean(),
  suppress: z.boolean(),
  request_to_speak_timestamp: z.nullable(time),
};

/** The session's own membership, in GUILD_CREATE without the two ids. */
const joinedThread = z.strictObject({
  ...THREAD,
  member: z.optional(z.strictObject({ join_timestamp: time, flags: z.int() })),
});

/** https://discord.com/developers/docs/events/gateway-events#guild-create */
const guildCreate = z.strictObject({
  ...GUILD,
  joined_at: time,
  large: z.boolean(),
  unavailable: z.optional(z.boolean()),
  member_count: z.int(),
  members: z.array(member),
  channels: z.array(guildChannel),
  threads: z.array(joinedThread),
  presences: z.array(z.strictObject({ ...presence, guild_id: z.optional(snowflake) })),
  voice_states: z.array(z.strictObject(voiceState)),
  stage_instances: z.array(z.never()),
  guild_scheduled_events: z.array(z.never()),
  soundboard_sounds: z.array(z.never()),
});

/** Events that anybody may get: the table of events, and those that a gateway makes itself. */
type SentEvent =
  | Exclude<EventName, `$${string}`>
  | "READY"
  | "RESUMED"
  | "GUILD_CREATE"
  | "GUILD_MEMBERS_CHUNK"
  | "RATE_LIMITED"
  | "SOUNDBOARD_SOUNDS"
  | "CHANNEL_INFO"
  | "THREAD_LIST_SYNC"
  | "THREAD_MEMBER_UPDATE"
  | "VOICE_SERVER_UPDATE";

const schemas: Readonly<Record<SentEvent, z.core.$ZodType>> = {
  READY: z.strictObject({
    v: z.int(),
    user: responseSchema("UserPIIResponse"),
    guilds: z.array(z.strictObject({ id: snowflake, unavailable: z.literal(true) })),
    private_channels: z.array(z.never()),
    session_id: z.string(),
    session_type: z.optional(z.string()),
    resume_gateway_url: z.url(),
    shard: z.optional(z.tuple([z.int(), z.int()])),
    application: z.optional(z.strictObject({ id: snowflake, flags: z.int() })),
    _trace: z.optional(z.array(z.string())),
    // Not documented: Discord sends these to bots, with nothing in them.
    relationships: z.optional(z.array(z.never())),
    presences: z.optional(z.array(z.never())),
    user_settings: z.optional(z.strictObject({})),
    auth: z.optional(z.strictObject({})),
    geo_ordered_rtc_regions: z.optional(z.array(z.never())),
  }),
  // Our own.
  EVENT_ENDPOINT_DISABLED: z.strictObject({
    application_id: z.optional(snowflake),
    guild_id: z.optional(snowflake),
    subscription_id: z.optional(snowflake),
    interactions_endpoint_url: z.optional(z.null()),
    reason: z.string(),
  }),
  RESUMED: z.strictObject({ _trace: z.optional(z.array(z.string())) }),
  RATE_LIMITED: z.strictObject({
    opcode: z.int(),
    retry_after: z.number(),
    meta: z.strictObject({ ...guildId, nonce: z.optional(z.string()) }),
  }),
  SOUNDBOARD_SOUNDS: z.strictObject({ ...guildId, soundboard_sounds: z.array(z.never()) }),
  CHANNEL_INFO: z.strictObject({
    ...guildId,
    channels: z.array(
      z.strictObject({
        id: snowflake,
        status: z.optional(z.null()),
        voice_start_time: z.nullish(z.int()),
      }),
    ),
  }),
  GUILD_CREATE: guildCreate,
  GUILD_UPDATE: z.strictObject(GUILD),
  GUILD_DELETE: z.strictObject({ id: snowflake, unavailable: z.optional(z.boolean()) }),
  GUILD_AUDIT_LOG_ENTRY_CREATE: z.strictObject({ ...shapeOf("AuditLogEntryResponse"), ...guildId }),
  GUILD_ROLE_CREATE: role,
  GUILD_ROLE_UPDATE: role,
  GUILD_ROLE_DELETE: z.strictObject({ ...guildId, role_id: snowflake }),
  CHANNEL_CREATE: channel,
  CHANNEL_UPDATE: channel,
  CHANNEL_DELETE: channel,
  CHANNEL_PINS_UPDATE: z.strictObject({
    ...inGuildOrDm,
    channel_id: snowflake,
    last_pin_timestamp: z.nullish(time),
  }),
  THREAD_CREATE: z.strictObject({ ...THREAD, newly_created: z.optional(z.boolean()) }),
  THREAD_UPDATE: thread,
  THREAD_DELETE: z.strictObject({ id: snowflake, ...guildId, parent_id: snowflake, type: z.literal([10, 11, 12]) }),
  THREAD_LIST_SYNC: z.strictObject({
    ...guildId,
    channel_ids: z.optional(z.array(snowflake)),
    threads: z.array(thread),
    members: z.array(z.strictObject(THREAD_MEMBER)),
  }),
  THREAD_MEMBER_UPDATE: z.strictObject({ ...THREAD_MEMBER, ...guildId }),
  THREAD_MEMBERS_UPDATE: z.strictObject({
    id: snowflake,
    ...guildId,
    member_count: z.int(),
    added_members: z.optional(
      z.array(
        z.strictObject({
          ...THREAD_MEMBER,
          member: z.optional(member),
          presence: z.nullish(z.strictObject(presence)),
        }),
      ),
    ),
    removed_member_ids: z.optional(z.array(snowflake)),
  }),
  GUILD_MEMBER_ADD: z.strictObject({ ...MEMBER, ...guildId }),
  GUILD_MEMBER_UPDATE: z.strictObject({ ...MEMBER, ...guildId }),
  GUILD_MEMBER_REMOVE: ofUser,
  GUILD_MEMBERS_CHUNK: z.strictObject({
    ...guildId,
    members: z.array(member),
    chunk_index: z.int(),
    chunk_count: z.int(),
    not_found: z.optional(z.array(z.string())),
    presences: z.optional(z.array(z.strictObject({ ...presence, guild_id: z.optional(snowflake) }))),
    nonce: z.optional(z.string()),
  }),
  GUILD_BAN_ADD: ofUser,
  GUILD_BAN_REMOVE: ofUser,
  GUILD_INTEGRATIONS_UPDATE: z.strictObject(guildId),
  INTEGRATION_CREATE: integration,
  INTEGRATION_UPDATE: integration,
  INTEGRATION_DELETE: z.strictObject({ ...guildId, id: snowflake, application_id: z.optional(snowflake) }),
  INVITE_CREATE: z.strictObject({
    ...guildId,
    channel_id: snowflake,
    code: z.string(),
    // Not documented for the event, but a field of every invite.
    type: z.optional(z.literal(0)),
    // Of invites that give roles.
    role_ids: z.optional(z.array(snowflake)),
    created_at: time,
    expires_at: z.nullish(time),
    inviter: z.optional(USER),
    max_age: z.int(),
    max_uses: z.int(),
    temporary: z.boolean(),
    uses: z.int(),
    target_type: z.optional(z.int()),
    target_user: z.optional(USER),
  }),
  INVITE_DELETE: z.strictObject({ ...guildId, channel_id: snowflake, code: z.string() }),
  WEBHOOKS_UPDATE: z.strictObject({ ...guildId, channel_id: snowflake }),
  MESSAGE_CREATE: message,
  MESSAGE_UPDATE: message,
  MESSAGE_DELETE: z.strictObject({ id: snowflake, channel_id: snowflake, ...inGuildOrDm }),
  MESSAGE_DELETE_BULK: z.strictObject({ ids: z.array(snowflake), channel_id: snowflake, ...guildId }),
  MESSAGE_REACTION_ADD: z.strictObject({
    ...reaction,
    member: z.optional(member),
    message_author_id: z.optional(snowflake),
    burst_colors: z.optional(z.array(z.string())),
  }),
  MESSAGE_REACTION_REMOVE: z.strictObject(reaction),
  MESSAGE_REACTION_REMOVE_ALL: z.strictObject(ofMessage),
  MESSAGE_REACTION_REMOVE_EMOJI: z.strictObject({ ...ofMessage, emoji }),
  MESSAGE_POLL_VOTE_ADD: vote,
  MESSAGE_POLL_VOTE_REMOVE: vote,
  TYPING_START: z.strictObject({
    ...inGuildOrDm,
    channel_id: snowflake,
    user_id: snowflake,
    timestamp: z.int(),
    member: z.optional(member),
  }),
  PRESENCE_UPDATE: z.strictObject({ ...presence, ...guildId }),
  VOICE_STATE_UPDATE: z.strictObject({ ...voiceState, ...guildId, member: z.optional(member) }),
  VOICE_SERVER_UPDATE: z.strictObject({ ...guildId, token: z.string(), endpoint: z.nullable(z.string()) }),
  USER_UPDATE: responseSchema("UserPIIResponse"),
  ...interactionEvents,
  APPLICATION_COMMAND_PERMISSIONS_UPDATE: responseSchema("CommandPermissionsResponse"),
};

/** What is wrong with a dispatch, as `NAME path: what`; null when nothing is. */
export function eventFault(t: string, d: unknown): string | null {
  if (!isSent(t)) return `${t}: has no schema: add it in test/contract/event-schemas.ts`;
  const wrong = fault(schemas[t], d);
  return wrong === null ? null : `${t} ${wrong}`;
}

const isSent = (t: string): t is SentEvent => Object.hasOwn(schemas, t);
