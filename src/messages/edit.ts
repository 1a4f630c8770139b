import { MessageFlags } from "discord-api-types/v10";
import type { Transaction } from "../../core/db.ts";
import type { Event } from "../../core/event-log.ts";
import type { AttachmentRow } from "../../core/wire/attachment.ts";
import { type MessageRow, type WireMessage, wireMessage } from "../../core/wire/message.ts";
import type { App } from "../app.ts";
import { checkLegacyFields, isLaidOut, prepareComponents } from "../components/check.ts";
import { textOf } from "../components/text.ts";
import { ApiError, invalidField } from "../errors.ts";
import type { Upload } from "../files/form.ts";
import { composePoll, type NewPoll, type PollCreate } from "../polls/body.ts";
import type { EmojiUser } from "../reactions/custom-emoji.ts";
import { followChange } from "../store/crossposts.ts";
import { replaceAttachments } from "../store/files.ts";
import { findMessage, type MessagePatch, type Place, updateMessage } from "../store/messages.ts";
import { addPoll } from "../store/polls.ts";
import { type AttachmentPlan, filenamesOf, isVoiceMessage, planAttachments, storeUploads } from "./attachments.ts";
import { type MessageEdit, richEmbed } from "./body.ts";
import { type MessageScene, messageEvents } from "./event.ts";
import { resolveMentions, type Sender } from "./mentions.ts";

/** What an edit makes of a message. */
export interface Edit {
  patch: MessagePatch;
  /** All that it is to have; null when they stay as they are. */
  attachments: AttachmentRow[] | null;
  /** A deferred answer's. */
  poll?: NewPoll;
}

/** Whether an edit is of what a message says, and not of its flags alone. */
export const isOfContent = (body: MessageEdit, uploads: readonly Upload[]): boolean =>
  body.content !== undefined || body.embeds !== undefined || body.components !== undefined || isOfFiles(body, uploads);

const isOfFiles = (body: MessageEdit, uploads: readonly Upload[]): boolean =>
  body.attachments !== undefined || uploads.length > 0;

/**
 * Checks an edit and stores the files that came with it; mentions are found anew in a new content.
 * @param sender whose `polls` are given where a poll may be added: who asks
 * @throws 50006 when it would leave nothing to show
 */
export async function prepareEdit(
  app: App,
  place: Place,
  before: MessageRow,
  body: MessageEdit,
  uploads: readonly Upload[],
  sender: Omit<Sender, "repliedTo"> & { polls?: EmojiUser | null },
): Promise<Edit> {
  if (before.poll && isOfContent(body, uploads)) throw new ApiError("POLL_EDIT");
  if (isVoiceMessage(before.flags) && isOfContent(body, uploads)) throw new ApiError("VOICE_MESSAGE_EDIT");
  const plan = planAttachments(body.attachments, uploads, before.attachments);
  const flags = before.flags | ((body.flags ?? 0) & MessageFlags.IsComponentsV2);
  const patch: MessagePatch = {
    ...(await patchOf(app, before, body, sender)),
    ...layoutOf(app, before, body, flags, plan),
  };
  const content = patch.content ?? before.content;
  const embeds = patch.embeds ?? before.embeds;
  const components = patch.components ?? before.components;
  if (isLaidOut(flags)) checkLegacyFields({ content, embeds, poll: body.poll });
  const poll = body.poll ? await pollOf(app, before, body.poll, sender.polls) : undefined;
  const hasFiles = plan.kept.length + plan.added.length > 0;
  const shows = content.trim() !== "" || embeds.length + components.length > 0 || hasFiles;
  if (!shows && before.snapshots === null && !before.poll && poll === undefined) {
    throw new ApiError("EMPTY_MESSAGE");
  }
  if ((before.flags & MessageFlags.Loading) !== 0) {
    patch.clearFlags = (patch.clearFlags ?? 0) | MessageFlags.Loading;
  }
  const asked = poll === undefined ? {} : { poll };
  if (!isOfFiles(body, uploads)) return { patch, attachments: null, ...asked };
  return { patch, attachments: [...plan.kept, ...(await storeUploads(app, place.id, plan.added))], ...asked };
}

/**
 * A message is given a poll as it is made, or where an application has only been thinking, for all to see.
 * https://discord.com/developers/docs/resources/webhook#edit-webhook-message
 */
async function pollOf(
  app: App,
  before: MessageRow,
  body: PollCreate,
  author: EmojiUser | null | undefined,
): Promise<NewPoll> {
  const waits = (before.flags & MessageFlags.Loading) !== 0 && (before.flags & MessageFlags.Ephemeral) === 0;
  if (!waits || author === undefined)
    throw invalidField(["poll"], "BASE_TYPE_INVALID", "A poll can't be added to this message.");
  return composePoll(app.sql, body, author);
}

/** What an edit makes of the components. A message that has come to be laid out by them stays so. */
function layoutOf(
  app: App,
  before: MessageRow,
  body: MessageEdit,
  flags: number,
  plan: AttachmentPlan,
): Pick<MessagePatch, "components" | "setFlags"> {
  const laidOut = flags & MessageFlags.IsComponentsV2;
  const set = laidOut === 0 ? {} : { setFlags: laidOut | ((body.flags ?? 0) & MessageFlags.SuppressEmbeds) };
  if (body.components === undefined) return set;
  const applicationId = before.application_id ?? (before.author?.bot === true ? before.author.id : null);
  const sender = { applicationId, flags, filenames: filenamesOf(plan), nextId: app.nextId };
  return { ...set, components: prepareComponents(body.components ?? [], sender) };
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
  const mentionsAnew =
    body.content !== undefined || (isLaidOut(before.flags | (body.flags ?? 0)) && body.components !== undefined);
  if (!mentionsAnew) return patch;
  const content = body.content === undefined ? before.content : (body.content ?? "");
  const repliedTo = before.referenced?.author ?? null;
  const said = textOf({ content, components: body.components });
  const mentions = await resolveMentions(app.sql, said, body.allowed_mentions, { ...sender, repliedTo });
  return {
    ...patch,
    ...(body.content === undefined ? {} : { content }),
    mentions: mentions.users.map((user) => user.id),
    mention_roles: mentions.roleIds,
    mention_everyone: mentions.everyone,
  };
}

/** What an application says where it has only been thinking is no edit. */
export const isFirst = ({ clearFlags = 0 }: MessagePatch): boolean => (clearFlags & MessageFlags.Loading) !== 0;

/** Stores an edit and tells of it. @returns the message as `viewerId` sees it */
export async function storeEdit(
  app: Pick<App, "cdn">,
  tx: Transaction,
  emit: (event: Event) => void,
  where: MessageScene,
  place: Place,
  id: string,
  { patch, attachments, poll }: Edit,
  viewerId: string | null,
): Promise<WireMessage> {
  const { content, embeds, components } = patch;
  const says = [content, embeds, components].some((part) => part !== undefined) || attachments !== null;
  await updateMessage(tx, id, patch, says && !isFirst(patch) ? new Date() : null);
  if (attachments !== null) await replaceAttachments(tx, id, attachments);
  if (poll !== undefined) await addPoll(tx, id, poll);
  const after = await findMessage(tx, place, id, viewerId);
  if (after === undefined) throw new ApiError("UNKNOWN_MESSAGE");
  if ((after.flags & MessageFlags.Crossposted) !== 0) await followChange(tx, id);
  const wire = wireMessage(after, app.cdn);
  for (const event of messageEvents("MESSAGE_UPDATE", where, wire, after.version)) emit(event);
  return wire;
}
