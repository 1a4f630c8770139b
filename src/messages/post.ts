import { ChannelType, MessageFlags } from "discord-api-types/v10";
import { has, Permission } from "../../core/permissions.ts";
import { guildLog, userLog } from "../../core/redis-keys.ts";
import { type MessageRow, type WireMessage, wireMessage } from "../../core/wire/message.ts";
import type { UserRow } from "../../core/wire/user.ts";
import { demand, type InChannel } from "../access.ts";
import type { App } from "../app.ts";
import { deliverable, publishAll } from "../change.ts";
import { isForum } from "../channels/body.ts";
import { checkLegacyFields, isLaidOut, prepareComponents } from "../components/check.ts";
import { textOf } from "../components/text.ts";
import { ApiError, invalidField } from "../errors.ts";
import type { Upload } from "../files/form.ts";
import { composePoll } from "../polls/body.ts";
import { emojiUser } from "../reactions/custom-emoji.ts";
import { insertMessage, type NewMessage } from "../store/insert-message.ts";
import { findMessage } from "../store/messages.ts";
import { isInThread, openForMessage } from "../threads/write.ts";
import {
  type AttachmentPlan,
  checkVoiceMessage,
  filenamesOf,
  isVoiceMessage,
  planAttachments,
  storeUploads,
} from "./attachments.ts";
import { type MessageCreate, richEmbed, type WebhookMessage } from "./body.ts";
import { messageEvents } from "./event.ts";
import { type Mentions, resolveMentions } from "./mentions.ts";
import { placeOf } from "./place.ts";
import { isForward, resolveReference } from "./reference.ts";

/** Channel types that hold messages. */
const TEXT_TYPES: readonly number[] = [
  ChannelType.GuildText,
  ChannelType.GuildVoice,
  ChannelType.GuildAnnouncement,
  ChannelType.GuildStageVoice,
  ChannelType.AnnouncementThread,
  ChannelType.PublicThread,
  ChannelType.PrivateThread,
];
/** Flags that a sender may set. https://discord.com/developers/docs/resources/message#message-object-message-flags */
const SETTABLE_FLAGS =
  MessageFlags.SuppressEmbeds |
  MessageFlags.SuppressNotifications |
  MessageFlags.IsVoiceMessage |
  MessageFlags.IsComponentsV2;

/** What bodies of messages have in common. */
type Said = Pick<WebhookMessage, "content" | "embeds" | "components" | "flags" | "tts"> & {
  sticker_ids?: unknown;
  poll?: unknown;
};

/** Posts a message as the caller. @returns it as Discord answers, with the nonce that was sent */
export async function postMessage(
  app: App,
  where: InChannel,
  body: MessageCreate,
  uploads: readonly Upload[],
): Promise<WireMessage> {
  const plan = planAttachments(body.attachments, uploads);
  checkMaySend(where, body, plan);
  const place = placeOf(where);
  const { referenced, snapshots, attachments = [], ...referring } = await resolveReference(app, where, body);
  const author = where.caller.user;
  const mentions = await resolveMentions(app.sql, textOf(body), body.allowed_mentions, {
    guildId: where.type === "guild" ? where.guild.id : null,
    mayMentionEveryone: where.type === "guild" && has(where.permissions, Permission.MENTION_EVERYONE),
    repliedTo: referenced?.author ?? null,
  });
  const content = contentOf(app, body, mentions, { applicationId: where.caller.applicationId, plan });
  const poll = body.poll ? await composePoll(app.sql, body.poll, emojiUser(where)) : undefined;
  const message: NewMessage = {
    ...content,
    attachments: [...attachments, ...(await storeUploads(app, place.id, plan.added))],
    place,
    inThread: isInThread(where),
    authorId: author.id,
    ...referring,
    ...(poll === undefined ? {} : { poll }),
    ...(snapshots === undefined ? {} : { snapshots, flags: content.flags | MessageFlags.HasSnapshot }),
    enforcedNonce: body.enforce_nonce === true ? (body.nonce ?? null) : null,
  };
  const wire = wireMessage(toRow(message, author, mentions.users, referenced), app.cdn);
  if (where.type === "dm") return store(app, where, message, wire, body.nonce ?? null);
  const giveBack = await app.slowmode.take(where, "message");
  const stored = openForMessage(app, where, message.mentions).then(() =>
    store(app, where, message, wire, body.nonce ?? null),
  );
  return stored.catch(async (error) => {
    await giveBack();
    throw error;
  });
}

/** What a message is whoever posts it: an id, a time, and what the body and its mentions say. */
export function contentOf(
  app: Pick<App, "nextId">,
  body: Said,
  mentions: Mentions,
  { applicationId, plan }: { applicationId: string | null; plan: AttachmentPlan },
) {
  const flags = (body.flags ?? 0) & SETTABLE_FLAGS;
  const sender = { applicationId, flags, filenames: filenamesOf(plan), nextId: app.nextId };
  if (isLaidOut(flags)) checkLegacyFields(body);
  return {
    id: app.nextId(),
    createdAt: new Date(),
    flags,
    content: body.content ?? "",
    embeds: (body.embeds ?? []).map(richEmbed),
    components: prepareComponents(body.components ?? [], sender),
    tts: body.tts ?? false,
    mentionEveryone: mentions.everyone,
    mentions: mentions.users.map((user) => user.id),
    mentionRoles: mentions.roleIds,
  };
}

/** @throws 50013 where the author may not show embeds */
export function checkEmbeds(permissions: bigint, embeds: Said["embeds"]): void {
  if ((embeds ?? []).length > 0) demand(permissions, ["EMBED_LINKS"]);
}

/** @throws 50006 when there is nothing to show */
export function checkNotEmpty(body: Said, { added }: AttachmentPlan): void {
  const lists = [body.embeds, body.components, added];
  if (!body.content?.trim() && !body.poll && lists.every((list) => (list ?? []).length === 0))
    throw new ApiError("EMPTY_MESSAGE");
}

function checkMaySend(where: InChannel, body: MessageCreate, plan: AttachmentPlan): void {
  if ((body.sticker_ids ?? []).length > 0) throw new ApiError("UNKNOWN_STICKER");
  if (isForward(body)) checkOnlyForward(body, plan);
  else checkNotEmpty(body, plan);
  checkVoiceMessage(body, plan);
  if (where.type === "dm") return;
  demandText(where.channel);
  if (body.tts === true && !has(where.permissions, Permission.SEND_TTS_MESSAGES)) {
    throw new ApiError("MISSING_PERMISSIONS");
  }
  checkEmbeds(where.permissions, body.embeds);
  if (body.poll) {
    demand(where.permissions, ["SEND_POLLS"]);
    checkPollChannel(where.channel);
  }
  if (isVoiceMessage(body.flags) && !has(where.permissions, Permission.SEND_VOICE_MESSAGES)) {
    throw new ApiError("NO_VOICE_MESSAGES");
  }
}

/** @throws 520002 for an announcement channel, whose messages others have copies of */
export function checkPollChannel({ type }: { type: number }): void {
  if (type === ChannelType.GuildAnnouncement) throw new ApiError("POLL_CHANNEL");
}

/** @throws 50008 for a channel that holds no messages, 40058 for a forum, whose posts do */
export function demandText({ type }: { type: number }): void {
  if (isForum(type)) throw new ApiError("FORUM_CHANNEL");
  if (!TEXT_TYPES.includes(type)) throw new ApiError("NOT_A_TEXT_CHANNEL");
}

/** A forward shows what somebody else said; nothing of the sender's own is mixed into it. */
function checkOnlyForward(body: MessageCreate, { added }: AttachmentPlan): void {
  for (const field of ["content", "embeds", "components"] as const) {
    if (!body[field]?.length) continue;
    throw invalidField([field], "BASE_TYPE_INVALID", "A forward can't have anything of its own.");
  }
  if (body.poll) throw invalidField(["poll"], "BASE_TYPE_INVALID", "A forward can't have anything of its own.");
  if (added.length > 0) {
    throw invalidField(["attachments"], "BASE_TYPE_INVALID", "A forward can't have anything of its own.");
  }
}

export function toRow(
  m: NewMessage,
  author: UserRow | null,
  mentioned: UserRow[],
  referenced: MessageRow | null,
): MessageRow {
  return {
    id: m.id,
    channel_id: m.place.type === "guild" ? m.place.id : null,
    dm_channel_id: m.place.type === "dm" ? m.place.id : null,
    author_id: m.authorId,
    author,
    webhook_id: m.webhookId ?? null,
    webhook_name: m.webhookName ?? null,
    webhook_avatar: m.webhookAvatar ?? null,
    application_id: m.applicationId ?? null,
    interaction: m.interaction ?? null,
    interaction_users: null,
    type: m.type,
    flags: m.flags,
    content: m.content,
    embeds: m.embeds,
    attachments: [...(m.attachments ?? [])],
    components: m.components,
    tts: m.tts,
    pinned_at: null,
    poll: m.poll === undefined ? null : { asked: m.poll.asked, expires_at: m.poll.expiresAt, ended: false, counts: [] },
    snapshots: m.snapshots === undefined ? null : [...m.snapshots],
    mention_everyone: m.mentionEveryone,
    mentioned,
    mention_roles: [...m.mentionRoles],
    reference_message_id: m.reference?.messageId ?? null,
    reference_channel_id: m.reference?.channelId ?? null,
    reference_server_id: m.reference?.guildId ?? null,
    created_at: m.createdAt,
    edited_at: null,
    version: "0",
    reactions: [],
    thread: null,
    referenced,
  };
}

/** Writes the message and its deliveries in one statement, then publishes; the hot path of the platform. */
async function store(
  app: App,
  where: InChannel,
  message: NewMessage,
  wire: WireMessage,
  nonce: string | null,
): Promise<WireMessage> {
  const answer = nonce === null ? wire : { ...wire, nonce };
  const events = messageEvents("MESSAGE_CREATE", where, answer);
  const log = where.type === "guild" ? guildLog(where.guild.id) : userLog(where.recipientId);
  const inserted = await insertMessage(app.sql, message, log, deliverable(events));
  if (!inserted.made) {
    const earlier = await findMessage(app.sql, message.place, inserted.id, where.caller.user.id);
    if (earlier === undefined) throw new ApiError("UNKNOWN_MESSAGE");
    const again = { ...wireMessage(earlier, app.cdn), ...(nonce === null ? {} : { nonce }) };
    // Whoever stored it may have died before it could tell.
    await app.eventLog.publish(messageEvents("MESSAGE_CREATE", where, again));
    return again;
  }
  // A conversation's event goes to two logs; only one was looked at.
  await publishAll(app.eventLog, events, where.type === "guild" ? inserted.outboxPending : undefined);
  return answer;
}
