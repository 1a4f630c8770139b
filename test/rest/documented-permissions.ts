import type { PermissionName } from "../../core/permissions.ts";

/** Our own: URLs that a guild's events are sent to. */
const EVENT_SUBSCRIPTIONS = [
  "GET /guilds/:guild_id/event-subscriptions",
  "POST /guilds/:guild_id/event-subscriptions",
  "GET /guilds/:guild_id/event-subscriptions/:subscription_id",
  "PATCH /guilds/:guild_id/event-subscriptions/:subscription_id",
  "DELETE /guilds/:guild_id/event-subscriptions/:subscription_id",
  "POST /guilds/:guild_id/event-subscriptions/:subscription_id/secret",
  "POST /guilds/:guild_id/event-subscriptions/:subscription_id/test",
  "GET /guilds/:guild_id/event-subscriptions/:subscription_id/deliveries",
  "GET /guilds/:guild_id/event-subscriptions/:subscription_id/deliveries/:delivery_id",
  "POST /guilds/:guild_id/event-subscriptions/:subscription_id/deliveries/:delivery_id/replay",
  "POST /guilds/:guild_id/event-subscriptions/:subscription_id/replay",
];

/**
 * What Discord documents for each route of a guild, a channel or a webhook, beyond seeing it; written down apart from
 * the routes, so that none loses its permission unnoticed. https://discord.com/developers/docs/resources/guild and on
 */
export const documented: Partial<Record<PermissionName | "membership alone" | "by field or target", string[]>> = {
  "membership alone": [
    "GET /guilds/:guild_id",
    // What it lists depends on more.
    "GET /guilds/:guild_id/application-command-index",
    "GET /guilds/:guild_id/channels",
    "GET /guilds/:guild_id/roles",
    "GET /guilds/:guild_id/roles/:role_id",
    "GET /guilds/:guild_id/members",
    "GET /guilds/:guild_id/members/:user_id",
    "GET /users/@me/guilds/:guild_id/member",
    "GET /channels/:channel_id",
    // Without READ_MESSAGE_HISTORY the list is empty.
    "GET /channels/:channel_id/messages",
    "GET /channels/:channel_id/messages/pins",
    "GET /channels/:channel_id/pins",
    "DELETE /channels/:channel_id/messages/:message_id/reactions/:emoji_name/@me",
    "GET /channels/:channel_id/messages/:message_id/reactions/:emoji_name",
    "GET /guilds/:guild_id/threads/active",
    "GET /channels/:channel_id/thread-members",
    "GET /channels/:channel_id/thread-members/:user_id",
    "PUT /channels/:channel_id/thread-members/@me",
    "DELETE /channels/:channel_id/thread-members/@me",
  ],
  "by field or target": [
    "PATCH /guilds/:guild_id/channels",
    "PATCH /guilds/:guild_id/members/:user_id",
    "PATCH /guilds/:guild_id/members/@me",
    "PATCH /channels/:channel_id/messages/:message_id",
    "DELETE /channels/:channel_id/messages/:message_id",
    "POST /channels/:channel_id/threads",
    "DELETE /channels/:channel_id/thread-members/:user_id",
    "POST /channels/:channel_id/followers",
  ],
  // Only its owner, in fact.
  ADMINISTRATOR: ["DELETE /guilds/:guild_id"],
  VIEW_AUDIT_LOG: ["GET /guilds/:guild_id/audit-logs"],
  MANAGE_GUILD: [
    "PUT /applications/:application_id/guilds/:guild_id/commands/:command_id/permissions",
    "POST /guilds/:guild_id/bulk-ban",
    "PATCH /guilds/:guild_id",
    "GET /guilds/:guild_id/invites",
    "GET /guilds/:guild_id/integrations",
    "DELETE /guilds/:guild_id/integrations/:integration_id",
    ...EVENT_SUBSCRIPTIONS,
  ],
  MANAGE_CHANNELS: [
    "PATCH /channels/:channel_id",
    "DELETE /channels/:channel_id",
    "POST /guilds/:guild_id/channels",
    "GET /channels/:channel_id/invites",
  ],
  MANAGE_ROLES: [
    "PUT /applications/:application_id/guilds/:guild_id/commands/:command_id/permissions",
    "PUT /channels/:channel_id/permissions/:overwrite_id",
    "DELETE /channels/:channel_id/permissions/:overwrite_id",
    "POST /guilds/:guild_id/roles",
    "PATCH /guilds/:guild_id/roles",
    "PATCH /guilds/:guild_id/roles/:role_id",
    "DELETE /guilds/:guild_id/roles/:role_id",
    "PUT /guilds/:guild_id/members/:user_id/roles/:role_id",
    "DELETE /guilds/:guild_id/members/:user_id/roles/:role_id",
  ],
  CHANGE_NICKNAME: ["PATCH /guilds/:guild_id/members/@me/nick"],
  KICK_MEMBERS: ["DELETE /guilds/:guild_id/members/:user_id"],
  BAN_MEMBERS: [
    "GET /guilds/:guild_id/bans",
    "GET /guilds/:guild_id/bans/:user_id",
    "PUT /guilds/:guild_id/bans/:user_id",
    "DELETE /guilds/:guild_id/bans/:user_id",
    "POST /guilds/:guild_id/bulk-ban",
  ],
  CREATE_INSTANT_INVITE: ["PUT /guilds/:guild_id/members/:user_id", "POST /channels/:channel_id/invites"],
  SEND_MESSAGES: [
    "POST /channels/:channel_id/messages/:message_id/crosspost",
    "POST /channels/:channel_id/messages",
    "POST /channels/:channel_id/typing",
  ],
  READ_MESSAGE_HISTORY: [
    "GET /channels/:channel_id/messages/:message_id",
    "PUT /channels/:channel_id/messages/:message_id/reactions/:emoji_name/@me",
    "GET /channels/:channel_id/threads/archived/public",
    "GET /channels/:channel_id/threads/archived/private",
    "GET /channels/:channel_id/users/@me/threads/archived/private",
  ],
  CREATE_PUBLIC_THREADS: ["POST /channels/:channel_id/messages/:message_id/threads"],
  SEND_MESSAGES_IN_THREADS: ["PUT /channels/:channel_id/thread-members/:user_id"],
  MANAGE_THREADS: ["GET /channels/:channel_id/threads/archived/private"],
  MANAGE_MESSAGES: [
    "POST /channels/:channel_id/messages/bulk-delete",
    "DELETE /channels/:channel_id/messages/:message_id/reactions/:emoji_name/:user_id",
    "DELETE /channels/:channel_id/messages/:message_id/reactions/:emoji_name",
    "DELETE /channels/:channel_id/messages/:message_id/reactions",
  ],
  PIN_MESSAGES: [
    "PUT /channels/:channel_id/messages/pins/:message_id",
    "DELETE /channels/:channel_id/messages/pins/:message_id",
    "PUT /channels/:channel_id/pins/:message_id",
    "DELETE /channels/:channel_id/pins/:message_id",
  ],
  MANAGE_WEBHOOKS: [
    ...EVENT_SUBSCRIPTIONS,
    "POST /channels/:channel_id/webhooks",
    "GET /channels/:channel_id/webhooks",
    "GET /guilds/:guild_id/webhooks",
    "GET /webhooks/:webhook_id",
    "PATCH /webhooks/:webhook_id",
    "DELETE /webhooks/:webhook_id",
    "POST /webhooks/:webhook_id/token",
  ],
};
