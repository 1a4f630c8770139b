import type { Transaction } from "../../core/db.ts";
import type { InChannel } from "../access.ts";
import type { Emit } from "../change.ts";
import { channelEvents } from "../channel-events.ts";
import { ApiError, invalidField } from "../errors.ts";
import { placeOf } from "../messages/place.ts";
import { lockMessage } from "../store/messages.ts";
import { findPoll, setVotes } from "../store/polls.ts";

/**
 * Makes these the caller's votes, and no others: none at all withdraws them.
 * @throws 10008, 50068 for a message without a poll, 520001 when it is over, 50035
 */
export async function vote(
  tx: Transaction,
  emit: Emit,
  where: InChannel,
  messageId: string,
  answerIds: readonly number[],
): Promise<void> {
  const message = await lockMessage(tx, placeOf(where), messageId);
  if (message === undefined) throw new ApiError("UNKNOWN_MESSAGE");
  const found = await findPoll(tx, messageId);
  if (found === undefined) throw new ApiError("INVALID_MESSAGE_TYPE");
  if (found.ended || found.expires_at.getTime() <= Date.now()) throw new ApiError("POLL_EXPIRED");
  const wanted = [...new Set(answerIds)];
  if (wanted.length > 1 && !found.asked.allow_multiselect) {
    throw invalidField(["answer_ids"], "BASE_TYPE_MAX_LENGTH", "Only one answer can be voted for.");
  }
  const known = new Set(found.asked.answers.map((answer) => answer.answer_id));
  for (const [i, id] of wanted.entries()) {
    if (!known.has(id)) throw invalidField(["answer_ids", i], "BASE_TYPE_CHOICES", "The poll has no such answer.");
  }
  const { id: userId } = where.caller.user;
  for (const { answer_id, added, version } of await setVotes(tx, messageId, userId, wanted)) {
    const data = { user_id: userId, message_id: messageId, answer_id };
    const entity = `vote:${messageId}:${answer_id}:${userId}`;
    for (const event of channelEvents(where, added ? "MESSAGE_POLL_VOTE_ADD" : "MESSAGE_POLL_VOTE_REMOVE", data)) {
      emit({ ...event, entity: `${entity}:${event.userId ?? event.guildId}`, version });
    }
  }
}
