import { MessageType } from "discord-api-types/v10";
import { guildLog } from "../../core/redis-keys.ts";
import { wireMessage } from "../../core/wire/message.ts";
import type { App } from "../app.ts";
import { publishAll } from "../change.ts";
import type { Upload } from "../files/form.ts";
import { insertMessage, type NewMessage } from "../store/messages.ts";
import type { WebhookRow } from "../store/webhooks.ts";
import { checkVoiceMessage, planAttachments, storeUploads } from "./attachments.ts";
import type { AllowedMentions, WebhookMessage } from "./body.ts";
import { resolveMentions } from "./mentions.ts";
import { checkNotEmpty, contentOf, deliveryOf, toRow } from "./post.ts";

/** https://discord.com/developers/docs/resources/message#allowed-mentions-object-default-settings-for-allowed-mentions */
const WEBHOOK_MENTIONS: AllowedMentions = { parse: ["users"] };

/** Posts into the webhook's channel, under the webhook's name or the one given. */
export async function postAsWebhook(app: App, webhook: WebhookRow, body: WebhookMessage, uploads: readonly Upload[]) {
  const plan = planAttachments(body.attachments, uploads);
  checkNotEmpty(body, plan);
  checkVoiceMessage(body, plan);
  const guildId = webhook.server_id;
  const mentions = await resolveMentions(app.sql, body.content ?? "", body.allowed_mentions ?? WEBHOOK_MENTIONS, {
    guildId,
    mayMentionEveryone: true,
    repliedTo: null,
  });
  const message: NewMessage = {
    ...contentOf(app, body, mentions),
    attachments: await storeUploads(app, webhook.channel_id, plan.added),
    place: { type: "guild", id: webhook.channel_id },
    authorId: null,
    webhookId: webhook.id,
    webhookName: body.username ?? webhook.name,
    webhookAvatar: webhook.avatar,
    applicationId: webhook.application_id,
    type: MessageType.Default,
    reference: null,
    enforcedNonce: null,
  };
  const wire = wireMessage(toRow(message, null, mentions.users, null), app.cdn);
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
