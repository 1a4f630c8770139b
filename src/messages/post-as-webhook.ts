import { MessageFlags, MessageType } from "discord-api-types/v10";
import { guildLog } from "../../core/redis-keys.ts";
import { wireMessage } from "../../core/wire/message.ts";
import type { App } from "../app.ts";
import { publishAll } from "../change.ts";
import { ApiError } from "../errors.ts";
import { insertMessage, type NewMessage } from "../store/messages.ts";
import type { WebhookRow } from "../store/webhooks.ts";
import { richEmbed, type WebhookMessage } from "./body.ts";
import { resolveMentions } from "./mentions.ts";
import { deliveryOf, identity, toRow } from "./post.ts";

const SETTABLE_FLAGS = MessageFlags.SuppressEmbeds | MessageFlags.SuppressNotifications;

/** Posts into the webhook's channel, under the webhook's name or the one given. */
export async function postAsWebhook(app: App, webhook: WebhookRow, body: WebhookMessage) {
  if (!body.content?.trim() && (body.embeds ?? []).length === 0) throw new ApiError("EMPTY_MESSAGE");
  const guildId = webhook.server_id;
  const mentions = await resolveMentions(app.sql, body.content ?? "", body.allowed_mentions, {
    guildId,
    mayMentionEveryone: true,
    repliedTo: null,
  });
  const message: NewMessage = {
    ...identity(app),
    place: { type: "guild", id: webhook.channel_id },
    authorId: null,
    webhookId: webhook.id,
    webhookName: body.username ?? webhook.name,
    webhookAvatar: webhook.avatar,
    applicationId: webhook.application_id,
    type: MessageType.Default,
    flags: (body.flags ?? 0) & SETTABLE_FLAGS,
    content: body.content ?? "",
    embeds: (body.embeds ?? []).map(richEmbed),
    components: [],
    tts: body.tts ?? false,
    mentionEveryone: mentions.everyone,
    mentions: mentions.users.map((user) => user.id),
    mentionRoles: mentions.roleIds,
    reference: null,
    enforcedNonce: null,
  };
  const wire = wireMessage(toRow(message, null, mentions.users, null));
  const event = {
    t: "MESSAGE_CREATE" as const,
    guildId,
    channelId: webhook.channel_id,
    authorId: webhook.id,
    mentions: message.mentions,
    data: { ...wire, guild_id: guildId },
  };
  const inserted = await insertMessage(app.sql, message, guildLog(guildId), deliveryOf(event));
  await publishAll(app.eventLog, [event], inserted.outboxPending);
  return wire;
}
