import { timingSafeEqual } from "node:crypto";
import { AuditLogEvent } from "discord-api-types/v10";
import { z } from "zod";
import type { Db } from "../../core/db.ts";
import { demand, enterChannel, enterGuild, type InGuildChannel, inGuild, inGuildChannel } from "../access.ts";
import type { App } from "../app.ts";
import { auditAction, auditChange } from "../audit/entry.ts";
import { webhookFields } from "../audit/fields.ts";
import { ApiError } from "../errors.ts";
import { imageData, queryFlag, snowflake, trimmed } from "../fields.ts";
import { storeImages } from "../files/images.ts";
import { findByWebhook } from "../interactions/access.ts";
import { followUp } from "../interactions/follow-up.ts";
import type { Limit } from "../limits/rules.ts";
import { webhookMessage } from "../messages/body.ts";
import { postAsWebhook } from "../messages/post-as-webhook.ts";
import { type Access, type Request, route } from "../route.ts";
import type { InteractionRow } from "../store/interactions.ts";
import {
  deleteWebhook,
  findWebhook,
  listChannelWebhooks,
  listGuildWebhooks,
  updateWebhook,
  type WebhookRow,
} from "../store/webhooks.ts";
import { createWebhook, newWebhookToken, openedToken, shownWebhook, WEBHOOK_CHANNELS } from "../webhooks/create.ts";
import { webhooksUpdate } from "../webhooks/event.ts";
import { withComponents } from "../webhooks/messages.ts";

/** In any of its forms. */
export const EDIT = { requests: 5, seconds: 2 };
export const EXECUTE: Limit = { bucket: "execute webhook", requests: 5, seconds: 2 };
const name = trimmed(1, 80).refine((value) => !/clyde|discord/i.test(value), "Name can't contain that word.");

/** A member who manages webhooks in the channel of the webhook `:webhook_id`. */
const webhookManager: Access<{ webhook: WebhookRow; where: InGuildChannel }> = {
  kind: "webhook",
  needs: ["MANAGE_WEBHOOKS"],
  resolve: async (request) => {
    const webhook = await existing(request);
    await enterGuild(request, webhook.server_id);
    const where = await enterChannel(request, webhook.channel_id);
    if (where.type === "dm") throw new ApiError("NOT_IN_DM");
    demand(where.permissions, ["MANAGE_WEBHOOKS"]);
    return { webhook, where };
  },
};

/** Whoever has the token of the webhook `:webhook_id`. */
export const webhookToken: Access<WithToken> = {
  kind: "webhook token",
  needs: [],
  resolve: async (request) => checkToken(request, await existingRow(request.app.sql, request.params.get("webhook_id"))),
};

/** The same, and whoever has the token of an interaction, with the application in the place of the webhook. */
export const webhookOrInteraction: Access<WithToken | { webhook: null; interaction: InteractionRow }> = {
  kind: "webhook token",
  needs: [],
  resolve: async (request) => {
    const id = request.params.get("webhook_id");
    const found = await findWebhook(request.app.sql, id);
    if (found !== undefined) return checkToken(request, found);
    const interaction = await findByWebhook(request.app, id, request.params.get("webhook_token"));
    if (interaction === undefined) throw new ApiError("UNKNOWN_WEBHOOK");
    return { webhook: null, interaction };
  },
};

interface WithToken {
  webhook: WebhookRow;
  token: string;
}

function checkToken({ app, params }: Request<unknown, unknown>, found: WebhookRow): WithToken {
  if (found.token === null) throw new ApiError("INVALID_WEBHOOK_TOKEN");
  const token = openedToken(app, found.token);
  const given = Buffer.from(params.get("webhook_token"));
  const wanted = Buffer.from(token);
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) throw new ApiError("INVALID_WEBHOOK_TOKEN");
  return { webhook: found, token };
}

async function existing(request: Request<unknown, unknown>): Promise<WebhookRow> {
  if (request.caller === null) throw new ApiError("UNAUTHORIZED");
  return existingRow(request.app.sql, request.params.get("webhook_id"));
}

async function existingRow(sql: Db, id: string): Promise<WebhookRow> {
  const found = await findWebhook(sql, id);
  if (found === undefined) throw new ApiError("UNKNOWN_WEBHOOK");
  return found;
}

export const webhookRoutes = [
  route({
    method: "POST",
    path: "/channels/:channel_id/webhooks",
    operation: "create_webhook",
    access: inGuildChannel("MANAGE_WEBHOOKS"),
    images: true,
    body: z.object({ name, avatar: imageData }),
    handle: async ({ app, body }, { channel, caller }) => {
      const { avatar = null } = await storeImages(app, body, ["avatar"]);
      const maker = { creatorId: caller.user.id, applicationId: caller.applicationId };
      const row = await app.change((tx, emit) =>
        createWebhook(app, tx, emit, channel, { ...maker, name: body.name, avatar }),
      );
      return shownWebhook(app, row);
    },
  }),
  route({
    method: "GET",
    path: "/channels/:channel_id/webhooks",
    operation: "list_channel_webhooks",
    access: inGuildChannel("MANAGE_WEBHOOKS"),
    handle: async ({ app }, { channel }) => {
      const rows = await listChannelWebhooks(app.sql, channel.id);
      return rows.map((row) => shownWebhook(app, row));
    },
  }),
  route({
    method: "GET",
    path: "/guilds/:guild_id/webhooks",
    operation: "get_guild_webhooks",
    access: inGuild("MANAGE_WEBHOOKS"),
    handle: async ({ app }, { guild }) => {
      const rows = await listGuildWebhooks(app.sql, guild.id);
      return rows.map((row) => shownWebhook(app, row));
    },
  }),
  route({
    method: "GET",
    path: "/webhooks/:webhook_id",
    operation: "get_webhook",
    access: webhookManager,
    handle: async ({ app }, { webhook }) => shownWebhook(app, webhook),
  }),
  route({
    method: "PATCH",
    path: "/webhooks/:webhook_id",
    operation: "update_webhook",
    access: webhookManager,
    images: true,
    body: z.object({ name: name.optional(), channel_id: snowflake.optional(), avatar: imageData }),
    handle: async (request, { webhook }) => {
      const { app, body } = request;
      const { channel_id: channelId } = body;
      if (channelId !== undefined) await checkTarget(request, webhook, channelId);
      const patch = {
        ...(body.name === undefined ? {} : { name: body.name }),
        ...(channelId === undefined ? {} : { channel_id: channelId }),
        ...(await storeImages(app, body, ["avatar"])),
      };
      return change(app, webhook, patch, true);
    },
  }),
  route({
    method: "DELETE",
    path: "/webhooks/:webhook_id",
    operation: "delete_webhook",
    access: webhookManager,
    handle: ({ app }, { webhook }) => remove(app, webhook),
  }),
  route({
    method: "POST",
    path: "/webhooks/:webhook_id/token",
    summary: "Give a webhook a new token; the old one stops working at once",
    access: webhookManager,
    handle: async ({ app }, { webhook }) => {
      // One that follows a channel has none.
      if (webhook.token === null) throw new ApiError("UNKNOWN_WEBHOOK");
      await app.change(async (tx, emit) => {
        await updateWebhook(tx, webhook.id, { token: newWebhookToken(app) });
        emit(webhooksUpdate(webhook.server_id, webhook.channel_id));
        emit(auditAction(webhook.server_id, AuditLogEvent.WebhookUpdate, webhook.id));
      });
      return shownWebhook(app, await existingRow(app.sql, webhook.id));
    },
  }),
  route({
    method: "GET",
    path: "/webhooks/:webhook_id/:webhook_token",
    operation: "get_webhook_by_token",
    access: webhookToken,
    handle: async ({ app }, { webhook }) => shownWebhook(app, webhook, false),
  }),
  route({
    method: "PATCH",
    path: "/webhooks/:webhook_id/:webhook_token",
    operation: "update_webhook_by_token",
    access: webhookToken,
    images: true,
    body: z.object({ name: name.optional(), avatar: imageData }),
    handle: async ({ app, body }, { webhook }) => {
      const images = await storeImages(app, body, ["avatar"]);
      return change(app, webhook, { ...(body.name === undefined ? {} : { name: body.name }), ...images }, false);
    },
  }),
  route({
    method: "DELETE",
    path: "/webhooks/:webhook_id/:webhook_token",
    operation: "delete_webhook_by_token",
    access: webhookToken,
    handle: ({ app }, { webhook }) => remove(app, webhook),
  }),
  route({
    method: "POST",
    path: "/webhooks/:webhook_id/:webhook_token",
    operation: "execute_webhook",
    access: webhookOrInteraction,
    limit: EXECUTE,
    body: webhookMessage,
    files: () => {},
    query: z.object({
      wait: queryFlag.optional(),
      thread_id: snowflake.optional(),
      with_components: queryFlag.optional(),
    }),
    handle: async ({ app, body, files, query }, found) => {
      // https://discord.com/developers/docs/interactions/receiving-and-responding#create-followup-message
      if (found.webhook === null) return followUp(app, found.interaction, body, files);
      const { webhook } = found;
      const said = withComponents(webhook, body, query.with_components);
      const message = await postAsWebhook(app, webhook, said, files, query.thread_id);
      return query.wait === true ? message : undefined;
    },
  }),
];

/** A webhook moves only within its guild, to where the member may manage webhooks. */
async function checkTarget(request: Request<unknown, unknown>, webhook: WebhookRow, channelId: string): Promise<void> {
  const target = await enterChannel(request, channelId);
  if (target.type === "dm" || target.guild.id !== webhook.server_id) throw new ApiError("UNKNOWN_CHANNEL");
  demand(target.permissions, ["MANAGE_WEBHOOKS"]);
  if (!WEBHOOK_CHANNELS.includes(target.channel.type)) throw new ApiError("WRONG_CHANNEL_TYPE");
}

async function change(
  app: App,
  webhook: WebhookRow,
  patch: { name?: string; channel_id?: string; avatar?: string | null },
  withCreator: boolean,
) {
  await app.change(async (tx, emit) => {
    await updateWebhook(tx, webhook.id, patch);
    emit(webhooksUpdate(webhook.server_id, webhook.channel_id));
    if (patch.channel_id !== undefined && patch.channel_id !== webhook.channel_id) {
      emit(webhooksUpdate(webhook.server_id, patch.channel_id));
    }
    const row = await existingRow(tx, webhook.id);
    emit(auditChange(row.server_id, AuditLogEvent.WebhookUpdate, row.id, webhookFields(webhook), webhookFields(row)));
  });
  return shownWebhook(app, await existingRow(app.sql, webhook.id), withCreator);
}

async function remove(app: App, webhook: WebhookRow): Promise<undefined> {
  await app.change(async (tx, emit) => {
    await deleteWebhook(tx, webhook.id);
    emit(webhooksUpdate(webhook.server_id, webhook.channel_id));
    emit(auditChange(webhook.server_id, AuditLogEvent.WebhookDelete, webhook.id, webhookFields(webhook), null));
  });
}
