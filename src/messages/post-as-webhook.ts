import { MessageType } from "discord-api-types/v10";
import { guildLog } from "../../core/redis-keys.ts";
import { wireMessage } from "../../core/wire/message.ts";
import type { App } from "../app.ts";
import { deliverable, publishAll } from "../change.ts";
import { textOf } from "../components/text.ts";
import type { Upload } from "../files/form.ts";
import { composePoll } from "../polls/body.ts";
import { insertMessage, type NewMessage } from "../store/insert-message.ts";
import type { WebhookRow } from "../store/webhooks.ts";
import { checkTarget, openForWebhook, startWebhookPost } from "../threads/webhook.ts";
import { checkVoiceMessage, planAttachments, storeUploads } from "./attachments.ts";
import type { AllowedMentions, WebhookMessage } from "./body.ts";
import { resolveMentions } from "./mentions.ts";
import { checkNotEmpty, checkPollChannel, contentOf, toRow } from "./post.ts";

/** https://discord.com/developers/docs/resources/message#allowed-mentions-object-default-settings-for-allowed-mentions */
export const WEBHOOK_MENTIONS: AllowedMentions = { parse: ["users"] };

/**
 * Posts into the webhook's channel, under the webhook's name or the one given.
 * @param threadId the thread of the channel that it goes to; a forum's webhook names one, or starts one by its name
 */
export async function postAsWebhook(
  app: App,
  webhook: WebhookRow,
  body: WebhookMessage,
  uploads: readonly Upload[],
  threadId?: string,
) {
  const plan = planAttachments(body.attachments, uploads);
  checkNotEmpty(body, plan);
  checkVoiceMessage(body, plan);
  checkTarget(webhook, body, threadId);
  const guildId = webhook.server_id;
  const mentions = await resolveMentions(app.sql, textOf(body), body.allowed_mentions ?? WEBHOOK_MENTIONS, {
    guildId,
    mayMentionEveryone: true,
    repliedTo: null,
  });
  if (body.poll) checkPollChannel({ type: webhook.channel_type });
  const poll = body.poll ? await composePoll(app.sql, body.poll, null) : undefined;
  const content = contentOf(app, body, mentions, { applicationId: webhook.application_id, plan });
  // A new thread has the id of its first message.
  const channelId = body.thread_name ? content.id : (threadId ?? webhook.channel_id);
  const message: NewMessage = {
    ...content,
    attachments: await storeUploads(app, channelId, plan.added),
    ...(poll === undefined ? {} : { poll }),
    place: { type: "guild", id: channelId },
    inThread: threadId !== undefined,
    authorId: null,
    webhookId: webhook.id,
    webhookName: body.username ?? webhook.name,
    webhookAvatar: (body.avatar_url ? await app.avatars.of(body.avatar_url) : null) ?? webhook.avatar,
    applicationId: webhook.application_id,
    type: MessageType.Default,
    reference: null,
    enforcedNonce: null,
  };
  if (body.thread_name) return startWebhookPost(app, webhook, body, body.thread_name, message, mentions.users);
  if (threadId !== undefined) await openForWebhook(app, webhook, threadId);
  const wire = wireMessage(toRow(message, null, mentions.users, null), app.cdn);
  const data = { ...wire, guild_id: guildId };
  const event = {
    t: "MESSAGE_CREATE" as const,
    guildId,
    channelId: message.place.id,
    authorId: webhook.id,
    mentions: message.mentions,
    data,
    json: JSON.stringify(data),
  };
  const inserted = await insertMessage(app.sql, message, guildLog(guildId), deliverable([event]));
  await publishAll(app.eventLog, [event], inserted.outboxPending);
  return wire;
}
