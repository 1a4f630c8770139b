import type { z } from "zod";
import { isUrlEncoded } from "../form-body.ts";
import { readText } from "../read-text.ts";
import { OAuthError } from "./error.ts";

const MAX_BYTES = 64 * 1024;

/**
 * Parses the form that token requests are. https://datatracker.ietf.org/doc/html/rfc6749#section-3.2
 * @throws OAuthError invalid_request
 */
export async function readOAuthForm<T>(request: globalThis.Request, schema: z.ZodType<T>): Promise<T> {
  if (!isUrlEncoded(request.headers.get("content-type"))) {
    throw new OAuthError("invalid_request", "Send a body of the type application/x-www-form-urlencoded");
  }
  const fields = new URLSearchParams(await readText(request, MAX_BYTES));
  for (const name of new Set(fields.keys())) {
    if (fields.getAll(name).length > 1)
      throw new OAuthError("invalid_request", `"${name.slice(0, 64)}" is there twice`);
  }
  // What is empty counts as left out (section 3.2).
  const result = schema.safeParse(Object.fromEntries([...fields].filter(([, value]) => value !== "")));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new OAuthError("invalid_request", `"${issue?.path.join(".")}" is missing or can't be used`);
}
