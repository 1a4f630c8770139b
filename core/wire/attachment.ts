import { AttachmentFlags } from "discord-api-types/v10";
import type { Cdn } from "../cdn.ts";

/** A file as one message has it. */
export interface AttachmentRow {
  id: string;
  /** Where it was uploaded; not where a copy of it is. */
  channel_id: string;
  filename: string;
  title: string | null;
  description: string | null;
  size: number;
  content_type: string;
  width: number | null;
  height: number | null;
  duration_secs: number | null;
  waveform: string | null;
  flags: number;
}

/** https://discord.com/developers/docs/resources/message#attachment-object */
function wireAttachment(row: AttachmentRow, cdn: Cdn) {
  const url = cdn.attachmentUrl(row);
  return {
    id: row.id,
    filename: row.filename,
    size: row.size,
    url,
    proxy_url: url,
    content_type: row.content_type,
    ...(row.width === null || row.height === null ? {} : { width: row.width, height: row.height }),
    ...(row.title === null ? {} : { title: row.title }),
    ...(row.description === null ? {} : { description: row.description }),
    ...(row.duration_secs === null ? {} : { duration_secs: row.duration_secs }),
    ...(row.waveform === null ? {} : { waveform: row.waveform }),
    ...(row.flags === 0 ? {} : { flags: row.flags }),
  };
}

type WireAttachment = ReturnType<typeof wireAttachment>;

export const isSpoiler = (filename: string): boolean => filename.startsWith("SPOILER_");

export const SPOILER: number = AttachmentFlags.IsSpoiler;
export const ANIMATED: number = AttachmentFlags.IsAnimated;

const REFERENCE = "attachment://";

/**
 * Embeds with URLs in place of `attachment://name`, and the attachments that no embed shows: only those are told as
 * attachments. https://discord.com/developers/docs/resources/message#message-object (attachments)
 */
export function wireEmbedsAndAttachments(
  embeds: readonly unknown[],
  rows: readonly AttachmentRow[],
  cdn: Cdn,
): { embeds: unknown[]; attachments: WireAttachment[] } {
  const attachments = rows.map((row) => wireAttachment(row, cdn));
  if (attachments.length === 0) return { embeds: [...embeds], attachments };
  const shown = new Set<string>();
  const find = (url: unknown): WireAttachment | undefined => {
    if (typeof url !== "string" || !url.startsWith(REFERENCE)) return undefined;
    const found = attachments.find(({ filename }) => filename === url.slice(REFERENCE.length));
    if (found !== undefined) shown.add(found.id);
    return found;
  };
  const resolved = embeds.map((embed) => resolveEmbed(embed, find));
  return { embeds: resolved, attachments: attachments.filter(({ id }) => !shown.has(id)) };
}

function resolveEmbed(embed: unknown, find: (url: unknown) => WireAttachment | undefined): unknown {
  if (typeof embed !== "object" || embed === null) return embed;
  return Object.fromEntries(
    Object.entries(embed).map(([name, part]) => {
      if (name === "image" || name === "thumbnail") return [name, withPicture(part, find(part?.url))];
      if (name === "author" || name === "footer") return [name, withIcon(part, find(part?.icon_url))];
      return [name, part];
    }),
  );
}

function withPicture(part: object, file: WireAttachment | undefined): object {
  if (file === undefined) return part;
  const { url, proxy_url, content_type, width, height } = file;
  return { ...part, url, proxy_url, content_type, ...(width === undefined ? {} : { width, height }) };
}

function withIcon(part: object, file: WireAttachment | undefined): object {
  return file === undefined ? part : { ...part, icon_url: file.url, proxy_icon_url: file.proxy_url };
}
