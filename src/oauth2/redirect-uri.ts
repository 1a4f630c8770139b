import { z } from "zod";
import { isUrl } from "../../core/url.ts";

const MAX_LENGTH = 512;
/** Of hosts; none of these characters means anything in a content security policy, where the origin is written. */
const HOST = /^[\w.-]+$|^\[[0-9a-f:.]+\]$/i;
/** An app's own scheme has a dot, as RFC 8252 (section 7.1) wants it, or a hyphen, as Discord's own have. */
const APP_SCHEME = /^[a-z][a-z0-9+]*[.-][a-z0-9+.-]*:$/;

/** Whether codes may be sent there: no fragment, no credentials, nothing that a browser would run. */
function isRedirectUri(text: string): boolean {
  // URLs are compared as they are written, so they must be written without what a parser would pass over.
  if (!/^[\x21-\x7e]+$/.test(text) || text.includes("#") || text.includes("\\") || !isUrl(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  if (username !== "" || password !== "") return false;
  if (protocol === "http:" || protocol === "https:") return /^https?:\/\//i.test(text) && HOST.test(hostname);
  return APP_SCHEME.test(protocol) && protocol !== "view-source:";
}

export const redirectUri = z
  .string()
  .max(MAX_LENGTH)
  .refine(
    isRedirectUri,
    "Not a URI that codes may be sent to: write https://…, http://localhost…, or com.example.app:/…",
  );

export const isAppScheme = (uri: string): boolean => !/^https?:/i.test(uri);

/** What a content security policy calls the place. */
export function policySource(uri: string): string {
  const { protocol, origin } = new URL(uri);
  return isAppScheme(uri) ? protocol : origin;
}

/** A redirect URI with parameters added; what it had stays. */
export function withParameters(uri: string, parameters: Record<string, string | null | undefined>): string {
  const url = new URL(uri);
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== null && value !== undefined) url.searchParams.set(name, value);
  }
  return url.href;
}
