import { MessageReferenceType, MessageType } from "discord-api-types/v10";
import { has, Permission } from "../../core/permissions.ts";
import type { AttachmentRow } from "../../core/wire/attachment.ts";
import { type MessageRow, type MessageSnapshot, snapshotOf } from "../../core/wire/message.ts";
import { enterChannel, type InChannel } from "../access.ts";
import type { App } from "../app.ts";
import { ApiError, invalidField } from "../errors.ts";
import type { NewMessage } from "../store/insert-message.ts";
import { findMessage } from "../store/messages.ts";
import type { MessageCreate } from "./body.ts";
import { isSystemMessage } from "./kinds.ts";
import { placeOf } from "./place.ts";

/** What a message refers to: nothing, the message that it answers, or what it forwards. */
export interface Reference {
  type: MessageType;
  reference: NewMessage["reference"];
  /** The message replied to; null when it is gone, or there is none. */
  referenced: MessageRow | null;
  snapshots?: readonly MessageSnapshot[];
  /** The files of what is forwarded, which the forward has as well. */
  attachments?: readonly AttachmentRow[];
}

export const isForward = (body: MessageCreate): boolean =>
  body.message_reference?.type === MessageReferenceType.Forward;

/** Finds what a message refers to. https://discord.com/developers/docs/resources/message#message-reference-object */
export function resolveReference(app: App, where: InChannel, body: MessageCreate): Promise<Reference> {
  const wanted = body.message_reference;
  if (!wanted) return Promise.resolve({ type: MessageType.Default, reference: null, referenced: null });
  return isForward(body) ? forwardOf(app, where, wanted) : replyTo(app, where, wanted);
}

type Wanted = NonNullable<MessageCreate["message_reference"]>;

/** The message replied to must be of the same channel, so that no other channel can be read through a reply. */
async function replyTo(app: App, where: InChannel, wanted: Wanted): Promise<Reference> {
  if (where.type === "guild" && !has(where.permissions, Permission.READ_MESSAGE_HISTORY)) {
    throw new ApiError("CANNOT_REPLY_WITHOUT_HISTORY");
  }
  const place = placeOf(where);
  const sameChannel = !wanted.channel_id || wanted.channel_id === place.id;
  const found = sameChannel ? await findMessage(app.sql, place, wanted.message_id, where.caller.user.id) : undefined;
  if (found === undefined && wanted.fail_if_not_exists !== false) {
    throw invalidField(["message_reference"], "REPLIES_UNKNOWN_MESSAGE", "Unknown message");
  }
  if (found !== undefined && isSystemMessage(found)) {
    const message = "Cannot reply to a system message";
    throw invalidField(["message_reference"], "REPLIES_CANNOT_REPLY_TO_SYSTEM_MESSAGE", message);
  }
  return {
    type: MessageType.Reply,
    reference: { messageId: wanted.message_id, channelId: place.id, guildId: guildIdOf(where) },
    referenced: found ?? null,
  };
}

/** A copy of a message that the caller can read, in whatever channel it is. What is forwarded on stays the same copy. */
async function forwardOf(app: App, where: InChannel, wanted: Wanted): Promise<Reference> {
  const { channel_id: channelId, message_id: messageId } = wanted;
  if (!channelId)
    throw invalidField(["message_reference", "channel_id"], "BASE_TYPE_REQUIRED", "This field is required");
  const from = await enterChannel({ app, caller: where.caller }, channelId, ["READ_MESSAGE_HISTORY"]);
  const message = await findMessage(app.sql, placeOf(from), messageId, null);
  if (message === undefined) throw new ApiError("UNKNOWN_MESSAGE");
  if (isSystemMessage(message) || message.poll) throw new ApiError("INVALID_MESSAGE_TYPE");
  return {
    type: MessageType.Default,
    reference: { messageId, channelId, guildId: guildIdOf(from) },
    referenced: null,
    snapshots: message.snapshots ?? [snapshotOf(message)],
    attachments: message.attachments,
  };
}

const guildIdOf = (where: InChannel): string | null => (where.type === "guild" ? where.guild.id : null);
