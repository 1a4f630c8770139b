import { AuditLogEvent, MessageFlags } from "discord-api-types/v10";
import type { Transaction } from "../../core/db.ts";
import type { Event } from "../../core/event-log.ts";
import { wireMessage } from "../../core/wire/message.ts";
import { wireThread } from "../../core/wire/thread.ts";
import type { InThread } from "../access.ts";
import { auditChange } from "../audit/entry.ts";
import { threadFields } from "../audit/fields.ts";
import { ApiError } from "../errors.ts";
import { messageEvents } from "../messages/event.ts";
import type { Poster } from "../messages/system.ts";
import { deleteChannel } from "../store/channels.ts";
import { findMessage, updateMessage } from "../store/messages.ts";
import { threadDelete } from "./event.ts";

/** Deletes a thread with its messages; the message that it was started from no longer has one. */
export async function removeThread(app: Poster, tx: Transaction, emit: (event: Event) => void, where: InThread) {
  const { channel } = where;
  const parent = { type: "guild", id: channel.parent_id } as const;
  const starter = await findMessage(tx, parent, channel.id, null);
  const version = await deleteChannel(tx, channel.id);
  if (version === undefined) throw new ApiError("UNKNOWN_CHANNEL");
  emit(threadDelete(channel, version));
  emit(auditChange(channel.server_id, AuditLogEvent.ThreadDelete, channel.id, threadFields(channel), null));
  if (starter !== undefined) {
    await updateMessage(tx, starter.id, { clearFlags: MessageFlags.HasThread }, null);
    const after = await findMessage(tx, parent, starter.id, null);
    if (after === undefined) throw new ApiError("UNKNOWN_MESSAGE");
    for (const event of messageEvents("MESSAGE_UPDATE", where, wireMessage(after, app.cdn), after.version)) emit(event);
  }
  return wireThread(channel);
}
