import type { z } from "zod";
import type { EgressResponse } from "../../core/egress.ts";
import { parseJson, storable } from "../../core/json.ts";
import type { App } from "../app.ts";
import { ApiError } from "../errors.ts";
import { isForm, receiveForm, type Upload } from "../files/form.ts";
import { parseForm } from "../validation.ts";

const MAX_FILES = 10;
const MAX_JSON_BYTES = 1024 * 1024;

/** The body of an answer to an interaction: JSON, or a form with files. @throws ApiError for anything else */
export async function readAnswer<T>(
  app: App,
  { headers, bytes }: EgressResponse,
  schema: z.ZodType<T>,
): Promise<{ body: T; files: readonly Upload[] }> {
  const type = String(headers["content-type"] ?? "");
  const request = new Request("http://answer/", { method: "POST", headers: { "content-type": type }, body: bytes });
  if (!isForm(request)) {
    if (!isJson(type)) throw new ApiError("INVALID_FORM", undefined, `Content-Type ${type.slice(0, 100)} is not JSON`);
    return { body: parse(schema, bytes.toString("utf8")), files: [] };
  }
  const limits = { fileBytes: app.config.maxFileBytes, files: MAX_FILES, fieldBytes: MAX_JSON_BYTES };
  const { json = "", files } = await receiveForm(request, app.incoming, limits, () => {});
  try {
    return { body: parse(schema, json), files };
  } catch (error) {
    await app.incoming.discard(files);
    throw error;
  }
}

export const isJson = (contentType: string): boolean => /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(contentType);

function parse<T>(schema: z.ZodType<T>, text: string): T {
  try {
    return parseForm(schema, storable(parseJson(text), text));
  } catch (error) {
    throw error instanceof ApiError ? error : new ApiError("INVALID_JSON");
  }
}
