import type { Event } from "../core/event-log.ts";
import type { EventName } from "../core/events.ts";

/** In which channel of a guild, or between whom. */
export type EventScene =
  | { type: "guild"; guild: { id: string }; channel: { id: string } }
  | { type: "dm"; id: string; caller: { user: { id: string } }; recipientId: string };

/**
 * An event of a channel: one in its guild's log, where its data names the guild, or one for each of the two of a
 * conversation.
 * @param data without `channel_id` and `guild_id`
 */
export function channelEvents(where: EventScene, t: EventName, data: object): Event[] {
  if (where.type === "guild") {
    const [guildId, channelId] = [where.guild.id, where.channel.id];
    return [{ t, guildId, channelId, data: { ...data, channel_id: channelId, guild_id: guildId } }];
  }
  const both = [...new Set([where.caller.user.id, where.recipientId])];
  return both.map((userId) => ({ t, userId, channelId: where.id, data: { ...data, channel_id: where.id } }));
}
