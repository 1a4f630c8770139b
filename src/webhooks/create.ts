import { randomBytes } from "node:crypto";
import { AuditLogEvent, ChannelType } from "discord-api-types/v10";
import type { Transaction } from "../../core/db.ts";
import { seal, unseal } from "../../core/secret.ts";
import type { ChannelRow } from "../../core/wire/channel.ts";
import { wireWebhook } from "../../core/wire/webhook.ts";
import type { App } from "../app.ts";
import { auditChange } from "../audit/entry.ts";
import { webhookFields } from "../audit/fields.ts";
import type { Emit } from "../change.ts";
import { ApiError } from "../errors.ts";
import { findWebhook, insertWebhook, type WebhookRow } from "../store/webhooks.ts";
import { MAX_PER_CHANNEL, webhooksUpdate } from "./event.ts";

/** The types of channels that may have webhooks. */
export const WEBHOOK_CHANNELS: readonly number[] = [
  ChannelType.GuildText,
  ChannelType.GuildAnnouncement,
  ChannelType.GuildVoice,
  ChannelType.GuildStageVoice,
  ChannelType.GuildForum,
  ChannelType.GuildMedia,
];

/** Sealed. */
export const newWebhookToken = (app: Pick<App, "secret">): Buffer =>
  seal(app.secret, randomBytes(51).toString("base64url"));

/** Makes an incoming webhook. @throws 50024 in a channel that can't have one, 30007 when it has all it may */
export async function createWebhook(
  app: Pick<App, "nextId" | "secret">,
  tx: Transaction,
  emit: Emit,
  channel: ChannelRow,
  webhook: { creatorId: string; applicationId: string | null; name: string; avatar: string | null },
): Promise<WebhookRow> {
  if (!WEBHOOK_CHANNELS.includes(channel.type)) throw new ApiError("WRONG_CHANNEL_TYPE");
  const id = app.nextId();
  const token = newWebhookToken(app);
  const place = { id, guildId: channel.server_id, channelId: channel.id };
  if (!(await insertWebhook(tx, { ...webhook, ...place, token }, MAX_PER_CHANNEL))) throw new ApiError("MAX_WEBHOOKS");
  const row = await findWebhook(tx, id);
  if (row === undefined) throw new Error("the webhook just made is not there");
  emit(webhooksUpdate(channel.server_id, channel.id));
  emit(auditChange(channel.server_id, AuditLogEvent.WebhookCreate, id, null, webhookFields(row)));
  return row;
}

/** A webhook's token as URLs have it. */
export const openedToken = (app: Pick<App, "secret">, token: Buffer): string =>
  unseal(app.secret, token).toString("utf8");

/** @param withCreator left out for those who have only the token */
export function shownWebhook(app: Pick<App, "config" | "secret">, webhook: WebhookRow, withCreator = true) {
  const token = webhook.token && openedToken(app, webhook.token);
  return wireWebhook(webhook, token, app.config.publicUrl, withCreator);
}
