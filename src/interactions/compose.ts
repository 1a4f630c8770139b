import { InteractionType, MessageFlags, MessageType } from "discord-api-types/v10";
import type { Transaction } from "../../core/db.ts";
import type { Event } from "../../core/event-log.ts";
import { has, Permission } from "../../core/permissions.ts";
import { guildLog, userLog } from "../../core/redis-keys.ts";
import { type InteractionAbout, type UsersById, usersOf } from "../../core/wire/interaction.ts";
import { type MessageRow, type WireMessage, wireMessage, withoutReactions } from "../../core/wire/message.ts";
import type { App } from "../app.ts";
import { textOf } from "../components/text.ts";
import { invalidField } from "../errors.ts";
import type { Upload } from "../files/form.ts";
import { checkVoiceMessage, planAttachments, storeUploads } from "../messages/attachments.ts";
import { type MessageScene, messageEvents } from "../messages/event.ts";
import { resolveMentions } from "../messages/mentions.ts";
import { checkNotEmpty, contentOf, toRow } from "../messages/post.ts";
import { composePoll, type NewPoll, type PollCreate } from "../polls/body.ts";
import type { EmojiUser } from "../reactions/custom-emoji.ts";
import { insertEphemeral } from "../store/ephemeral-messages.ts";
import { insertMessage, type NewMessage } from "../store/insert-message.ts";
import { attachToInteraction, type InteractionRow, placeOfInteraction } from "../store/interactions.ts";
import { findUsers } from "../store/users.ts";
import type { ResponseMessage } from "./body.ts";
import type { Source } from "./original.ts";

type Emit = (event: Event) => void;

/** A message of an application that is ready to be stored. */
export interface Composed {
  message: NewMessage;
  row: MessageRow;
  ephemeral: boolean;
}

/** What it may mention: what an application may is known from when it was invoked. */
export function senderOf(interaction: InteractionRow) {
  return {
    guildId: interaction.server_id,
    mayMentionEveryone: has(BigInt(interaction.app_permissions), Permission.MENTION_EVERYONE),
  };
}

/**
 * Readies an answer, with its files stored.
 * @param more the message that it replies to, and its files when they are stored already
 */
export async function compose(
  app: App,
  interaction: InteractionRow,
  body: ResponseMessage,
  uploads: readonly Upload[],
  more: {
    answersTo?: Source | undefined;
    originalId?: string | undefined;
    attachments?: NewMessage["attachments"] | undefined;
  },
): Promise<Composed> {
  const { answersTo, originalId } = more;
  const plan = planAttachments(body.attachments, uploads);
  checkNotEmpty(body, plan);
  checkVoiceMessage(body, plan);
  const replied = answersTo === undefined || answersTo.ephemeral ? null : answersTo.message;
  const mentions = await resolveMentions(app.sql, textOf(body), body.allowed_mentions, {
    ...senderOf(interaction),
    repliedTo: null,
  });
  const said = contentOf(app, body, mentions, { applicationId: interaction.application_id, plan });
  const ephemeral = isEphemeral(body.flags);
  const poll = body.poll ? await pollOf(app, interaction, body.poll, ephemeral) : undefined;
  return build(app, interaction, {
    ...said,
    ...(poll === undefined ? {} : { poll }),
    flags: said.flags | (ephemeral ? MessageFlags.Ephemeral : 0),
    attachments: more.attachments ?? (await storeUploads(app, placeOfInteraction(interaction).id, plan.added)),
    mentioned: mentions.users,
    replied,
    repliesTo: answersTo?.message.id,
    originalId,
  });
}

/** The bot; null for an application without one. */
export function emojiUserOf({ application, server_id: guildId, app_permissions }: InteractionRow): EmojiUser | null {
  const { bot } = application;
  return bot === null ? null : { userId: bot.id, guildId, permissions: BigInt(app_permissions) };
}

/** @throws 50035 for what one person alone would see */
async function pollOf(app: App, interaction: InteractionRow, body: PollCreate, ephemeral: boolean): Promise<NewPoll> {
  if (ephemeral) throw invalidField(["poll"], "BASE_TYPE_INVALID", "A poll is for everybody in the channel to see.");
  return composePoll(app.sql, body, emojiUserOf(interaction));
}

const isEphemeral = (flags: number | null | undefined): boolean => ((flags ?? 0) & MessageFlags.Ephemeral) !== 0;

/** The message that stands while the application thinks. */
export function composeLoading(
  app: App,
  interaction: InteractionRow,
  flags: number | null | undefined,
  answersTo: Source | undefined,
): Promise<Composed> {
  return build(app, interaction, {
    id: app.nextId(),
    createdAt: new Date(),
    flags: MessageFlags.Loading | (isEphemeral(flags) ? MessageFlags.Ephemeral : 0),
    content: "",
    embeds: [],
    components: [],
    tts: false,
    mentionEveryone: false,
    mentions: [],
    mentionRoles: [],
    attachments: [],
    mentioned: [],
    replied: answersTo === undefined || answersTo.ephemeral ? null : answersTo.message,
    repliesTo: answersTo?.message.id,
  });
}

type Content = ReturnType<typeof contentOf> & {
  poll?: NewPoll;
  attachments: NonNullable<NewMessage["attachments"]>;
  mentioned: MessageRow["mentioned"];
  replied: MessageRow | null;
  repliesTo?: string | undefined;
  originalId?: string | undefined;
};

async function build(app: App, interaction: InteractionRow, content: Content): Promise<Composed> {
  const { mentioned, replied, repliesTo, originalId, ...said } = content;
  const { bot, name, icon } = interaction.application;
  const place = placeOfInteraction(interaction);
  const about: InteractionAbout = {
    ...interaction.about,
    ...(originalId === undefined ? {} : { original_id: originalId }),
  };
  const message: NewMessage = {
    ...said,
    place,
    inThread: interaction.in_thread,
    authorId: bot?.id ?? null,
    // The application stands in for a webhook: its token is what the message is changed with.
    webhookId: interaction.application_id,
    webhookName: name,
    webhookAvatar: icon,
    applicationId: interaction.application_id,
    interaction: about,
    type: repliesTo === undefined ? commandMessageType(interaction.about) : MessageType.Reply,
    reference:
      repliesTo === undefined ? null : { messageId: repliesTo, channelId: place.id, guildId: interaction.server_id },
    enforcedNonce: null,
  };
  const users = await usersById(app, about);
  const row = { ...toRow(message, bot, mentioned, replied), interaction_users: users };
  return { message, row, ephemeral: isEphemeral(said.flags) };
}

async function usersById(app: App, about: InteractionAbout): Promise<UsersById> {
  const users = await findUsers(app.sql, usersOf(about));
  return Object.fromEntries(users.map((user) => [user.id, user]));
}

/** https://discord.com/developers/docs/resources/message#message-object-message-types */
function commandMessageType({ type, target_user_id: user, target_message_id: message }: InteractionAbout): MessageType {
  if (type !== InteractionType.ApplicationCommand) return MessageType.Default;
  return user === undefined && message === undefined ? MessageType.ChatInputCommand : MessageType.ContextMenuCommand;
}

/** Stores a message and tells of it: everybody in the channel, or the one person whom it is for. */
export async function store(
  app: App,
  tx: Transaction,
  emit: Emit,
  interaction: InteractionRow,
  { message, row, ephemeral }: Composed,
): Promise<WireMessage> {
  const wire = wireMessage(row, app.cdn);
  if (ephemeral) {
    await insertEphemeral(tx, { message: row, interactionId: interaction.id, userId: interaction.user_id });
    const ids = row.attachments.map(({ id }) => id);
    await attachToInteraction(tx, interaction.id, ids);
    emit(ephemeralEvent("MESSAGE_CREATE", interaction, wire));
    return wire;
  }
  const log = interaction.server_id === null ? userLog(interaction.user_id) : guildLog(interaction.server_id);
  await insertMessage(tx, message, log, []);
  for (const event of messageEvents("MESSAGE_CREATE", sceneOf(interaction), wire)) emit(event);
  return wire;
}

/** Where events of the application's messages go. */
export function sceneOf({ server_id: guildId, user_id: recipientId, application }: InteractionRow): MessageScene {
  if (guildId !== null) return { type: "webhook", guild: { id: guildId } };
  return { type: "dm", caller: { user: { id: application.bot?.id ?? recipientId } }, recipientId };
}

/** It goes to the log of the one person alone, who gets it by RESUME as well; nobody else's log has it. */
export function ephemeralEvent(
  t: "MESSAGE_CREATE" | "MESSAGE_UPDATE",
  interaction: Pick<InteractionRow, "server_id" | "user_id">,
  message: WireMessage,
  version?: string,
): Event {
  const guildId = interaction.server_id;
  return {
    t,
    userId: interaction.user_id,
    ...(guildId === null ? {} : { guildId }),
    channelId: message.channel_id,
    authorId: message.author.id,
    mentions: message.mentions.map(({ id }) => id),
    ...(version === undefined ? { id: `created:${message.id}` } : { entity: `message:${message.id}`, version }),
    data: { ...withoutReactions(message), ...(guildId === null ? {} : { guild_id: guildId }) },
  };
}
