import { MessageType } from "discord-api-types/v10";
import type { Sql, Transaction } from "../../core/db.ts";
import { isThread } from "../../core/permissions.ts";
import { guildLog, userLog } from "../../core/redis-keys.ts";
import { type MessageRow, type WireMessage, wireMessage } from "../../core/wire/message.ts";
import type { PollRow } from "../../core/wire/poll.ts";
import type { App } from "../app.ts";
import type { Change, Emit } from "../change.ts";
import { type MessageScene, messageEvents } from "../messages/event.ts";
import type { Poster } from "../messages/system.ts";
import { findChannel } from "../store/channels.ts";
import { insertMessage } from "../store/insert-message.ts";
import { findMessage, lockMessage, type Place, updateMessage } from "../store/messages.ts";
import { type DuePoll, listDuePolls, markEnded } from "../store/polls.ts";

/** Polls looked at in one go. */
const BATCH = 100;

/** Where a poll's message is, and where what happens to it is told. */
interface Scene {
  place: Place;
  told: Exclude<MessageScene, { type: "guild" }>;
}

/**
 * Ends a poll, and posts its result in its author's name.
 * https://discord.com/developers/docs/resources/message#message-reference-content-attribution-poll-result-messages
 * @returns the poll's message; undefined when it had ended before, or is gone
 */
export async function endPoll(
  app: Poster,
  tx: Transaction,
  emit: Emit,
  scene: Scene,
  messageId: string,
): Promise<WireMessage | undefined> {
  // Votes under way are counted before it ends, others come too late.
  const there = (await lockMessage(tx, scene.place, messageId)) !== undefined;
  if (!(await markEnded(tx, messageId)) || !there) return undefined;
  await updateMessage(tx, messageId, {}, null);
  const message = await findMessage(tx, scene.place, messageId, null);
  if (message === undefined) return undefined;
  const wire = wireMessage(message, app.cdn);
  for (const event of messageEvents("MESSAGE_UPDATE", scene.told, wire, message.version)) emit(event);
  await postResult(app, tx, emit, scene, message);
  return wire;
}

/** Not into a thread that is archived: that would stay so with something new in it. */
async function postResult(app: Poster, tx: Transaction, emit: Emit, scene: Scene, message: MessageRow) {
  const { place, told } = scene;
  const channel = place.type === "guild" ? await findChannel(tx, place.id) : undefined;
  if (!message.poll || channel?.thread?.archived === true) return;
  const guildId = told.type === "webhook" ? told.guild.id : null;
  const id = app.nextId();
  const result = {
    id,
    place,
    inThread: channel !== undefined && isThread(channel.type),
    authorId: message.author_id,
    ...(message.webhook_id === null ? {} : { webhookId: message.webhook_id }),
    ...(message.webhook_name === null ? {} : { webhookName: message.webhook_name }),
    webhookAvatar: message.webhook_avatar,
    applicationId: message.application_id,
    type: MessageType.PollResult,
    flags: 0,
    content: "",
    embeds: [resultEmbed(message.poll)],
    components: [],
    tts: false,
    mentionEveryone: false,
    mentions: message.author_id === null ? [] : [message.author_id],
    mentionRoles: [],
    reference: { messageId: message.id, channelId: place.id, guildId },
    createdAt: new Date(),
    enforcedNonce: null,
  };
  await insertMessage(tx, result, guildId === null ? userLog(message.author_id ?? "0") : guildLog(guildId), []);
  const row = await findMessage(tx, place, id, null);
  if (row === undefined) return;
  for (const event of messageEvents("MESSAGE_CREATE", told, wireMessage(row, app.cdn))) emit(event);
}

/** https://discord.com/developers/docs/resources/message#embed-fields-by-embed-type-poll-result-embed-fields */
function resultEmbed({ asked, counts }: PollRow): object {
  const { question, answers } = asked;
  const total = counts.reduce((sum, { count }) => sum + count, 0);
  const most = counts.reduce((highest, { count }) => Math.max(highest, count), 0);
  const [winner, ...others] = counts.filter(({ count }) => count === most);
  const victor = others.length === 0 ? answers.find((answer) => answer.answer_id === winner?.id) : undefined;
  const emoji: { id?: string | null; name?: string; animated?: boolean } = victor?.poll_media.emoji ?? {};
  const fields = {
    poll_question_text: question.text,
    victor_answer_votes: most,
    total_votes: total,
    victor_answer_id: victor?.answer_id,
    victor_answer_text: victor?.poll_media.text,
    victor_answer_emoji_id: emoji.id ?? undefined,
    victor_answer_emoji_name: emoji.name,
    victor_answer_emoji_animated: emoji.animated,
  };
  return {
    type: "poll_result",
    fields: Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => ({ name, value: String(value), inline: false })),
  };
}

/** Ends polls whose time is over. Several processes may do this at once: each poll is ended by one of them. */
export async function endDuePolls(app: Pick<App, "nextId" | "cdn"> & { sql: Sql; change: Change }): Promise<void> {
  for (const due of await listDuePolls(app.sql, BATCH)) {
    const scene = sceneOf(due);
    if (scene !== undefined) await app.change((tx, emit) => endPoll(app, tx, emit, scene, due.message_id));
  }
}

function sceneOf({ channel_id: channelId, server_id: guildId, dm_channel_id: dmId, user_ids: users }: DuePoll) {
  if (channelId !== null && guildId !== null) {
    return { place: { type: "guild", id: channelId }, told: { type: "webhook", guild: { id: guildId } } } as const;
  }
  if (dmId === null || users === null) return undefined;
  const told = { type: "dm", caller: { user: { id: users[0] } }, recipientId: users[1] } as const;
  return { place: { type: "dm", id: dmId }, told } as const;
}
