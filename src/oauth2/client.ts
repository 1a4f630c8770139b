import { createHash, timingSafeEqual } from "node:crypto";
import type { Sql } from "../../core/db.ts";
import { isSnowflake } from "../../core/snowflake.ts";
import { hashToken } from "../auth/tokens.ts";
import { type ApplicationRow, clientSecretHash, findApplication } from "../store/applications.ts";
import { OAuthError } from "./error.ts";

interface Credentials {
  id: string;
  secret: string;
}

/**
 * The application that a request proves to be of, by HTTP Basic or by fields of the form. Which of the two was wrong is
 * not told. https://datatracker.ietf.org/doc/html/rfc6749#section-2.3.1
 * @throws OAuthError invalid_client
 */
export async function authenticateClient(
  sql: Sql,
  authorization: string | undefined,
  form: { client_id?: string | undefined; client_secret?: string | undefined },
): Promise<ApplicationRow> {
  const given = authorization === undefined ? fromForm(form) : fromBasic(authorization);
  if (given === undefined) {
    throw new OAuthError("invalid_client", "Send client_id and client_secret, as HTTP Basic or in the form");
  }
  if (form.client_id !== undefined && form.client_id !== given.id) {
    throw new OAuthError("invalid_client", "The client_id of the form is not that of the Authorization header");
  }
  const hash = isSnowflake(given.id) ? await clientSecretHash(sql, given.id) : undefined;
  const matches = timingSafeEqual(hashToken(given.secret), hash ?? NOBODYS_HASH);
  const application = matches && hash !== undefined ? await findApplication(sql, given.id) : undefined;
  if (application === undefined) throw new OAuthError("invalid_client", "Unknown client, or wrong client_secret");
  return application;
}

const NOBODYS_HASH = createHash("sha256").update("nobody's").digest();

function fromForm({
  client_id: id,
  client_secret: secret,
}: {
  client_id?: string | undefined;
  client_secret?: string | undefined;
}): Credentials | undefined {
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

function fromBasic(header: string): Credentials | undefined {
  const [, encoded] = /^Basic\s+([A-Za-z0-9+/=_-]+)$/i.exec(header) ?? [];
  if (encoded === undefined) return undefined;
  const [, id, secret] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, "base64").toString("utf8")) ?? [];
  if (id === undefined || secret === undefined) return undefined;
  return { id: formDecode(id), secret: formDecode(secret) };
}

/** Both halves are form-encoded before they are joined; what isn't is taken as it is. */
function formDecode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}
