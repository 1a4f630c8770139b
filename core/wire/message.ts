import { MessageFlags, MessageReferenceType, MessageType } from "discord-api-types/v10";
import type { Cdn } from "../cdn.ts";
import { type AttachmentRow, wireWithFiles } from "./attachment.ts";
import { type InteractionAbout, type UsersById, wireInteraction } from "./interaction.ts";
import { impersonalPoll, type PollRow, wirePoll } from "./poll.ts";
import { type ReactionRow, wireReaction } from "./reaction.ts";
import { type ThreadChannelRow, wireThread } from "./thread.ts";
import { wireTime, wireTimeOrNull } from "./time.ts";
import { deletedUser, type UserRow, type WireUser, wireUser } from "./user.ts";

export interface MessageRow {
  id: string;
  channel_id: string | null;
  dm_channel_id: string | null;
  author_id: string | null;
  author: UserRow | null;
  webhook_id: string | null;
  webhook_name: string | null;
  webhook_avatar: string | null;
  application_id: string | null;
  /** What it answers, and who is named in that. */
  interaction: InteractionAbout | null;
  interaction_users: UsersById | null;
  type: number;
  flags: number;
  content: string;
  embeds: unknown[];
  attachments: AttachmentRow[];
  components: unknown[];
  tts: boolean;
  pinned_at: Date | null;
  /** A forward: what was forwarded. */
  snapshots: MessageSnapshot[] | null;
  /** Undefined in what is kept as JSON and older than polls. */
  poll: PollRow | null | undefined;
  mention_everyone: boolean;
  mentioned: UserRow[];
  mention_roles: string[];
  reference_message_id: string | null;
  reference_channel_id: string | null;
  reference_server_id: string | null;
  created_at: Date;
  edited_at: Date | null;
  version: string;
  /** In the order in which the emoji were first used. */
  reactions: ReactionRow[];
  /** The thread that was started from it. */
  thread: ThreadChannelRow | null;
  /** The message replied to, when it was asked for and still exists. */
  referenced: MessageRow | null;
}

/** Those that name another message: replies, and the first message of a thread that was started from one. */
const REFERRING: readonly number[] = [MessageType.Reply, MessageType.ThreadStarterMessage];

/** https://discord.com/developers/docs/resources/message#message-object */
export function wireMessage(row: MessageRow, cdn: Cdn) {
  return {
    ...wireBasicMessage(row, cdn),
    ...(REFERRING.includes(row.type)
      ? { referenced_message: row.referenced === null ? null : wireBasicMessage(row.referenced, cdn) }
      : {}),
  };
}

export type WireMessage = ReturnType<typeof wireMessage>;

/**
 * A message as events tell it. Which reactions and votes are one's own differs from reader to reader, and an event is the same
 * for all; libraries keep the reactions that they know when an update names none.
 */
export function withoutReactions(message: WireMessage) {
  const { referenced_message: referenced, ...own } = message;
  const rest = impersonal(own);
  if (!referenced) return referenced === undefined ? rest : { ...rest, referenced_message: null };
  return { ...rest, referenced_message: impersonal(referenced) };
}

function impersonal({ reactions: _own, ...message }: ReturnType<typeof wireBasicMessage>) {
  return message.poll === undefined ? message : { ...message, poll: impersonalPoll(message.poll) };
}

function wireBasicMessage(row: MessageRow, cdn: Cdn) {
  return {
    id: row.id,
    channel_id: row.channel_id ?? row.dm_channel_id ?? "0",
    author: wireAuthor(row),
    ...wireContent(row, cdn),
    mention_everyone: row.mention_everyone,
    pinned: row.pinned_at !== null,
    tts: row.tts,
    ...(row.webhook_id === null ? {} : { webhook_id: row.webhook_id }),
    ...(row.application_id === null ? {} : { application_id: row.application_id }),
    ...wireInteraction(row.interaction, row.interaction_users ?? {}),
    ...(row.thread === null ? {} : { thread: wireThread(row.thread) }),
    ...wireReference(row),
    ...(row.poll ? { poll: wirePoll(row.poll) } : {}),
    ...(row.reactions.length === 0 ? {} : { reactions: row.reactions.map(wireReaction) }),
  };
}

/** What a message says: all that a forward takes along, but for its files. */
function saidIn(row: MessageRow) {
  return {
    type: row.type,
    content: row.content,
    mentions: row.mentioned.map(wireUser),
    mention_roles: row.mention_roles,
    embeds: (row.flags & MessageFlags.SuppressEmbeds) === 0 ? row.embeds : [],
    components: row.components,
    timestamp: wireTime(row.created_at),
    edited_timestamp: wireTimeOrNull(row.edited_at),
    flags: row.flags,
  };
}

/** What a forward keeps of a message. URLs of files end, so they are made anew whenever it is told. */
export function snapshotOf(row: MessageRow) {
  return { message: saidIn(row) };
}

export type MessageSnapshot = ReturnType<typeof snapshotOf>;

/** What a message says, with its files; those of a forward are its snapshot's. */
function wireContent(row: MessageRow, cdn: Cdn) {
  const said = saidIn(row);
  if (row.snapshots === null) return { ...said, ...wireWithFiles(said, row.attachments, cdn) };
  const snapshots = row.snapshots.map(({ message }) => ({
    message: { ...message, ...wireWithFiles(message, row.attachments, cdn) },
  }));
  return { ...said, attachments: [], message_snapshots: snapshots };
}

function wireReference(row: MessageRow) {
  if (row.reference_channel_id === null) return {};
  return {
    message_reference: {
      type: row.snapshots === null ? MessageReferenceType.Default : MessageReferenceType.Forward,
      channel_id: row.reference_channel_id,
      ...(row.reference_message_id === null ? {} : { message_id: row.reference_message_id }),
      ...(row.reference_server_id === null ? {} : { guild_id: row.reference_server_id }),
    },
  };
}

/**
 * A webhook's message has the webhook for author, under the name it was posted with; an answer to an interaction, the
 * application's bot.
 */
function wireAuthor(row: MessageRow): WireUser {
  if (row.webhook_id !== null && row.author === null) {
    return wireUser({
      id: row.webhook_id,
      username: row.webhook_name ?? "Webhook",
      discriminator: "0000",
      global_name: null,
      avatar: row.webhook_avatar,
      banner: null,
      accent_color: null,
      bot: true,
      flags: "0",
    });
  }
  return row.author === null ? deletedUser : wireUser(row.author);
}
