import type { App } from "../app.ts";
import { type ApiError, invalidField } from "../errors.ts";
import { noteImage } from "../store/images.ts";
import { contentTypeOf, HEAD_BYTES, isImage } from "./content-type.ts";
import { inspect } from "./pictures.ts";
import { imageKey } from "./store.ts";

/** https://discord.com/developers/docs/reference#image-data */
export const MAX_IMAGE_BYTES = 10 * 1024 * 1024;
const PREFIX = /^data:image\/(png|jpe?g|gif|webp|avif);base64$/;

/** What a body with images may have in bytes: base64 takes four for three. */
export const IMAGE_BODY_BYTES: number = 2 * (MAX_IMAGE_BYTES / 3) * 4;

/**
 * Stores the images that a body brings in these fields, as data URIs.
 * @returns their hashes; null for a field that is null, nothing for one that is absent
 * @throws 50035 for what is no image, is too large, or can't be read
 */
export async function storeImages<F extends string>(
  app: Pick<App, "sql" | "files" | "incoming">,
  body: Partial<Record<F, string | null | undefined>>,
  fields: readonly F[],
): Promise<Partial<Record<F, string | null>>> {
  const hashes: Partial<Record<F, string | null>> = {};
  for (const field of fields) {
    const data = body[field];
    if (data !== undefined) hashes[field] = data === null || data === "" ? null : await storeImage(app, data, field);
  }
  return hashes;
}

async function storeImage(app: Pick<App, "sql" | "files" | "incoming">, data: string, field: string): Promise<string> {
  const hash = await storePicture(app, bytesOf(data, field));
  if (hash === null) throw invalid(field);
  return hash;
}

/** Stores an image. @returns its hash; null for what is none, or can't be read */
export async function storePicture(
  app: Pick<App, "sql" | "files" | "incoming">,
  bytes: Buffer,
): Promise<string | null> {
  if (!isImage(contentTypeOf(bytes.subarray(0, HEAD_BYTES), ""))) return null;
  const picture = await inspect(bytes);
  if (picture === null) return null;
  const file = await app.incoming.receive([bytes]);
  try {
    const hash = `${picture.animated ? "a_" : ""}${file.sha256.slice(0, 32)}`;
    // The row first: an image that is stored and not known would never be collected.
    await noteImage(app.sql, hash, file.size);
    await app.files.put(imageKey(hash), file);
    return hash;
  } finally {
    await app.incoming.discard([file]);
  }
}

/** The declared type counts for nothing, as libraries guess it; what the bytes are must be an image. */
function bytesOf(data: string, field: string): Buffer {
  const comma = data.indexOf(",");
  if (comma === -1 || comma > 64 || !PREFIX.test(data.slice(0, comma))) throw invalid(field);
  if (((data.length - comma) * 3) / 4 > MAX_IMAGE_BYTES + 4) throw tooLarge(field);
  const bytes = Buffer.from(data.slice(comma + 1), "base64");
  if (bytes.length > MAX_IMAGE_BYTES) throw tooLarge(field);
  return bytes;
}

const invalid = (field: string): ApiError => invalidField([field], "IMAGE_INVALID", "Invalid image data");

const tooLarge = (field: string): ApiError =>
  invalidField([field], "BINARY_TYPE_MAX_SIZE", `File cannot be larger than ${MAX_IMAGE_BYTES / 1024}.0 kb.`);
