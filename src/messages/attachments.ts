import { MessageFlags } from "discord-api-types/v10";
import { z } from "zod";
import { ANIMATED, type AttachmentRow, isSpoiler, SPOILER } from "../../core/wire/attachment.ts";
import type { App } from "../app.ts";
import { ApiError, invalidField } from "../errors.ts";
import { snowflake, text } from "../fields.ts";
import { contentTypeOf, isImage } from "../files/content-type.ts";
import type { Upload } from "../files/form.ts";
import { safeFilename, titleOf } from "../files/names.ts";
import { measure } from "../files/pictures.ts";
import { attachmentKey } from "../files/store.ts";
import { insertFiles } from "../store/files.ts";

const MAX_ATTACHMENTS = 10;

/** What a body says of files: of `files[n]` that come with it by n, of those that the message has by id. */
const described = z.object({
  id: snowflake,
  filename: text(1, 1024).nullish(),
  title: text(0, 1024).nullish(),
  description: text(0, 1024).nullish(),
  duration_secs: z.number().min(0).max(0x7fffffff).nullish(),
  waveform: z
    .string()
    .max(400)
    .regex(/^[A-Za-z0-9+/]*={0,2}$/, "Not base64.")
    .nullish(),
  is_spoiler: z.boolean().nullish(),
});

export const attachments = z.array(described).max(MAX_ATTACHMENTS);
type Described = z.infer<typeof described>;

/** What a message is to have. */
export interface AttachmentPlan {
  kept: AttachmentRow[];
  added: { upload: Upload; said: Described | undefined }[];
}

/**
 * Which files a message is to have: of those it has, the ones that the body names, or all where it names none; and all
 * that came. https://discord.com/developers/docs/resources/message#edit-message
 * @throws 50035 for an entry that is neither, 30015 for too many
 */
export function planAttachments(
  said: readonly Described[] | null | undefined,
  uploads: readonly Upload[],
  existing: readonly AttachmentRow[] = [],
): AttachmentPlan {
  const entries = [...(said ?? [])];
  for (const [i, { id }] of entries.entries()) {
    const known = uploads.some(({ index }) => String(index) === id) || existing.some((row) => row.id === id);
    if (!known) {
      throw invalidField(["attachments", i], "ATTACHMENT_NOT_FOUND", "Attachment data cannot be found.");
    }
  }
  const of = (id: string) => entries.findIndex((entry) => entry.id === id);
  const kept =
    said === undefined
      ? [...existing]
      : existing.flatMap((row) => {
          const entry = entries[of(row.id)];
          if (entry === undefined) return [];
          return [entry.description === undefined ? row : { ...row, description: entry.description || null }];
        });
  // In the order in which the body names them; those it does not name come last.
  const place = ({ index }: Upload) => (of(String(index)) === -1 ? MAX_ATTACHMENTS : of(String(index)));
  const added = [...uploads]
    .sort((a, b) => place(a) - place(b))
    .map((upload) => ({ upload, said: entries[of(String(upload.index))] }));
  if (kept.length + added.length > MAX_ATTACHMENTS) throw new ApiError("MAX_ATTACHMENTS");
  return { kept, added };
}

/** What the files of a message will be called, by which embeds and components name them. */
export const filenamesOf = ({ kept, added }: AttachmentPlan): string[] => [
  ...kept.map(({ filename }) => filename),
  ...added.map(({ upload, said }) => safeFilename(said?.filename || upload.filename)),
];

/** Puts the files that came into the file store. They are collected again if no message gets them. */
export async function storeUploads(
  app: App,
  channelId: string,
  added: AttachmentPlan["added"],
): Promise<AttachmentRow[]> {
  if (added.length === 0) return [];
  const rows = await Promise.all(added.map(({ upload, said }) => toRow(upload, said, app.nextId(), channelId)));
  await insertFiles(app.sql, rows);
  await Promise.all(rows.map(({ id }, i) => put(app, id, added[i]?.upload)));
  return rows;
}

async function put(app: App, id: string, upload: Upload | undefined): Promise<void> {
  if (upload !== undefined) await app.files.put(attachmentKey(id), upload);
}

async function toRow(
  upload: Upload,
  said: Described | undefined,
  id: string,
  channelId: string,
): Promise<AttachmentRow> {
  const name = said?.filename || upload.filename;
  const filename = safeFilename(name);
  const content_type = contentTypeOf(upload.head, filename);
  const size = isImage(content_type) ? await measure(upload.path) : null;
  const spoiler = said?.is_spoiler === true || isSpoiler(filename);
  return {
    id,
    channel_id: channelId,
    filename,
    title: said?.title || titleOf(name, filename),
    description: said?.description || null,
    size: upload.size,
    content_type,
    width: size?.width ?? null,
    height: size?.height ?? null,
    duration_secs: said?.duration_secs ?? null,
    waveform: said?.waveform ?? null,
    flags: (spoiler ? SPOILER : 0) | (size?.animated === true ? ANIMATED : 0),
  };
}

/**
 * A voice message is one audio file, with its length and a picture of its sound, and nothing else.
 * https://discord.com/developers/docs/resources/message#message-object-message-flags (IS_VOICE_MESSAGE)
 * @throws 50159, 50160, 50161
 */
export function checkVoiceMessage(
  body: {
    flags?: number | null | undefined;
    content?: string | null | undefined;
    embeds?: unknown[] | null | undefined;
  },
  { added }: AttachmentPlan,
): void {
  if (!isVoiceMessage(body.flags)) return;
  if (body.content || (body.embeds ?? []).length > 0) throw new ApiError("VOICE_MESSAGE_CONTENT");
  const [only, ...others] = added;
  if (only === undefined || others.length > 0) throw new ApiError("VOICE_MESSAGE_AUDIO");
  const { upload, said } = only;
  if (!contentTypeOf(upload.head, upload.filename).startsWith("audio/")) throw new ApiError("VOICE_MESSAGE_AUDIO");
  if (typeof said?.duration_secs !== "number" || !said.waveform) throw new ApiError("VOICE_MESSAGE_METADATA");
}

export const isVoiceMessage = (flags: number | null | undefined): boolean =>
  ((flags ?? 0) & MessageFlags.IsVoiceMessage) !== 0;
