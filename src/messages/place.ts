import type { InChannel } from "../access.ts";
import type { Place } from "../store/messages.ts";

/** Where the messages of a channel or a conversation are. */
export function placeOf(where: InChannel): Place {
  return where.type === "guild" ? { type: "guild", id: where.channel.id } : { type: "dm", id: where.id };
}
