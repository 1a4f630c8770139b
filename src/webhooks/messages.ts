import type { MessageRow } from "../../core/wire/message.ts";
import type { ThreadChannelRow } from "../../core/wire/thread.ts";
import type { App } from "../app.ts";
import { ApiError } from "../errors.ts";
import type { Upload } from "../files/form.ts";
import type { MessageEdit } from "../messages/body.ts";
import { prepareEdit, storeEdit } from "../messages/edit.ts";
import { WEBHOOK_MENTIONS } from "../messages/post-as-webhook.ts";
import { removeMessage } from "../messages/remove.ts";
import { findMessage, type Place } from "../store/messages.ts";
import { findThread } from "../store/threads.ts";
import type { WebhookRow } from "../store/webhooks.ts";
import { NO_PERMISSIONS } from "../threads/webhook.ts";
import { demandDeletableThread, demandOpenThread } from "../threads/write.ts";

/**
 * Components are passed over unless the webhook is an application's, or the request asks for them.
 * https://discord.com/developers/docs/resources/webhook#execute-webhook (with_components)
 */
export function withComponents<B extends { components?: unknown }>(
  webhook: WebhookRow,
  body: B,
  asked: boolean | undefined,
): B {
  return webhook.application_id !== null || asked === true ? body : { ...body, components: undefined };
}

/** A message that a webhook has posted, and where it is. */
export interface WebhookPost {
  place: Place;
  /** That it is in. */
  thread: ThreadChannelRow | null;
  message: MessageRow;
}

/**
 * @param threadId the thread of the webhook's channel that the message is in
 * @throws 10008 for what is not there, or not the webhook's
 */
export async function findPost(
  app: App,
  webhook: WebhookRow,
  messageId: string,
  threadId: string | undefined,
): Promise<WebhookPost> {
  const thread = threadId === undefined ? null : await threadOf(app, webhook, threadId);
  const place = { type: "guild" as const, id: thread?.id ?? webhook.channel_id };
  const message = await findMessage(app.sql, place, messageId, null);
  if (message?.webhook_id !== webhook.id) throw new ApiError("UNKNOWN_MESSAGE");
  return { place, thread, message };
}

async function threadOf(app: App, webhook: WebhookRow, threadId: string): Promise<ThreadChannelRow> {
  const thread = await findThread(app.sql, threadId);
  if (thread?.parent_id !== webhook.channel_id) throw new ApiError("UNKNOWN_CHANNEL");
  return thread;
}

/** @throws 50083 or 160005 in a thread that is archived or locked */
export async function editPost(
  app: App,
  webhook: WebhookRow,
  { place, thread, message }: WebhookPost,
  body: MessageEdit,
  uploads: readonly Upload[],
) {
  if (thread !== null) demandOpenThread(NO_PERMISSIONS, thread);
  const guild = { id: webhook.server_id };
  const said = { ...body, allowed_mentions: body.allowed_mentions ?? WEBHOOK_MENTIONS };
  const sender = { guildId: guild.id, mayMentionEveryone: true };
  const change = await prepareEdit(app, place, message, said, uploads, sender);
  const scene = { type: "webhook" as const, guild };
  return app.change((tx, emit) => storeEdit(app, tx, emit, scene, place, message.id, change, null));
}

/** @throws 50083 in a thread that is both archived and locked */
export async function deletePost(app: App, webhook: WebhookRow, post: WebhookPost): Promise<void> {
  const { place, thread, message } = post;
  if (thread !== null) demandDeletableThread(NO_PERMISSIONS, thread);
  const where = { type: "guild" as const, guild: { id: webhook.server_id }, channel: { id: place.id } };
  await app.change((tx, emit) => removeMessage(tx, emit, where, place, message.id));
}
