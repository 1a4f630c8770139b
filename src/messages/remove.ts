import type { Transaction } from "../../core/db.ts";
import type { Event } from "../../core/event-log.ts";
import { channelEvents, type EventScene } from "../channel-events.ts";
import { ApiError } from "../errors.ts";
import { deleteMessages, type Place } from "../store/messages.ts";
import { UNDELETABLE } from "./kinds.ts";

type Emit = (event: Event) => void;

/** @throws 10008 when it is gone already */
export async function removeMessage(tx: Transaction, emit: Emit, where: EventScene, place: Place, id: string) {
  const [gone] = await deleteMessages(tx, place, [id]);
  if (gone === undefined) throw new ApiError("UNKNOWN_MESSAGE");
  for (const event of channelEvents(where, "MESSAGE_DELETE", { id })) emit(event);
}

/** Removes those of the messages that are there and may be removed. @returns how many */
export async function removeMessages(
  tx: Transaction,
  emit: Emit,
  where: EventScene,
  place: Place,
  ids: readonly string[],
): Promise<number> {
  const gone = await deleteMessages(tx, place, ids, UNDELETABLE);
  if (gone.length === 0) return 0;
  for (const event of channelEvents(where, "MESSAGE_DELETE_BULK", { ids: gone })) emit(event);
  return gone.length;
}
