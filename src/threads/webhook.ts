import { ChannelType } from "discord-api-types/v10";
import { guildLog } from "../../core/redis-keys.ts";
import { wireMessage } from "../../core/wire/message.ts";
import type { UserRow } from "../../core/wire/user.ts";
import type { App } from "../app.ts";
import { isForum } from "../channels/body.ts";
import { applicableTags } from "../channels/tags.ts";
import { ApiError } from "../errors.ts";
import type { WebhookMessage } from "../messages/body.ts";
import { toRow } from "../messages/post.ts";
import { findChannel } from "../store/channels.ts";
import { lockGuild } from "../store/guilds.ts";
import { insertMessage, type NewMessage } from "../store/insert-message.ts";
import { findThread } from "../store/threads.ts";
import type { WebhookRow } from "../store/webhooks.ts";
import { openByToken } from "./by-token.ts";
import { emitThread, openThread } from "./create.ts";
import { demandUnlocked } from "./write.ts";

/** Nobody stands behind a webhook who could moderate. */
export const NO_PERMISSIONS = 0n;

/**
 * A forum holds nothing but threads, and threads are started by webhooks in forums alone.
 * https://discord.com/developers/docs/resources/webhook#execute-webhook
 * @throws 220001 to 220003
 */
export function checkTarget(webhook: WebhookRow, body: WebhookMessage, threadId: string | undefined): void {
  const inForum = isForum(webhook.channel_type);
  if (!inForum && body.thread_name) throw new ApiError("WEBHOOK_NOT_OF_FORUM");
  if (body.thread_name && threadId !== undefined) throw new ApiError("FORUM_WEBHOOK_HAS_BOTH");
  if (inForum && !body.thread_name && threadId === undefined) throw new ApiError("FORUM_WEBHOOK_NEEDS_THREAD");
}

/**
 * Readies a thread of the webhook's channel for a message.
 * @throws 10003 for a thread of another channel, 160005 or 50083 for a locked one
 */
export async function openForWebhook(app: App, webhook: WebhookRow, threadId: string): Promise<void> {
  const found = await findThread(app.sql, threadId);
  if (found?.parent_id !== webhook.channel_id) throw new ApiError("UNKNOWN_CHANNEL");
  demandUnlocked(NO_PERMISSIONS, found);
  if (!found.thread.archived) return;
  const at = { guildId: webhook.server_id, threadId, permissions: NO_PERMISSIONS };
  await app.change((tx, emit) => openByToken(tx, emit, at));
}

/** Posts into a forum as a webhook: the thread is the webhook's, and has no members yet. */
export async function startWebhookPost(
  app: App,
  webhook: WebhookRow,
  body: WebhookMessage,
  name: string,
  composed: NewMessage,
  mentioned: UserRow[],
) {
  const { id } = composed;
  const guildId = webhook.server_id;
  return app.change(async (tx, emit) => {
    await lockGuild(tx, guildId);
    const forum = await findChannel(tx, webhook.channel_id);
    if (forum === undefined) throw new ApiError("UNKNOWN_CHANNEL");
    const tags = applicableTags(forum, [], body.applied_tags ?? [], NO_PERMISSIONS);
    const start = { id, name, type: ChannelType.PublicThread, tags };
    const { thread } = await openThread(tx, forum, webhook.id, start, false);
    const message: NewMessage = { ...composed, place: { type: "guild", id } };
    await insertMessage(tx, message, guildLog(guildId), []);
    await emitThread(tx, emit, { ...thread, last_message_id: id }, undefined);
    const wire = wireMessage(toRow(message, null, mentioned, null), app.cdn);
    emit({
      t: "MESSAGE_CREATE",
      guildId,
      channelId: id,
      authorId: webhook.id,
      mentions: message.mentions,
      data: { ...wire, guild_id: guildId },
    });
    return wire;
  });
}
