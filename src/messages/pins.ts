import { AuditLogEvent, MessageType } from "discord-api-types/v10";
import type { Transaction } from "../../core/db.ts";
import type { Event } from "../../core/event-log.ts";
import { type MessageRow, wireMessage } from "../../core/wire/message.ts";
import { wireTimeOrNull } from "../../core/wire/time.ts";
import type { InChannel } from "../access.ts";
import type { App } from "../app.ts";
import { auditAction } from "../audit/entry.ts";
import { channelEvents } from "../channel-events.ts";
import { ApiError } from "../errors.ts";
import { findMessage } from "../store/messages.ts";
import { countPins, lockPins, noteLastPin, setPinned, setUnpinned } from "../store/pins.ts";
import { demandOpen, isInThread } from "../threads/write.ts";
import { messageEvents } from "./event.ts";
import { authorOf, isSystemMessage } from "./kinds.ts";
import { placeOf } from "./place.ts";
import { postSystemMessage } from "./system.ts";

type Emit = (event: Event) => void;

/** https://discord.com/developers/docs/topics/opcodes-and-status-codes#json: 30003 */
const MAX_PINS = 250;

/** Pins a message and tells of it in the channel; one that is pinned already stays as it is. */
export async function pinMessage(app: App, tx: Transaction, emit: Emit, where: InChannel, id: string): Promise<void> {
  demandOpen(where);
  const place = placeOf(where);
  await lockPins(tx, place);
  const message = await existing(tx, where, id);
  if (message.pinned_at !== null) return;
  if (isSystemMessage(message)) throw new ApiError("SYSTEM_MESSAGE");
  if ((await countPins(tx, place)) >= MAX_PINS) throw new ApiError("MAX_PINS");
  await setPinned(tx, place, id);
  await tellOfPins(app, tx, emit, where, id);
  audit(emit, where, AuditLogEvent.MessagePin, message);
  await postSystemMessage(app, tx, emit, where, {
    id: app.nextId(),
    channelId: place.id,
    type: MessageType.ChannelPinnedMessage,
    inThread: isInThread(where),
    reference: { messageId: id, channelId: place.id },
  });
}

/** Unpins a message; one that isn't pinned stays as it is. */
export async function unpinMessage(app: App, tx: Transaction, emit: Emit, where: InChannel, id: string): Promise<void> {
  demandOpen(where);
  await lockPins(tx, placeOf(where));
  const message = await existing(tx, where, id);
  if (message.pinned_at === null) return;
  await setUnpinned(tx, id);
  await tellOfPins(app, tx, emit, where, id);
  audit(emit, where, AuditLogEvent.MessageUnpin, message);
}

function audit(emit: Emit, where: InChannel, action: AuditLogEvent, message: MessageRow): void {
  if (where.type === "dm") return;
  const options = { channel_id: where.channel.id, message_id: message.id };
  emit(auditAction(where.guild.id, action, authorOf(message), options));
}

async function existing(tx: Transaction, where: InChannel, id: string) {
  const message = await findMessage(tx, placeOf(where), id, null);
  if (message === undefined) throw new ApiError("UNKNOWN_MESSAGE");
  return message;
}

async function tellOfPins(app: App, tx: Transaction, emit: Emit, where: InChannel, id: string): Promise<void> {
  const lastPinAt = await noteLastPin(tx, placeOf(where));
  const after = await existing(tx, where, id);
  for (const event of messageEvents("MESSAGE_UPDATE", where, wireMessage(after, app.cdn), after.version)) emit(event);
  const data = { last_pin_timestamp: wireTimeOrNull(lastPinAt) };
  for (const event of channelEvents(where, "CHANNEL_PINS_UPDATE", data)) emit(event);
}
