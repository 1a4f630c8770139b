import { wireAttachment } from "../../core/wire/attachment.ts";
import type { InChannel } from "../access.ts";
import type { App } from "../app.ts";
import { ApiError, formErrors, invalidField } from "../errors.ts";
import { contentTypeOf } from "../files/content-type.ts";
import type { Upload } from "../files/form.ts";
import { type AttachmentPlan, planAttachments, storeUploads } from "../messages/attachments.ts";
import { placeOf } from "../messages/place.ts";
import type { Resolved } from "./resolved.ts";

/** A file that an option or a modal names by its place among those that came. */
interface Wanted {
  index: string;
  types: readonly string[] | undefined;
  path: readonly (string | number)[];
}

/**
 * Stores the files that came with an interaction and are asked for.
 * @returns their ids in the order in which they are named, and what the application is told of them
 * @throws 50035 for one that did not come, or is of another type than was asked for
 */
export async function storeFiles(
  { app, where }: { app: App; where: InChannel },
  said: Parameters<typeof planAttachments>[0],
  uploads: readonly Upload[],
  wanted: readonly Wanted[],
): Promise<{ ids: string[]; resolved: Resolved }> {
  if (wanted.length === 0) return { ids: [], resolved: {} };
  const { added } = planAttachments(said, uploads);
  const chosen = wanted.map(({ index, types, path }) => {
    const found = added.find(({ upload }) => String(upload.index) === index);
    if (found === undefined) {
      throw invalidField(path, "ATTACHMENT_NOT_FOUND", "Attachment data cannot be found.");
    }
    if (!fits(found.upload, types)) {
      const message = `The file must be one of {${types?.join(", ")}}.`;
      throw new ApiError("INVALID_FORM", formErrors([{ path, code: "ATTACHMENT_TYPE_INVALID", message }]));
    }
    return found;
  });
  const rows = await storeUploads(app, placeOf(where).id, chosen satisfies AttachmentPlan["added"]);
  const attachments = Object.fromEntries(rows.map((row) => [row.id, wireAttachment(row, app.cdn)]));
  return { ids: rows.map(({ id }) => id), resolved: { attachments } };
}

/** https://discord.com/developers/docs/components/reference#file-upload (file_types) */
function fits({ filename, head }: Upload, types: readonly string[] | undefined): boolean {
  if (types === undefined || types.length === 0) return true;
  const name = filename.toLowerCase();
  const kind = contentTypeOf(head, filename).split("/")[0];
  return types.some((type) => (type.startsWith(".") ? name.endsWith(type.toLowerCase()) : type === kind));
}
