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
export function wireAttachment(row: AttachmentRow, cdn: Cdn) {
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
 * Embeds and components with URLs in place of `attachment://name`, and the attachments that neither shows: only those
 * are told as attachments. https://discord.com/developers/docs/resources/message#message-object (attachments)
 */
export function wireWithFiles(
  said: { embeds: readonly unknown[]; components: readonly unknown[] },
  rows: readonly AttachmentRow[],
  cdn: Cdn,
): { embeds: unknown[]; components: unknown[]; attachments: WireAttachment[] } {
  const attachments = rows.map((row) => wireAttachment(row, cdn));
  if (attachments.length === 0) return { embeds: [...said.embeds], components: [...said.components], attachments };
  const shown = new Set<string>();
  const find = (url: unknown): WireAttachment | undefined => {
    if (typeof url !== "string" || !url.startsWith(REFERENCE)) return undefined;
    const found = attachments.find(({ filename }) => filename === url.slice(REFERENCE.length));
    if (found !== undefined) shown.add(found.id);
    return found;
  };
  const embeds = said.embeds.map((embed) => resolveEmbed(embed, find));
  const components = said.components.map((component) => resolveComponent(component, find));
  return { embeds, components, attachments: attachments.filter(({ id }) => !shown.has(id)) };
}

type Find = (url: unknown) => WireAttachment | undefined;

/** A component, and those in it: thumbnails and galleries have `media`, file components a `file`. */
function resolveComponent(component: unknown, find: Find): unknown {
  if (typeof component !== "object" || component === null) return component;
  const file = "file" in component ? find(urlOf(component.file)) : undefined;
  const resolved = Object.fromEntries(
    Object.entries(component).map(([name, part]) => {
      if (name === "media") return [name, withMedia(part, find(urlOf(part)))];
      if (name === "file") return [name, withMedia(part, file)];
      if (name === "accessory") return [name, resolveComponent(part, find)];
      const holds = name === "components" || name === "items";
      return [name, holds && Array.isArray(part) ? part.map((one) => resolveComponent(one, find)) : part];
    }),
  );
  return file === undefined ? resolved : { ...resolved, name: file.filename, size: file.size };
}

const urlOf = (media: unknown): unknown =>
  typeof media === "object" && media !== null && "url" in media ? media.url : undefined;

/** https://discord.com/developers/docs/components/reference#unfurled-media-item */
function withMedia(part: object, file: WireAttachment | undefined): object {
  if (file === undefined) return part;
  const { id, url, proxy_url, content_type, width, height } = file;
  return {
    ...part,
    url,
    proxy_url,
    content_type,
    ...(width === undefined ? {} : { width, height }),
    attachment_id: id,
  };
}

function resolveEmbed(embed: unknown, find: Find): unknown {
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
