import { AuditLogEvent } from "discord-api-types/v10";
import { z } from "zod";
import type { Event } from "../../core/event-log.ts";
import { has, Permission } from "../../core/permissions.ts";
import { snowflakeTime } from "../../core/snowflake.ts";
import { wireMemberOnly } from "../../core/wire/member.ts";
import { type MessageRow, wireMessage } from "../../core/wire/message.ts";
import { wireUser } from "../../core/wire/user.ts";
import { demand, type InChannel, inChannel, inGuildChannel } from "../access.ts";
import type { App } from "../app.ts";
import { auditAction } from "../audit/entry.ts";
import { publishPassing } from "../change.ts";
import { ApiError, invalidField } from "../errors.ts";
import { limit, snowflake } from "../fields.ts";
import type { Upload } from "../files/form.ts";
import { type MessageEdit, messageCreate, messageEdit } from "../messages/body.ts";
import { isOfContent, prepareEdit, storeEdit } from "../messages/edit.ts";
import { authorOf, isSystemMessage, UNDELETABLE } from "../messages/kinds.ts";
import { placeOf } from "../messages/place.ts";
import { checkEmbeds, postMessage } from "../messages/post.ts";
import { removeMessage, removeMessages } from "../messages/remove.ts";
import { route } from "../route.ts";
import { findMessage, listMessages } from "../store/messages.ts";
import { demandDeletable, demandOpen } from "../threads/write.ts";

/** Older messages can't be deleted in bulk. https://discord.com/developers/docs/resources/message#bulk-delete-messages */
const BULK_DELETE_MAX_AGE_MS = 14 * 24 * 3600_000;

export const messageRoutes = [
  route({
    method: "POST",
    path: "/channels/:channel_id/messages",
    operation: "create_message",
    access: inChannel("SEND_MESSAGES"),
    // Ten bots that go as fast as they may fit into one channel.
    limit: { requests: 5, seconds: 5, shared: { requests: 50, seconds: 5 } },
    body: messageCreate,
    files: mayAttach,
    handle: ({ app, body, files }, where) => postMessage(app, where, body, files),
  }),
  route({
    method: "GET",
    path: "/channels/:channel_id/messages",
    operation: "list_messages",
    access: inChannel(),
    limit: { requests: 30, seconds: 5, bucket: "read messages" },
    query: z.object({
      before: snowflake.optional(),
      after: snowflake.optional(),
      around: snowflake.optional(),
      limit: limit(100, 50),
    }),
    handle: async ({ app, query }, where) => {
      // Without the permission to read history there is none, rather than an error: as Discord documents.
      if (where.type === "guild" && !has(where.permissions, Permission.READ_MESSAGE_HISTORY)) return [];
      return (await listMessages(app.sql, placeOf(where), query, where.caller.user.id)).map((row) =>
        wireMessage(row, app.cdn),
      );
    },
  }),
  route({
    method: "GET",
    path: "/channels/:channel_id/messages/:message_id",
    operation: "get_message",
    access: inChannel("READ_MESSAGE_HISTORY"),
    limit: { requests: 30, seconds: 5, bucket: "read messages" },
    handle: async ({ app, params }, where) =>
      wireMessage(await existing(app, where, params.get("message_id")), app.cdn),
  }),
  route({
    method: "PATCH",
    path: "/channels/:channel_id/messages/:message_id",
    operation: "update_message",
    access: inChannel(),
    limit: { requests: 5, seconds: 5 },
    body: messageEdit,
    files: mayAttach,
    handle: async ({ app, params, body, files }, where) => {
      demandOpen(where);
      const before = await existing(app, where, params.get("message_id"));
      return edit(app, where, before, body, files);
    },
  }),
  route({
    method: "DELETE",
    path: "/channels/:channel_id/messages/:message_id",
    operation: "delete_message",
    access: inChannel(),
    limit: { requests: 5, seconds: 1 },
    handle: async ({ app, params }, where) => {
      const message = await existing(app, where, params.get("message_id"));
      const own = message.author_id === where.caller.user.id;
      if (!own && where.type === "dm") throw new ApiError("MISSING_PERMISSIONS");
      if (!own && where.type === "guild" && !has(where.permissions, Permission.MANAGE_MESSAGES)) {
        throw new ApiError("MISSING_PERMISSIONS");
      }
      if (UNDELETABLE.includes(message.type)) throw new ApiError("SYSTEM_MESSAGE");
      demandDeletable(where);
      await app.change(async (tx, emit) => {
        await removeMessage(tx, emit, where, placeOf(where), message.id);
        if (own || where.type === "dm") return;
        const options = { channel_id: where.channel.id, count: "1" };
        emit(auditAction(where.guild.id, AuditLogEvent.MessageDelete, authorOf(message), options));
      });
    },
  }),
  route({
    method: "POST",
    path: "/channels/:channel_id/messages/bulk-delete",
    operation: "bulk_delete_messages",
    access: inGuildChannel("MANAGE_MESSAGES"),
    limit: { requests: 1, seconds: 1 },
    body: z.object({ messages: z.array(snowflake) }),
    handle: async ({ app, body }, where) => {
      const ids = body.messages;
      if (ids.length < 2 || ids.length > 100) throw new ApiError("BULK_DELETE_COUNT");
      if (new Set(ids).size < ids.length) {
        throw invalidField(["messages"], "SET_TYPE_ALREADY_CONTAINS_VALUE", "The set already contains this value.");
      }
      const oldest = Date.now() - BULK_DELETE_MAX_AGE_MS;
      if (ids.some((id) => snowflakeTime(id) < oldest)) throw new ApiError("MESSAGE_TOO_OLD");
      await app.change(async (tx, emit) => {
        const count = await removeMessages(tx, emit, where, placeOf(where), ids);
        if (count === 0) return;
        const options = { count: String(count) };
        emit(auditAction(where.guild.id, AuditLogEvent.MessageBulkDelete, where.channel.id, options));
      });
    },
  }),
  route({
    method: "POST",
    path: "/channels/:channel_id/typing",
    operation: "trigger_typing_indicator",
    access: inChannel("SEND_MESSAGES"),
    limit: { requests: 5, seconds: 5 },
    handle: async ({ app }, where) => {
      await publishPassing(app, typing(where));
    },
  }),
];

/** To the other of a conversation, or to a channel. */
function typing(where: InChannel): Event {
  const { user } = where.caller;
  const data = { channel_id: placeOf(where).id, user_id: user.id, timestamp: Math.floor(Date.now() / 1000) };
  if (where.type === "dm") return { t: "TYPING_START", userId: where.recipientId, channelId: where.id, data };
  const member = { ...wireMemberOnly(where.membership), user: wireUser(user) };
  const [guildId, channelId] = [where.guild.id, where.channel.id];
  return { t: "TYPING_START", guildId, channelId, data: { ...data, guild_id: guildId, member } };
}

/** @throws 50013 where the caller may send no files */
function mayAttach(where: InChannel): void {
  if (where.type === "guild") demand(where.permissions, ["ATTACH_FILES"]);
}

async function existing(app: App, where: InChannel, id: string): Promise<MessageRow> {
  const message = await findMessage(app.sql, placeOf(where), id, where.caller.user.id);
  if (message === undefined) throw new ApiError("UNKNOWN_MESSAGE");
  return message;
}

/** The author may edit everything; who manages messages may only suppress embeds. */
async function edit(app: App, where: InChannel, before: MessageRow, body: MessageEdit, uploads: readonly Upload[]) {
  if (isSystemMessage(before)) throw new ApiError("SYSTEM_MESSAGE");
  const own = before.author_id === where.caller.user.id;
  const onlyFlags = !isOfContent(body, uploads) && body.flags !== undefined;
  const mayManage = where.type === "guild" && has(where.permissions, Permission.MANAGE_MESSAGES);
  if (!own && !(onlyFlags && mayManage)) throw new ApiError("NOT_AUTHOR");
  if (where.type === "guild") checkEmbeds(where.permissions, body.embeds);
  const place = placeOf(where);
  const change = await prepareEdit(app, place, before, body, uploads, {
    guildId: where.type === "guild" ? where.guild.id : null,
    mayMentionEveryone: where.type === "guild" && has(where.permissions, Permission.MENTION_EVERYONE),
  });
  const viewerId = where.caller.user.id;
  return app.change((tx, emit) => storeEdit(app, tx, emit, where, place, before.id, change, viewerId));
}
