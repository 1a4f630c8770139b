import type { Transaction } from "../../core/db.ts";
import type { Event } from "../../core/event-log.ts";
import type { EventName } from "../../core/events.ts";
import { wireMemberOnly } from "../../core/wire/member.ts";
import { type EmojiRow, wireEmoji } from "../../core/wire/reaction.ts";
import { wireUser } from "../../core/wire/user.ts";
import { demand, type InChannel } from "../access.ts";
import { channelEvents } from "../channel-events.ts";
import { ApiError } from "../errors.ts";
import { placeOf } from "../messages/place.ts";
import { lockMessage } from "../store/messages.ts";
import {
  deleteAllReactions,
  deleteReaction,
  deleteReactionsOf,
  emojiKey,
  insertReaction,
  listReactionEmojis,
} from "../store/reactions.ts";
import { emojiUser, usableEmoji } from "./custom-emoji.ts";
import type { EmojiName } from "./emoji.ts";

type Emit = (event: Event) => void;

/** https://discord.com/developers/docs/topics/opcodes-and-status-codes#json: 30010 */
const MAX_EMOJIS = 20;
/** No super reaction. https://discord.com/developers/docs/resources/message#get-reactions-reaction-types */
const NORMAL = { burst: false, type: 0 };

/** Adds the caller's reaction; one that it has made before changes nothing and is told to nobody. */
export async function addReaction(tx: Transaction, emit: Emit, where: InChannel, messageId: string, name: EmojiName) {
  const message = await lockedMessage(tx, where, messageId);
  const there = await listReactionEmojis(tx, messageId);
  const emoji = there.find(({ emoji }) => emoji === keyOf(name)) ?? (await newEmoji(tx, where, name, there.length));
  const { user } = where.caller;
  const version = await insertReaction(tx, messageId, emoji, user.id);
  if (version === undefined) return;
  const data = {
    user_id: user.id,
    message_id: messageId,
    emoji: wireEmoji(emoji),
    ...(where.type === "guild" ? { member: { ...wireMemberOnly(where.membership), user: wireUser(user) } } : {}),
    ...(message.author_id === null ? {} : { message_author_id: message.author_id }),
    ...NORMAL,
  };
  emitOf(emit, where, "MESSAGE_REACTION_ADD", data, identity(messageId, emoji, user.id), version);
}

/** An emoji that nobody has reacted with yet: for that one needs more than to join in. */
async function newEmoji(tx: Transaction, where: InChannel, name: EmojiName, count: number): Promise<EmojiRow> {
  if (where.type === "guild") demand(where.permissions, ["ADD_REACTIONS"]);
  const emoji = await emojiNamed(tx, where, name);
  if (count >= MAX_EMOJIS) throw new ApiError("MAX_REACTIONS");
  return emoji;
}

/** @throws 10014 for an emoji of a guild that the caller isn't in, 50013 for one of another guild where none may be used */
async function emojiNamed(tx: Transaction, where: InChannel, name: EmojiName): Promise<EmojiRow> {
  if (name.type === "unicode") return { emoji_id: null, emoji_name: name.name, animated: false };
  const found = await usableEmoji(tx, name.id, emojiUser(where));
  if (found === "unknown") throw new ApiError("UNKNOWN_EMOJI");
  if (found === "foreign") throw new ApiError("MISSING_PERMISSIONS");
  return found;
}

/** Takes a user's reaction away, the caller's or another's; one that isn't there is no fault. */
export async function removeReaction(
  tx: Transaction,
  emit: Emit,
  where: InChannel,
  messageId: string,
  name: EmojiName,
  userId: string,
) {
  await lockedMessage(tx, where, messageId);
  const emoji = await emojiOf(tx, messageId, name);
  if (emoji === undefined) return;
  const version = await deleteReaction(tx, messageId, emojiKey(emoji), userId);
  if (version === undefined) return;
  const data = { user_id: userId, message_id: messageId, emoji: wireEmoji(emoji), ...NORMAL };
  emitOf(emit, where, "MESSAGE_REACTION_REMOVE", data, identity(messageId, emoji, userId), version);
}

export async function removeEmoji(tx: Transaction, emit: Emit, where: InChannel, messageId: string, name: EmojiName) {
  await lockedMessage(tx, where, messageId);
  const emoji = await emojiOf(tx, messageId, name);
  if (emoji === undefined || !(await deleteReactionsOf(tx, messageId, emojiKey(emoji)))) return;
  const data = { message_id: messageId, emoji: wireEmoji(emoji) };
  for (const event of channelEvents(where, "MESSAGE_REACTION_REMOVE_EMOJI", data)) emit(event);
}

export async function removeAllReactions(tx: Transaction, emit: Emit, where: InChannel, messageId: string) {
  await lockedMessage(tx, where, messageId);
  if (!(await deleteAllReactions(tx, messageId))) return;
  for (const event of channelEvents(where, "MESSAGE_REACTION_REMOVE_ALL", { message_id: messageId })) emit(event);
}

async function lockedMessage(tx: Transaction, where: InChannel, id: string) {
  const message = await lockMessage(tx, placeOf(where), id);
  if (message === undefined) throw new ApiError("UNKNOWN_MESSAGE");
  return message;
}

/** What tells emoji apart in the tables. */
export const keyOf = (name: EmojiName): string => (name.type === "custom" ? name.id : name.name);

/**
 * The emoji as the message has it; a custom one may have been deleted since.
 * @returns undefined when it is an emoji, but not on this message
 * @throws 10014 for a custom one that the message doesn't have: nothing tells whether there is such an emoji
 */
async function emojiOf(tx: Transaction, messageId: string, name: EmojiName): Promise<EmojiRow | undefined> {
  const found = (await listReactionEmojis(tx, messageId)).find(({ emoji }) => emoji === keyOf(name));
  if (found === undefined && name.type === "custom") throw new ApiError("UNKNOWN_EMOJI");
  return found;
}

const identity = (messageId: string, emoji: EmojiRow, userId: string): string =>
  `reaction:${messageId}:${emojiKey(emoji)}:${userId}`;

/** @param entity what the events are about in each of the logs that they go to */
function emitOf(emit: Emit, where: InChannel, t: EventName, data: object, entity: string, version: string): void {
  for (const event of channelEvents(where, t, data)) {
    emit({ ...event, entity: `${entity}:${event.userId ?? event.guildId}`, version });
  }
}
