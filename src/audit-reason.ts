import type { Context } from "hono";
import { invalidField } from "./errors.ts";

const MAX_LENGTH = 512;

/**
 * Why somebody did something, in their words: URL-encoded, as headers hold only ASCII.
 * https://discord.com/developers/docs/resources/audit-log
 */
export function auditReason(http: Context): string | null {
  const header = http.req.header("x-audit-log-reason");
  // The older form, which discordgo still uses for bans.
  const given = header === undefined ? http.req.query("reason") : decode(header);
  if (given === undefined) return null;
  const reason = given.replaceAll("\u0000", "").trim();
  if (reason.length > MAX_LENGTH) {
    throw invalidField(["reason"], "BASE_TYPE_BAD_LENGTH", `Must be ${MAX_LENGTH} or fewer in length.`);
  }
  return reason === "" ? null : reason;
}

/** Some clients send the text as it is, with percent signs that encode nothing. */
function decode(header: string): string {
  try {
    return decodeURIComponent(header);
  } catch {
    return header;
  }
}
