import { ChannelType, MessageType } from "discord-api-types/v10";
import type { Transaction } from "../../core/db.ts";
import type { Event } from "../../core/event-log.ts";
import { has, Permission } from "../../core/permissions.ts";
import { guildLog } from "../../core/redis-keys.ts";
import type { AttachmentRow } from "../../core/wire/attachment.ts";
import { wireMessage } from "../../core/wire/message.ts";
import { demand, type InGuildChannel } from "../access.ts";
import type { App } from "../app.ts";
import { applicableTags } from "../channels/tags.ts";
import { textOf } from "../components/text.ts";
import { invalidField } from "../errors.ts";
import { type AttachmentPlan, checkVoiceMessage } from "../messages/attachments.ts";
import { messageEvents } from "../messages/event.ts";
import { resolveMentions } from "../messages/mentions.ts";
import { checkEmbeds, checkNotEmpty, contentOf, toRow } from "../messages/post.ts";
import { insertMessage, type NewMessage } from "../store/insert-message.ts";
import type { ThreadCreate } from "./body.ts";
import { answerOf, emitThread, openThread } from "./create.ts";

/** What came with a post. */
interface Files {
  plan: AttachmentPlan;
  /** In the file store already: that may take longer than a transaction should. */
  stored: readonly AttachmentRow[];
}

/**
 * Posts into a forum or media channel: a thread with its first message, which has the same id.
 * https://discord.com/developers/docs/resources/channel#start-thread-in-forum-or-media-channel
 */
export async function startPost(
  app: App,
  tx: Transaction,
  emit: (event: Event) => void,
  where: InGuildChannel,
  body: ThreadCreate,
  files: Files,
) {
  const { channel: forum, permissions, caller, guild } = where;
  demand(permissions, ["SEND_MESSAGES"]);
  if (body.message === undefined) {
    throw invalidField(["message"], "BASE_TYPE_REQUIRED", "This field is required");
  }
  checkNotEmpty(body.message, files.plan);
  checkVoiceMessage(body.message, files.plan);
  checkEmbeds(permissions, body.message.embeds);
  const tags = applicableTags(forum, [], body.applied_tags ?? [], permissions);
  const mentions = await resolveMentions(tx, textOf(body.message), body.message.allowed_mentions, {
    guildId: guild.id,
    mayMentionEveryone: has(permissions, Permission.MENTION_EVERYONE),
    repliedTo: null,
  });
  const content = contentOf(app, body.message, mentions, { applicationId: caller.applicationId, plan: files.plan });
  const { id } = content;
  const { thread, joined } = await openThread(
    tx,
    forum,
    caller.user.id,
    { ...body, id, type: ChannelType.PublicThread, tags },
    true,
  );
  const message: NewMessage = {
    ...content,
    attachments: files.stored,
    place: { type: "guild", id },
    authorId: caller.user.id,
    type: MessageType.Default,
    reference: null,
    enforcedNonce: null,
  };
  await insertMessage(tx, message, guildLog(guild.id), []);
  const shown = { ...thread, last_message_id: id };
  await emitThread(tx, emit, shown, joined);
  const wire = wireMessage(toRow(message, caller.user, mentions.users, null), app.cdn);
  for (const event of messageEvents("MESSAGE_CREATE", where, wire)) emit(event);
  return { ...answerOf(shown, joined), message: wire };
}
