import { GatewayIntentBits } from "discord-api-types/v10";
import type { PermissionName } from "./permissions.ts";

/**
 * The one table of events: what a session must ask for to get an event, who may see it, and whether it is kept for
 * those who resume. https://discord.com/developers/docs/events/gateway#list-of-intents
 */
export interface EventRule {
  /** The intent a session needs for a guild's event; 0: none. */
  intent: number;
  /** The intent for the same event of a direct conversation. */
  dmIntent: number;
  /**
   * guild: every member; channel: members who may view the channel; holders: members who have the permission `needs`
   * in the guild; user: the owner of the log alone.
   */
  sees: "guild" | "channel" | "holders" | "user";
  /** For `holders`. */
  needs: PermissionName | null;
  /** False for what is stale in a moment: it takes a number but can't be replayed. */
  kept: boolean;
  /** The payload has content that a bot needs MESSAGE_CONTENT for. */
  content: boolean;
  /** The event changes who may see what: gateways apply it to their snapshot of the guild. */
  changesAccess: boolean;
  /** For gateways only, never sent as it is. */
  internal: boolean;
}

const {
  Guilds,
  GuildMembers,
  GuildModeration,
  GuildIntegrations,
  GuildWebhooks,
  GuildInvites,
  GuildVoiceStates,
  GuildPresences,
  GuildMessages,
  GuildMessagePolls,
  GuildMessageReactions,
  GuildMessageTyping,
  DirectMessages,
  DirectMessagePolls,
  DirectMessageReactions,
  DirectMessageTyping,
} = GatewayIntentBits;

const base: EventRule = {
  intent: 0,
  dmIntent: 0,
  sees: "guild",
  needs: null,
  kept: true,
  content: false,
  changesAccess: false,
  internal: false,
};
const inChannel = { ...base, sees: "channel" } as const;
const ofReactions = { ...inChannel, intent: GuildMessageReactions, dmIntent: DirectMessageReactions } as const;
const ofPolls = { ...inChannel, intent: GuildMessagePolls, dmIntent: DirectMessagePolls } as const;
const toUser = { ...base, sees: "user" } as const;

export const EVENTS = {
  GUILD_UPDATE: { ...base, intent: Guilds, changesAccess: true },
  GUILD_DELETE: { ...base, intent: Guilds, changesAccess: true },
  GUILD_ROLE_CREATE: { ...base, intent: Guilds, changesAccess: true },
  GUILD_ROLE_UPDATE: { ...base, intent: Guilds, changesAccess: true },
  GUILD_ROLE_DELETE: { ...base, intent: Guilds, changesAccess: true },
  CHANNEL_CREATE: { ...inChannel, intent: Guilds, changesAccess: true },
  CHANNEL_UPDATE: { ...inChannel, intent: Guilds, dmIntent: 0, changesAccess: true },
  CHANNEL_DELETE: { ...inChannel, intent: Guilds, changesAccess: true },
  THREAD_CREATE: { ...inChannel, intent: Guilds, changesAccess: true },
  THREAD_UPDATE: { ...inChannel, intent: Guilds, changesAccess: true },
  THREAD_DELETE: { ...inChannel, intent: Guilds, changesAccess: true },
  /** Whose own membership changed gets it for GUILDS alone. */
  THREAD_MEMBERS_UPDATE: { ...inChannel, intent: GuildMembers, changesAccess: true },
  /** A thread was archived and no longer is: its members get THREAD_MEMBER_UPDATE, each its own. */
  $THREAD_UNARCHIVED: { ...inChannel, intent: Guilds, internal: true },
  GUILD_MEMBER_ADD: { ...base, intent: GuildMembers, changesAccess: true },
  /** Whose own membership changed gets it whatever it asked for. */
  GUILD_MEMBER_UPDATE: { ...base, intent: GuildMembers, changesAccess: true },
  GUILD_MEMBER_REMOVE: { ...base, intent: GuildMembers, changesAccess: true },
  GUILD_BAN_ADD: { ...base, intent: GuildModeration },
  GUILD_BAN_REMOVE: { ...base, intent: GuildModeration },
  GUILD_AUDIT_LOG_ENTRY_CREATE: { ...base, intent: GuildModeration, sees: "holders", needs: "VIEW_AUDIT_LOG" },
  APPLICATION_COMMAND_PERMISSIONS_UPDATE: base,
  GUILD_INTEGRATIONS_UPDATE: { ...base, intent: GuildIntegrations },
  INTEGRATION_CREATE: { ...base, intent: GuildIntegrations },
  INTEGRATION_UPDATE: { ...base, intent: GuildIntegrations },
  INTEGRATION_DELETE: { ...base, intent: GuildIntegrations },
  INVITE_CREATE: { ...inChannel, intent: GuildInvites },
  INVITE_DELETE: { ...inChannel, intent: GuildInvites },
  WEBHOOKS_UPDATE: { ...inChannel, intent: GuildWebhooks },
  MESSAGE_CREATE: { ...inChannel, intent: GuildMessages, dmIntent: DirectMessages, content: true },
  MESSAGE_UPDATE: { ...inChannel, intent: GuildMessages, dmIntent: DirectMessages, content: true },
  MESSAGE_DELETE: { ...inChannel, intent: GuildMessages, dmIntent: DirectMessages },
  MESSAGE_DELETE_BULK: { ...inChannel, intent: GuildMessages },
  MESSAGE_REACTION_ADD: ofReactions,
  MESSAGE_REACTION_REMOVE: ofReactions,
  MESSAGE_REACTION_REMOVE_ALL: ofReactions,
  MESSAGE_REACTION_REMOVE_EMOJI: ofReactions,
  MESSAGE_POLL_VOTE_ADD: ofPolls,
  MESSAGE_POLL_VOTE_REMOVE: ofPolls,
  CHANNEL_PINS_UPDATE: { ...inChannel, intent: Guilds, dmIntent: DirectMessages },
  TYPING_START: { ...inChannel, intent: GuildMessageTyping, dmIntent: DirectMessageTyping, kept: false },
  /** What others see of a user. Not kept: a RESUME brings what has changed, as it is then (presence.ts). */
  PRESENCE_UPDATE: { ...base, intent: GuildPresences, kept: false },
  /** Who sees only the channel that was left is told that the user left: gateway/voice-state.ts. */
  VOICE_STATE_UPDATE: { ...inChannel, intent: GuildVoiceStates },
  USER_UPDATE: toUser,
  /** To the application's bot, whole; to the person who caused it, its id and nonce. */
  INTERACTION_CREATE: toUser,
  INTERACTION_SUCCESS: toUser,
  INTERACTION_FAILURE: toUser,
  INTERACTION_MODAL_CREATE: toUser,
  APPLICATION_COMMAND_AUTOCOMPLETE_RESPONSE: { ...toUser, kept: false },
  /** A URL that events or interactions are sent to was switched off: told to those to whom it belongs. Our own. */
  EVENT_ENDPOINT_DISABLED: toUser,
  /** The user's own account is now a member of a guild: its sessions get GUILD_CREATE. */
  $GUILD_JOIN: { ...toUser, internal: true },
  /** It no longer is: GUILD_DELETE. */
  $GUILD_LEAVE: { ...toUser, internal: true },
  /** Tokens were revoked: sessions that used them are closed. */
  $SESSIONS_REVOKED: { ...toUser, internal: true },
  /** A session was resumed on some node: another that still has it lets go. */
  $SESSION_CLAIMED: { ...toUser, internal: true, kept: false },
  /** An event that only a newer version knows: it keeps its place in its log, and nobody gets it. */
  $UNKNOWN: { ...toUser, internal: true },
} as const satisfies Record<string, EventRule>;

export type EventName = keyof typeof EVENTS;

export function isEventName(name: string): name is EventName {
  return Object.hasOwn(EVENTS, name);
}

/** Routing facts that travel beside an event, never a verdict: each gateway decides from its own snapshot. */
export interface EventHeader {
  t: EventName;
  /** Guild. */
  g?: string;
  /** Channel. */
  c?: string;
  /** Author of a message: sees its content without MESSAGE_CONTENT. */
  a?: string;
  /** Users mentioned in a message: likewise. */
  m?: readonly string[];
  /** The voice channel that the user was in before. */
  p?: string;
  /** The event may have changed who views channels. */
  v?: boolean;
}
