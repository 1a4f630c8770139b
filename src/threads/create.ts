import { AuditLogEvent, ChannelType, MessageFlags, MessageType } from "discord-api-types/v10";
import type { Transaction } from "../../core/db.ts";
import type { Event } from "../../core/event-log.ts";
import { snowflakeTime } from "../../core/snowflake.ts";
import type { ChannelRow } from "../../core/wire/channel.ts";
import { wireMessage } from "../../core/wire/message.ts";
import { type ThreadChannelRow, wireThread, wireThreadMember } from "../../core/wire/thread.ts";
import { demand, type InGuildChannel } from "../access.ts";
import { auditChange } from "../audit/entry.ts";
import { threadFields } from "../audit/fields.ts";
import { ApiError, invalidField } from "../errors.ts";
import { messageEvents } from "../messages/event.ts";
import { isSystemMessage } from "../messages/kinds.ts";
import { type Poster, postSystemMessage } from "../messages/system.ts";
import { findMessage, updateMessage } from "../store/messages.ts";
import { insertThreadMember, type ThreadMembership } from "../store/thread-members.ts";
import { findThread, insertThread } from "../store/threads.ts";
import type { ThreadCreate, ThreadFromMessage } from "./body.ts";
import { emitJoined, threadCreate } from "./event.ts";
import { demandRoom } from "./room.ts";

type Emit = (event: Event) => void;
const { GuildText, GuildAnnouncement, AnnouncementThread, PublicThread, PrivateThread } = ChannelType;

/** Three days, as Discord's clients preset it. */
const DEFAULT_DURATION = 4320;
/** A thread from a message that is older is told of by a message of its own; "very small", says the documentation. */
const OLD_MESSAGE_MS = 60_000;
/** Starts a thread from a message: the two have the same id. */
export async function startFromMessage(
  tx: Transaction,
  emit: Emit,
  where: InGuildChannel,
  messageId: string,
  app: Poster,
  body: ThreadFromMessage,
) {
  const { channel: parent } = where;
  const type = publicTypeIn(parent);
  if (type === undefined) throw new ApiError("WRONG_CHANNEL_TYPE");
  const message = await findMessage(tx, { type: "guild", id: parent.id }, messageId, null);
  if (message === undefined) throw new ApiError("UNKNOWN_MESSAGE");
  if (isSystemMessage(message)) throw new ApiError("SYSTEM_MESSAGE");
  if ((await findThread(tx, messageId)) !== undefined) throw new ApiError("THREAD_EXISTS");
  const started = await start(tx, emit, where, { ...body, id: messageId, type });
  await updateMessage(tx, messageId, { setFlags: MessageFlags.HasThread }, null);
  await emitMessage(app, tx, emit, where, messageId);
  await postSystemMessage(app, tx, emit, where, {
    id: app.nextId(),
    channelId: messageId,
    type: MessageType.ThreadStarterMessage,
    reference: { messageId, channelId: parent.id },
  });
  if (snowflakeTime(messageId) < Date.now() - OLD_MESSAGE_MS) {
    await announce(tx, emit, where, app, started.name, started.id);
  }
  return started;
}

/** Starts a thread that belongs to no message. */
export async function startWithoutMessage(
  tx: Transaction,
  emit: Emit,
  where: InGuildChannel,
  app: Poster,
  body: ThreadCreate,
) {
  const { channel: parent } = where;
  const type = body.type ?? PrivateThread;
  const possible: unknown[] = [publicTypeIn(parent), parent.type === GuildText ? PrivateThread : undefined];
  if (possible.every((one) => one === undefined)) throw new ApiError("WRONG_CHANNEL_TYPE");
  if (!possible.includes(type)) {
    throw invalidField(["type"], "BASE_TYPE_INVALID", "The channel can't have threads of this type.");
  }
  demand(where.permissions, [type === PrivateThread ? "CREATE_PRIVATE_THREADS" : "CREATE_PUBLIC_THREADS"]);
  const started = await start(tx, emit, where, { ...body, id: app.nextId(), type });
  if (type === PublicThread) await announce(tx, emit, where, app, started.name, started.id);
  return started;
}

/** What a new thread is, once its request is understood. */
export interface Start extends ThreadFromMessage {
  id: string;
  type: number;
  invitable?: boolean | null | undefined;
  tags?: readonly string[];
}

async function start(tx: Transaction, emit: Emit, where: InGuildChannel, body: Start) {
  const { thread, joined } = await openThread(tx, where.channel, where.me.userId, body, true);
  await emitThread(tx, emit, thread, joined);
  return answerOf(thread, joined);
}

/**
 * Stores a thread, and its starter as its first member; to tell of it is the caller's. The guild must be locked.
 * @param ownerId a user, or a webhook, which can't be a member
 */
export async function openThread(
  tx: Transaction,
  parent: ChannelRow,
  ownerId: string,
  body: Start,
  join: boolean,
): Promise<{ thread: ThreadChannelRow; joined: ThreadMembership | undefined }> {
  await demandRoom(tx, parent.server_id);
  await insertThread(tx, {
    id: body.id,
    guildId: parent.server_id,
    parentId: parent.id,
    type: body.type,
    private: body.type === PrivateThread,
    name: body.name,
    ownerId,
    autoArchiveMinutes: body.auto_archive_duration ?? parent.default_auto_archive_duration ?? DEFAULT_DURATION,
    rateLimitPerUser: body.rate_limit_per_user ?? parent.default_thread_rate_limit_per_user ?? 0,
    invitable: body.invitable ?? true,
    appliedTags: body.tags ?? [],
  });
  const joined = join ? await insertThreadMember(tx, body.id, ownerId) : undefined;
  const thread = await findThread(tx, body.id);
  if (thread === undefined) throw new Error("the thread just made is not there");
  return { thread, joined };
}

/** Tells of a new thread and of its first member. */
export async function emitThread(
  tx: Transaction,
  emit: Emit,
  thread: ThreadChannelRow,
  joined: ThreadMembership | undefined,
): Promise<void> {
  emit(threadCreate(thread));
  emit(auditChange(thread.server_id, AuditLogEvent.ThreadCreate, thread.id, null, threadFields(thread)));
  if (joined !== undefined) await emitJoined(tx, emit, thread, joined, true);
}

/** A thread as it is shown to who started it. */
export function answerOf(thread: ThreadChannelRow, joined: ThreadMembership | undefined) {
  return { ...wireThread(thread), ...(joined === undefined ? {} : { member: wireThreadMember(joined.row) }) };
}

/** The type of public threads in a channel, undefined where there are none. */
function publicTypeIn(parent: ChannelRow): number | undefined {
  if (parent.type === GuildAnnouncement) return AnnouncementThread;
  return parent.type === GuildText ? PublicThread : undefined;
}

/** The message in the parent that says that there is a thread. */
async function announce(
  tx: Transaction,
  emit: Emit,
  where: InGuildChannel,
  app: Poster,
  name: string,
  threadId: string,
): Promise<void> {
  await postSystemMessage(app, tx, emit, where, {
    id: app.nextId(),
    channelId: where.channel.id,
    type: MessageType.ThreadCreated,
    content: name,
    reference: { messageId: null, channelId: threadId },
  });
}

/** A message as it is now. */
async function emitMessage(app: Poster, tx: Transaction, emit: Emit, where: InGuildChannel, id: string): Promise<void> {
  const row = await findMessage(tx, { type: "guild", id: where.channel.id }, id, null);
  if (row === undefined) throw new ApiError("UNKNOWN_MESSAGE");
  for (const event of messageEvents("MESSAGE_UPDATE", where, wireMessage(row, app.cdn), row.version)) emit(event);
}
