import { MessageFlags } from "discord-api-types/v10";
import type { Transaction } from "../../core/db.ts";
import type { Event } from "../../core/event-log.ts";
import type { AttachmentRow } from "../../core/wire/attachment.ts";
import { type MessageRow, type WireMessage, wireMessage } from "../../core/wire/message.ts";
import type { App } from "../app.ts";
import { ApiError } from "../errors.ts";
import type { Upload } from "../files/form.ts";
import { replaceAttachments } from "../store/files.ts";
import { findMessage, type MessagePatch, type Place, updateMessage } from "../store/messages.ts";
import { isVoiceMessage, planAttachments, storeUploads } from "./attachments.ts";
import { type MessageEdit, richEmbed } from "./body.ts";
import { type MessageScene, messageEvents } from "./event.ts";
import { resolveMentions, type Sender } from "./mentions.ts";

/** What an edit makes of a message. */
export interface Edit {
  patch: MessagePatch;
  /** All that it is to have; null when they stay as they are. */
  attachments: AttachmentRow[] | null;
}

/** Whether an edit is of what a message says, and not of its flags alone. */
export const isOfContent = (body: MessageEdit, uploads: readonly Upload[]): boolean =>
  body.content !== undefined || body.embeds !== undefined || isOfFiles(body, uploads);

const isOfFiles = (body: MessageEdit, uploads: readonly Upload[]): boolean =>
  body.attachments !== undefined || uploads.length > 0;

/**
 * Checks an edit and stores the files that came with it; mentions are found anew in a new content.
 * @throws 50006 when it would leave nothing to show
 */
export async function prepareEdit(
  app: App,
  place: Place,
  before: MessageRow,
  body: MessageEdit,
  uploads: readonly Upload[],
  sender: Omit<Sender, "repliedTo">,
): Promise<Edit> {
  if (isVoiceMessage(before.flags) && isOfContent(body, uploads)) throw new ApiError("VOICE_MESSAGE_EDIT");
  const plan = planAttachments(body.attachments, uploads, before.attachments);
  const patch = await patchOf(app, before, body, sender);
  const content = patch.content ?? before.content;
  const embeds = patch.embeds ?? before.embeds;
  const hasFiles = plan.kept.length + plan.added.length > 0;
  if (!content.trim() && embeds.length === 0 && !hasFiles && before.snapshots === null) {
    throw new ApiError("EMPTY_MESSAGE");
  }
  if (!isOfFiles(body, uploads)) return { patch, attachments: null };
  return { patch, attachments: [...plan.kept, ...(await storeUploads(app, place.id, plan.added))] };
}

async function patchOf(
  app: App,
  before: MessageRow,
  body: MessageEdit,
  sender: Omit<Sender, "repliedTo">,
): Promise<MessagePatch> {
  const patch: MessagePatch = {};
  if (typeof body.flags === "number") {
    const suppress = (body.flags & MessageFlags.SuppressEmbeds) !== 0;
    patch[suppress ? "setFlags" : "clearFlags"] = MessageFlags.SuppressEmbeds;
  }
  if (body.embeds !== undefined) patch.embeds = (body.embeds ?? []).map(richEmbed);
  if (body.content === undefined) return patch;
  const content = body.content ?? "";
  const repliedTo = before.referenced?.author ?? null;
  const mentions = await resolveMentions(app.sql, content, body.allowed_mentions, { ...sender, repliedTo });
  return {
    ...patch,
    content,
    mentions: mentions.users.map((user) => user.id),
    mention_roles: mentions.roleIds,
    mention_everyone: mentions.everyone,
  };
}

/** Stores an edit and tells of it. @returns the message as `viewerId` sees it */
export async function storeEdit(
  app: Pick<App, "cdn">,
  tx: Transaction,
  emit: (event: Event) => void,
  where: MessageScene,
  place: Place,
  id: string,
  { patch, attachments }: Edit,
  viewerId: string | null,
): Promise<WireMessage> {
  const says = patch.content !== undefined || patch.embeds !== undefined || attachments !== null;
  await updateMessage(tx, id, patch, says ? new Date() : null);
  if (attachments !== null) await replaceAttachments(tx, id, attachments);
  const after = await findMessage(tx, place, id, viewerId);
  if (after === undefined) throw new ApiError("UNKNOWN_MESSAGE");
  const wire = wireMessage(after, app.cdn);
  for (const event of messageEvents("MESSAGE_UPDATE", where, wire, after.version)) emit(event);
  return wire;
}
