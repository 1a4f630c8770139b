import { png } from "../harness/forms.ts";
import { REDIRECT_URI } from "../harness/oauth2.ts";
import type { Places } from "./world.ts";

/** What the matrix must know of a route beyond the route's own data. */
export interface Row {
  /** A valid body with every field set. Needed when the route has a body. */
  body?: (at: Places) => unknown;
  /** A valid query with every field set. Needed when the route has a query. */
  query?: (at: Places) => Record<string, string>;
  /** Path parameters that are filled by something of another name. */
  path?: Partial<Record<string, keyof Places>>;
  /** JSON codes for unknown ids that are not the usual ones of their parameter. */
  unknown?: Partial<Record<string, number>>;
  /** Path parameters and body fields that may name things of anywhere. */
  anywhere?: readonly string[];
  /** The code for people who aren't in the guild, where neither path nor kind of access tells that there is one. */
  strangers?: number;
  /** The code for a member who may only read, where it is another than 50013 or follows from no rule; or that it may. */
  readers?: number | "may";
  /** Whether it takes texts that are too long to show, and cuts them. */
  cuts?: boolean;
  /** Who may call it, where that isn't the owner, the bot, or anyone. */
  caller?: "reader" | "stranger" | "newcomer";
}

const EMBED = {
  title: "title",
  description: "description",
  url: "https://example.com/",
  timestamp: "2026-01-01T00:00:00.000Z",
  color: 1,
  footer: { text: "footer", icon_url: "https://example.com/i.png" },
  image: { url: "https://example.com/i.png" },
  thumbnail: { url: "https://example.com/i.png" },
  author: { name: "author", url: "https://example.com/", icon_url: "https://example.com/i.png" },
  fields: [{ name: "name", value: "value", inline: true }],
};
const COMPONENTS = [
  { type: 1, id: 1, components: [{ type: 2, id: 2, style: 5, label: "label", url: "https://example.com/" }] },
];
const SAID = (at: Places) => ({
  content: "content",
  embeds: [EMBED],
  components: COMPONENTS,
  attachments: [],
  allowed_mentions: { parse: ["roles"], users: [at.user_id], replied_user: true },
  flags: 4,
});
const POLL = {
  question: { text: "question" },
  answers: [{ poll_media: { text: "answer", emoji: { name: "🔥" } } }],
  duration: 1,
  allow_multiselect: true,
  layout_type: 1,
};
const IMAGE = `data:image/png;base64,${png(2, 2).toString("base64")}`;
const ROLE = {
  name: "role",
  permissions: "1024",
  color: 1,
  colors: { primary_color: 1 },
  hoist: true,
  mentionable: true,
  icon: IMAGE,
  unicode_emoji: "🔥",
};
const CHANNEL = (at: Places) => ({
  name: "channel",
  position: 1,
  topic: "topic",
  nsfw: true,
  rate_limit_per_user: 1,
  bitrate: 64_000,
  user_limit: 1,
  rtc_region: "region",
  video_quality_mode: 1,
  default_auto_archive_duration: 60,
  default_thread_rate_limit_per_user: 1,
  default_reaction_emoji: { emoji_name: "👍" },
  default_sort_order: 1,
  default_forum_layout: 1,
  default_tag_setting: "match_all",
  available_tags: [{ name: "tag", moderated: true, emoji_name: "🔥" }],
  flags: 0,
  parent_id: at.category_id,
  permission_overwrites: [{ id: at.role_id, type: 0, allow: "1024", deny: "0" }],
});
const THREAD = { name: "thread", auto_archive_duration: 60, rate_limit_per_user: 1 };
const OF_POLL = { path: { message_id: "poll_id" } } as const;
const IN_THREAD = { channel_id: "thread_id" } as const;
const ARCHIVED = { before: "2026-01-01T00:00:00.000Z", limit: "5" };
const INSTALL = { scopes: ["bot", "applications.commands"], permissions: "8" };
const APPLICATION = {
  name: "App",
  description: "description",
  icon: IMAGE,
  cover_image: IMAGE,
  tags: ["tag"],
  flags: 8192,
  install_params: INSTALL,
  integration_types_config: { 0: { oauth2_install_params: INSTALL }, 1: {} },
  terms_of_service_url: "https://example.com/",
  privacy_policy_url: "https://example.com/",
  bot_public: true,
  bot_require_code_grant: true,
  redirect_uris: ["https://example.com/callback"],
  custom_install_url: "https://example.com/",
  role_connections_verification_url: "https://example.com/",
  interactions_endpoint_url: null,
  event_webhooks_url: null,
  event_webhooks_status: 1,
  event_webhooks_types: ["MESSAGE_CREATE"],
};
const OF_COMMAND = { name: "option", description: "description" };
const COMMAND = {
  name: "command",
  name_localizations: { de: "befehl" },
  description: "description",
  description_localizations: { de: "Beschreibung" },
  options: [
    {
      ...OF_COMMAND,
      type: 3,
      name_localizations: { de: "wahl" },
      required: true,
      autocomplete: false,
      choices: [{ name: "Choice", name_localizations: { de: "Wahl" }, value: "choice" }],
      min_length: 1,
      max_length: 10,
    },
    { ...OF_COMMAND, name: "whole", type: 4, min_value: 1, max_value: 10, choices: [{ name: "One", value: 1 }] },
    { ...OF_COMMAND, name: "number", type: 10, min_value: 0.5, max_value: 1.5 },
    { ...OF_COMMAND, name: "channel", type: 7, channel_types: [0, 2] },
    { ...OF_COMMAND, name: "file", type: 11, file_types: ["image", ".pdf"] },
  ],
  default_member_permissions: "8",
  default_permission: true,
  dm_permission: true,
  nsfw: true,
  integration_types: [0],
  contexts: [0, 1],
};
const NEW_COMMAND = { ...COMMAND, type: 1 };
const GROUPS = [
  {
    ...OF_COMMAND,
    type: 2,
    options: [{ ...OF_COMMAND, type: 1, options: [{ ...OF_COMMAND, type: 6, required: true }] }],
  },
];
/** Without ids: those that aren't known count for nothing. */
const COMMANDS = () => [
  { ...OF_COMMAND, type: 1, options: GROUPS },
  { name: "User", type: 2 },
];
const WITH_LOCALIZATIONS = { query: () => ({ with_localizations: "true" }) };
/** Where an application was not added to the guild. */
const NOT_ADDED = { guild_id: 50001 };
const OF_GUILD = { path: { command_id: "guild_command_id" }, unknown: NOT_ADDED } as const;
const PAGE = (at: Places) => ({ before: at.message_id, after: "1", limit: "5" });
/** The application of an interaction stands for the webhook. */
const OF_ANSWER = { path: { webhook_id: "application_id", webhook_token: "answered_token" } } as const;
const NO_THREAD = () => ({});
const SLACK = {
  fallback: "fallback",
  pretext: "pretext",
  title: "title",
  title_link: "https://example.com/",
  text: "text",
  color: "#36a64f",
  author_name: "author",
  author_link: "https://example.com/",
  author_icon: "https://example.com/i.png",
  image_url: "https://example.com/i.png",
  thumb_url: "https://example.com/i.png",
  footer: "footer",
  footer_icon: "https://example.com/i.png",
  ts: 1_700_000_000,
  fields: [{ title: "name", value: "value", short: true }],
};
const GITHUB_USER = {
  login: "octocat",
  html_url: "https://example.com/octocat",
  avatar_url: "https://example.com/octocat.png",
};
const PASSWORD = "correct horse battery";
const UNKNOWN_USER = 10013;
const UNKNOWN_BAN = 10026;
const UNKNOWN_AUTHORIZATION = 10012;

const SUBSCRIPTION = (at: Places) => ({
  url: "http://127.0.0.1:2/hook",
  event_types: ["GUILD_DELETE"],
  channel_ids: [at.channel_id],
  enabled: false,
  strict_order: true,
});
const DELIVERIES = () => ({ state: "dead", before: "9", after: "1", limit: "5" });
const REPLAY = () => ({ states: ["dead"], since: "2026-01-01T00:00:00Z", until: "2030-01-01T00:00:00Z" });
const OF_APPLICATION = { path: { delivery_id: "application_delivery_id" }, unknown: { delivery_id: 0 } } as const;

/** By method and path. A route with nothing to tell has no row. */
export const rows: Record<string, Row> = {
  "POST /auth/register": { body: () => ({ username: "somebody", email: "somebody@example.com", password: PASSWORD }) },
  "POST /auth/login": { body: () => ({ login: "nobody", password: PASSWORD }) },
  "POST /auth/refresh": { body: () => ({ refresh_token: "gr_unknown" }) },
  "POST /auth/logout": { caller: "newcomer" },
  "POST /auth/change-password": {
    body: () => ({ password: PASSWORD, new_password: "another horse battery" }),
    caller: "newcomer",
  },
  "PATCH /users/@me": {
    body: () => ({ username: "renamed_person", global_name: "Name", accent_color: 1, avatar: IMAGE, banner: IMAGE }),
  },
  "GET /users/:user_id": { unknown: { user_id: UNKNOWN_USER }, anywhere: ["user_id"] },
  "GET /users/@me/guilds": { query: (at) => ({ before: at.guild_id, after: "1", limit: "5", with_counts: "true" }) },
  "DELETE /users/@me/guilds/:guild_id": { caller: "reader", readers: "may" },
  "POST /users/@me/channels": {
    body: (at) => ({ recipient_id: at.user_id, recipients: [at.user_id] }),
    anywhere: ["recipient_id", "recipients"],
  },
  "POST /guilds": { body: () => ({ name: "A guild", icon: IMAGE }) },
  "GET /guilds/:guild_id": { query: () => ({ with_counts: "true" }) },
  "PATCH /guilds/:guild_id": {
    body: (at) => ({
      name: "Renamed",
      description: "description",
      icon: IMAGE,
      banner: IMAGE,
      splash: IMAGE,
      discovery_splash: IMAGE,
      verification_level: 1,
      default_message_notifications: 1,
      explicit_content_filter: 1,
      preferred_locale: "de",
      afk_timeout: 60,
      afk_channel_id: at.voice_id,
      system_channel_id: at.channel_id,
      system_channel_flags: 1,
      rules_channel_id: at.channel_id,
      public_updates_channel_id: at.channel_id,
      safety_alerts_channel_id: at.channel_id,
      premium_progress_bar_enabled: true,
      features: ["INVITES_DISABLED"],
      owner_id: at.user_id,
    }),
  },
  "POST /guilds/:guild_id/channels": { body: (at) => ({ ...CHANNEL(at), type: 0 }) },
  "PATCH /guilds/:guild_id/channels": {
    body: (at) => [{ id: at.channel_id, position: 3, lock_permissions: true, parent_id: at.category_id }],
    readers: 50001,
  },
  "PATCH /channels/:channel_id": {
    body: (at) => ({
      ...CHANNEL(at),
      archived: false,
      locked: false,
      invitable: true,
      auto_archive_duration: 60,
      applied_tags: [],
    }),
  },
  "POST /channels/:channel_id/messages/:message_id/threads": { body: () => THREAD },
  "POST /channels/:channel_id/threads": {
    path: { channel_id: "forum_id" },
    body: (at) => ({
      ...THREAD,
      type: 11,
      invitable: true,
      applied_tags: [at.tag_id],
      message: { content: "content", embeds: [EMBED], attachments: [], allowed_mentions: { parse: [] }, flags: 4 },
    }),
  },
  "POST /channels/:channel_id/followers": {
    path: { channel_id: "news_id" },
    body: (at) => ({ webhook_channel_id: at.channel_id }),
    // Any channel where the caller manages webhooks may follow.
    anywhere: ["webhook_channel_id"],
  },
  "POST /channels/:channel_id/messages/:message_id/crosspost": {
    path: { channel_id: "news_id", message_id: "news_message_id" },
  },
  "PUT /channels/:channel_id/thread-members/@me": { path: IN_THREAD, readers: "may" },
  "DELETE /channels/:channel_id/thread-members/@me": { path: IN_THREAD, readers: "may" },
  "PUT /channels/:channel_id/thread-members/:user_id": { path: IN_THREAD },
  "DELETE /channels/:channel_id/thread-members/:user_id": { path: IN_THREAD },
  "GET /channels/:channel_id/thread-members/:user_id": { path: IN_THREAD, query: () => ({ with_member: "true" }) },
  "GET /channels/:channel_id/thread-members": {
    path: IN_THREAD,
    query: () => ({ with_member: "true", after: "1", limit: "5" }),
  },
  "GET /channels/:channel_id/threads/archived/public": { query: () => ARCHIVED },
  "GET /channels/:channel_id/threads/archived/private": { query: () => ARCHIVED },
  "GET /channels/:channel_id/users/@me/threads/archived/private": {
    query: (at) => ({ before: at.message_id, limit: "5" }),
  },
  "PUT /channels/:channel_id/permissions/:overwrite_id": { body: () => ({ type: 0, allow: "1024", deny: "0" }) },
  "POST /guilds/:guild_id/roles": { body: () => ROLE },
  "PATCH /guilds/:guild_id/roles": { body: (at) => [{ id: at.role_id, position: 2 }] },
  "PATCH /guilds/:guild_id/roles/:role_id": { body: () => ROLE },
  "GET /guilds/:guild_id/members": { query: () => ({ limit: "5", after: "1" }) },
  "PUT /guilds/:guild_id/members/:user_id": {
    path: { user_id: "owner_id" },
    body: (at) => ({ access_token: at.access_token, nick: "nick", roles: [at.role_id], mute: true, deaf: true }),
    unknown: { user_id: UNKNOWN_USER },
    anywhere: ["user_id", "roles"],
  },
  "DELETE /oauth2/tokens/:authorization_id": { strangers: UNKNOWN_AUTHORIZATION },
  "PATCH /guilds/:guild_id/members/:user_id": {
    body: (at) => ({
      nick: "nick",
      roles: [at.role_id],
      communication_disabled_until: new Date(Date.now() + 3600_000).toISOString(),
      flags: 4,
    }),
  },
  "PATCH /guilds/:guild_id/members/@me": { body: () => ({ nick: "nick", avatar: IMAGE, banner: IMAGE, bio: "bio" }) },
  "PATCH /guilds/:guild_id/members/@me/nick": { body: () => ({ nick: "nick" }) },
  "GET /guilds/:guild_id/bans": { query: () => ({ before: "9", after: "1", limit: "5" }) },
  "GET /guilds/:guild_id/bans/:user_id": { path: { user_id: "banned_id" }, unknown: { user_id: UNKNOWN_BAN } },
  "PUT /guilds/:guild_id/bans/:user_id": {
    body: () => ({ delete_message_seconds: 60, delete_message_days: 1 }),
    unknown: { user_id: UNKNOWN_USER },
    anywhere: ["user_id"],
  },
  "DELETE /guilds/:guild_id/bans/:user_id": {
    path: { user_id: "banned_id" },
    unknown: { user_id: UNKNOWN_BAN },
  },
  "POST /guilds/:guild_id/bulk-ban": {
    body: (at) => ({ user_ids: [at.user_id], delete_message_seconds: 60 }),
    anywhere: ["user_ids"],
  },
  "GET /guilds/:guild_id/audit-logs": {
    query: (at) => ({
      user_id: at.user_id,
      target_id: at.role_id,
      action_type: "25",
      before: "9",
      after: "1",
      limit: "5",
    }),
  },
  "POST /channels/:channel_id/invites": {
    body: () => ({ max_age: 60, max_uses: 1, temporary: true, unique: true, role_ids: [] }),
  },
  "GET /invites/:code": { query: () => ({ with_counts: "true" }) },
  "POST /invites/:code": { caller: "stranger" },
  "DELETE /invites/:code": { strangers: 50001, readers: 50013 },
  "POST /channels/:channel_id/messages": {
    body: (at) => ({
      ...SAID(at),
      nonce: "nonce",
      enforce_nonce: true,
      tts: true,
      message_reference: {
        type: 0,
        message_id: at.message_id,
        channel_id: at.channel_id,
        guild_id: at.guild_id,
        fail_if_not_exists: true,
      },
      sticker_ids: [],
      poll: POLL,
    }),
    anywhere: ["allowed_mentions", "guild_id"],
  },
  "GET /channels/:channel_id/messages": { query: (at) => ({ ...PAGE(at), around: at.message_id }) },
  "PATCH /channels/:channel_id/messages/:message_id": { body: SAID, readers: 50005, anywhere: ["allowed_mentions"] },
  "POST /channels/:channel_id/messages/bulk-delete": {
    body: (at) => ({ messages: [at.message_id, at.second_message_id] }),
  },
  "PUT /channels/:channel_id/messages/:message_id/reactions/:emoji_name/@me": { anywhere: ["emoji_name"] },
  "DELETE /channels/:channel_id/messages/:message_id/reactions/:emoji_name/@me": {
    anywhere: ["emoji_name"],
    readers: "may",
  },
  "DELETE /channels/:channel_id/messages/:message_id/reactions/:emoji_name/:user_id": {
    unknown: { user_id: UNKNOWN_USER },
    anywhere: ["emoji_name", "user_id"],
  },
  "GET /channels/:channel_id/messages/:message_id/reactions/:emoji_name": {
    query: () => ({ after: "1", limit: "5", type: "0" }),
    anywhere: ["emoji_name"],
  },
  "DELETE /channels/:channel_id/messages/:message_id/reactions/:emoji_name": { anywhere: ["emoji_name"] },
  "GET /channels/:channel_id/polls/:message_id/answers/:answer_id": {
    ...OF_POLL,
    query: () => ({ after: "1", limit: "5" }),
    anywhere: ["answer_id"],
  },
  "PUT /channels/:channel_id/polls/:message_id/answers/@me": {
    ...OF_POLL,
    body: () => ({ answer_ids: [1] }),
    readers: "may",
  },
  "POST /channels/:channel_id/polls/:message_id/expire": { ...OF_POLL, readers: 50005 },
  "GET /channels/:channel_id/messages/pins": { query: () => ({ before: "2030-01-01T00:00:00Z", limit: "5" }) },
  "GET /webhooks/:webhook_id/:webhook_token/messages/:message_id": {
    path: { message_id: "webhook_message_id" },
    query: NO_THREAD,
  },
  "PATCH /webhooks/:webhook_id/:webhook_token/messages/:message_id": {
    path: { message_id: "webhook_message_id" },
    body: SAID,
    query: () => ({ with_components: "true" }),
    anywhere: ["allowed_mentions"],
  },
  "DELETE /webhooks/:webhook_id/:webhook_token/messages/:message_id": {
    path: { message_id: "webhook_message_id" },
    query: NO_THREAD,
  },
  "POST /webhooks/:webhook_id/:webhook_token/slack": {
    cuts: true,
    body: () => ({ text: "text", username: "name", icon_url: "http://127.0.0.1:1/i.png", attachments: [SLACK] }),
    query: () => ({ wait: "true" }),
  },
  "POST /webhooks/:webhook_id/:webhook_token/github": {
    cuts: true,
    body: () => ({ sender: GITHUB_USER, repository: { full_name: "a/b", html_url: "https://example.com/" } }),
    query: () => ({ wait: "true" }),
  },
  "POST /applications": { body: () => ({ name: "App", description: "description", icon: IMAGE }) },
  "PATCH /applications/@me": { body: () => APPLICATION },
  "PATCH /applications/:application_id": { body: () => APPLICATION },
  "GET /applications/:application_id/commands": WITH_LOCALIZATIONS,
  "POST /applications/:application_id/commands": { body: () => NEW_COMMAND },
  "PUT /applications/:application_id/commands": { body: COMMANDS },
  "PATCH /applications/:application_id/commands/:command_id": { body: () => COMMAND },
  "GET /applications/:application_id/guilds/:guild_id/commands": { ...WITH_LOCALIZATIONS, unknown: NOT_ADDED },
  "POST /applications/:application_id/guilds/:guild_id/commands": { body: () => NEW_COMMAND, unknown: NOT_ADDED },
  "PUT /applications/:application_id/guilds/:guild_id/commands": { body: COMMANDS, unknown: NOT_ADDED },
  "GET /applications/:application_id/guilds/:guild_id/commands/:command_id": OF_GUILD,
  "PATCH /applications/:application_id/guilds/:guild_id/commands/:command_id": { ...OF_GUILD, body: () => COMMAND },
  "DELETE /applications/:application_id/guilds/:guild_id/commands/:command_id": OF_GUILD,
  "GET /applications/:application_id/guilds/:guild_id/commands/permissions": { unknown: NOT_ADDED },
  "GET /applications/:application_id/guilds/:guild_id/commands/:command_id/permissions": OF_GUILD,
  "PUT /applications/:application_id/guilds/:guild_id/commands/:command_id/permissions": {
    ...OF_GUILD,
    body: (at) => ({
      permissions: [
        { id: at.role_id, type: 1, permission: true },
        { id: at.user_id, type: 2, permission: false },
        { id: at.channel_id, type: 3, permission: true },
      ],
    }),
  },
  "GET /guilds/:guild_id/application-command-index": {
    query: (at) => ({
      channel_id: at.channel_id,
      application_id: at.application_id,
      query: "p",
      after: "1",
      limit: "5",
    }),
    anywhere: ["application_id"],
  },
  "PATCH /applications/:application_id/event-webhooks": { body: () => ({ strict_order: true }) },
  "GET /applications/:application_id/event-webhooks/deliveries": { query: DELIVERIES },
  "GET /applications/:application_id/event-webhooks/deliveries/:delivery_id": OF_APPLICATION,
  "POST /applications/:application_id/event-webhooks/deliveries/:delivery_id/replay": OF_APPLICATION,
  "POST /applications/:application_id/event-webhooks/replay": { body: REPLAY },
  "POST /guilds/:guild_id/event-subscriptions": {
    body: (at) => ({ ...SUBSCRIPTION(at), secret: `whsec_${Buffer.alloc(32, 7).toString("base64")}` }),
  },
  "PATCH /guilds/:guild_id/event-subscriptions/:subscription_id": { body: SUBSCRIPTION },
  "GET /guilds/:guild_id/event-subscriptions/:subscription_id/deliveries": { query: DELIVERIES },
  "POST /guilds/:guild_id/event-subscriptions/:subscription_id/replay": { body: REPLAY },
  "POST /oauth2/authorize": {
    body: (at) => ({
      authorize: true,
      guild_id: at.guild_id,
      webhook_channel_id: at.channel_id,
      permissions: "8",
    }),
    query: (at) => ({
      client_id: at.application_id,
      scope: "bot webhook.incoming identify",
      response_type: "code",
      redirect_uri: REDIRECT_URI,
      state: "state",
      code_challenge: "x".repeat(43),
      code_challenge_method: "S256",
      nonce: "nonce",
      prompt: "consent",
      permissions: "8",
      guild_id: at.guild_id,
      disable_guild_select: "true",
      integration_type: "0",
    }),
    strangers: 50001,
    readers: 50013,
    anywhere: ["guild_id"],
  },
  "POST /channels/:channel_id/webhooks": { body: () => ({ name: "hook", avatar: IMAGE }) },
  "PATCH /webhooks/:webhook_id": { body: (at) => ({ name: "hook", channel_id: at.channel_id, avatar: IMAGE }) },
  "PATCH /webhooks/:webhook_id/:webhook_token": { body: () => ({ name: "hook", avatar: IMAGE }) },
  "POST /interactions": {
    body: (at) => ({
      type: 2,
      application_id: at.application_id,
      guild_id: at.guild_id,
      channel_id: at.channel_id,
      session_id: "session",
      nonce: "1",
      data: { id: at.command_id, name: "ping", type: 1, guild_id: null, target_id: null, options: [], attachments: [] },
    }),
  },
  "POST /interactions/:interaction_id/:interaction_token/callback": {
    body: (at) => ({ type: 4, data: { ...SAID(at), tts: false, poll: POLL } }),
    anywhere: ["data"],
    query: () => ({ with_response: "true" }),
  },
  "GET /webhooks/:webhook_id/:webhook_token/messages/@original": { ...OF_ANSWER, query: NO_THREAD },
  "PATCH /webhooks/:webhook_id/:webhook_token/messages/@original": {
    ...OF_ANSWER,
    body: SAID,
    anywhere: ["allowed_mentions"],
    query: () => ({ with_components: "true" }),
  },
  "DELETE /webhooks/:webhook_id/:webhook_token/messages/@original": { ...OF_ANSWER, query: NO_THREAD },
  "POST /webhooks/:webhook_id/:webhook_token": {
    body: (at) => ({ ...SAID(at), username: "name", avatar_url: "http://127.0.0.1:1/i.png", tts: false, poll: POLL }),
    query: () => ({ wait: "true", with_components: "true" }),
    anywhere: ["allowed_mentions"],
  },
};
