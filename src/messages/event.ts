import type { Event } from "../../core/event-log.ts";
import { wireMemberOnly } from "../../core/wire/member.ts";
import { type WireMessage, withoutReactions } from "../../core/wire/message.ts";
import type { OwnMembership } from "../store/access.ts";

/** Who writes or changes a message, and in what guild or to whom. */
export type MemberScene =
  | { type: "guild"; guild: { id: string }; me: { userId: string }; membership: OwnMembership }
  | { type: "dm"; caller: { user: { id: string } }; recipientId: string };

/** The same; webhooks are no members. */
export type MessageScene = MemberScene | { type: "webhook"; guild: { id: string } };

/** The events of a message: one in its guild's log, or one for each of the two of a conversation. */
export function messageEvents(
  t: "MESSAGE_CREATE" | "MESSAGE_UPDATE",
  where: MessageScene,
  message: WireMessage,
  version?: string,
): Event[] {
  const shown = withoutReactions(message);
  // https://discord.com/developers/docs/events/gateway-events#message-update: nothing is read aloud twice.
  const data = t === "MESSAGE_UPDATE" ? { ...shown, tts: false } : shown;
  const common = {
    t,
    channelId: message.channel_id,
    authorId: message.author.id,
    mentions: message.mentions.map((user) => user.id),
  };
  /** What tells a repeat from a new event, and a late one from the latest; in the log of `of`. */
  const identified = (of: string) =>
    version === undefined ? { id: `created:${message.id}:${of}` } : { entity: `message:${message.id}:${of}`, version };
  if (where.type === "dm") {
    const both = [...new Set([where.caller.user.id, where.recipientId])];
    return both.map((userId) => ({ ...common, ...identified(userId), userId, data }));
  }
  const own = where.type === "guild" && where.me.userId === message.author.id;
  const member = own ? { member: wireMemberOnly(where.membership) } : {};
  const { id: guildId } = where.guild;
  const whole = { ...data, guild_id: guildId, ...member };
  // For outgoing webhooks and the log.
  return [{ ...common, ...identified(guildId), guildId, data: whole, json: JSON.stringify(whole) }];
}
