import { MessageFlags, MessageType } from "discord-api-types/v10";
import type { Sql, Transaction } from "../../core/db.ts";
import { guildLog } from "../../core/redis-keys.ts";
import { type MessageRow, wireMessage } from "../../core/wire/message.ts";
import type { App } from "../app.ts";
import type { Change, Emit } from "../change.ts";
import { messageEvents } from "../messages/event.ts";
import {
  type Copy,
  type CrosspostWork,
  claimCrosspost,
  type Follower,
  listCopies,
  listFollowers,
  postponeCrosspost,
  saveCrosspost,
} from "../store/crossposts.ts";
import { replaceAttachments } from "../store/files.ts";
import { insertMessage } from "../store/insert-message.ts";
import { findMessage, type MessagePatch, updateMessage } from "../store/messages.ts";

/** Copies made or changed in one transaction. */
const BATCH = 50;
const POLL_MS = 500;
const RETRY_SECONDS = 30;
/** What a copy has of its source's flags. */
const SHARED_FLAGS = MessageFlags.SuppressEmbeds | MessageFlags.IsComponentsV2;
/** What is left of a copy whose source is deleted, as Discord shows it. */
const DELETED = "[Original Message Deleted]";

type Parts = Pick<App, "nextId" | "cdn" | "log"> & { sql: Sql; surely: Change };

/**
 * Brings published messages to the channels that follow, and what happens to them later. Every API process does this;
 * each message is at one of them at a time. A batch and how far it got are one transaction, its events too: whoever
 * dies, another goes on where it ended.
 * @returns how to stop
 */
export function startFanOut(app: Parts): () => Promise<void> {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let round: Promise<void> = Promise.resolve();

  async function work(): Promise<void> {
    while (!stopped && (await fanOutBatch(app))) {
      // The next batch may be of another message: those that have waited longest come first.
    }
  }

  function schedule(): void {
    if (stopped) return;
    timer = setTimeout(() => {
      round = work()
        .catch((error) => app.log.debug({ err: String(error) }, "copies failed, will be tried again"))
        .finally(schedule);
    }, POLL_MS);
    timer.unref();
  }
  schedule();

  return async () => {
    stopped = true;
    clearTimeout(timer);
    await round;
  };
}

/** Makes one batch of copies, or changes one. @returns false when there is nothing to do */
async function fanOutBatch(app: Parts): Promise<boolean> {
  let claimed: string | undefined;
  const batch = app.surely(async (tx, emit) => {
    const work = await claimCrosspost(tx);
    if (work === undefined) return false;
    claimed = work.message_id;
    // Read with the work locked: a change after this waits for it, and then asks for another round.
    const source = await findMessage(tx, { type: "guild", id: work.channel_id }, work.message_id, null);
    const step = work.next_webhook === null ? followUp : publish;
    await saveCrosspost(tx, await step(app, tx, emit, work, source));
    return true;
  });
  return batch.catch(async (error) => {
    // What fails must not keep the others waiting.
    if (claimed !== undefined) await postponeCrosspost(app.sql, claimed, RETRY_SECONDS);
    throw error;
  });
}

/** Copies a message to the next followers, while it is there. */
async function publish(
  app: Parts,
  tx: Transaction,
  emit: Emit,
  work: CrosspostWork,
  source: MessageRow | undefined,
): Promise<CrosspostWork> {
  if (source === undefined) return { ...work, next_webhook: null };
  const followers = await listFollowers(tx, work.channel_id, work.next_webhook ?? "0", BATCH);
  for (const follower of followers) await copyTo(app, tx, emit, follower, work, source);
  return { ...work, next_webhook: lastOf(followers) };
}

/** Where the next batch begins; null after the last. */
const lastOf = (rows: readonly { id: string }[]): string | null =>
  rows.length < BATCH ? null : (rows.at(-1)?.id ?? null);

async function copyTo(
  app: Parts,
  tx: Transaction,
  emit: Emit,
  follower: Follower,
  work: CrosspostWork,
  source: MessageRow,
): Promise<void> {
  const place = { type: "guild", id: follower.channel_id } as const;
  const id = app.nextId();
  const guildId = follower.server_id;
  const message = {
    id,
    place,
    authorId: null,
    webhookId: follower.id,
    webhookName: follower.name,
    webhookAvatar: follower.avatar,
    type: MessageType.Default,
    flags: MessageFlags.IsCrosspost | (source.flags & SHARED_FLAGS),
    content: source.content,
    embeds: source.embeds,
    attachments: source.attachments,
    components: source.components,
    tts: false,
    // Nobody is notified from afar.
    mentionEveryone: false,
    mentions: [],
    mentionRoles: [],
    reference: { messageId: source.id, channelId: work.channel_id, guildId: work.server_id },
    createdAt: new Date(),
    enforcedNonce: null,
  };
  await insertMessage(tx, message, guildLog(guildId), []);
  const row = await findMessage(tx, place, id, null);
  if (row === undefined) throw new Error("the copy just made is not there");
  const scene = { type: "webhook", guild: { id: guildId } } as const;
  for (const event of messageEvents("MESSAGE_CREATE", scene, wireMessage(row, app.cdn))) emit(event);
}

/** Gives the next copies what has become of their source. */
async function followUp(
  app: Parts,
  tx: Transaction,
  emit: Emit,
  work: CrosspostWork,
  source: MessageRow | undefined,
): Promise<CrosspostWork> {
  if (work.next_copy === null) return work;
  const copies = await listCopies(tx, work.message_id, work.next_copy, BATCH);
  for (const copy of copies) await changeCopy(app, tx, emit, copy, source);
  return { ...work, next_copy: lastOf(copies) };
}

async function changeCopy(app: Parts, tx: Transaction, emit: Emit, copy: Copy, source: MessageRow | undefined) {
  await updateMessage(tx, copy.id, source === undefined ? gone : sameAs(source), source?.edited_at ?? null);
  await replaceAttachments(tx, copy.id, source?.attachments ?? []);
  const row = await findMessage(tx, { type: "guild", id: copy.channel_id }, copy.id, null);
  if (row === undefined) return;
  const scene = { type: "webhook", guild: { id: copy.server_id } } as const;
  for (const event of messageEvents("MESSAGE_UPDATE", scene, wireMessage(row, app.cdn), row.version)) emit(event);
}

const gone: MessagePatch = {
  content: DELETED,
  embeds: [],
  components: [],
  setFlags: MessageFlags.SourceMessageDeleted,
  clearFlags: MessageFlags.IsComponentsV2,
};

function sameAs({ content, embeds, components, flags }: MessageRow): MessagePatch {
  return { content, embeds, components, setFlags: flags & SHARED_FLAGS, clearFlags: ~flags & SHARED_FLAGS };
}
