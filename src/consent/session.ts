import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { deriveKey } from "../../core/secret.ts";
import { isUrl } from "../../core/url.ts";
import type { App } from "../app.ts";
import type { Caller } from "../auth/caller.ts";

/** The cookie holds a person's access token, and lives as long as that. */
const COOKIE = "guildhall_consent";

export interface PageSession {
  caller: Caller;
  token: string;
}

export async function sessionOf(app: App, c: Context): Promise<PageSession | null> {
  const token = getCookie(c, COOKIE);
  if (token === undefined) return null;
  const caller = await app.auth.authenticate(token);
  return caller === null || caller.user.bot || caller.grant !== null ? null : { caller, token };
}

/** Lax: it comes along when a link of another site leads here, and not with that site's forms or frames. */
export function keepSession(app: App, c: Context, token: string, seconds: number): void {
  const secure = app.config.publicUrl.startsWith("https:");
  setCookie(c, COOKIE, token, { path: "/oauth2", httpOnly: true, sameSite: "Lax", secure, maxAge: seconds });
}

export function dropSession(c: Context): void {
  deleteCookie(c, COOKIE, { path: "/oauth2" });
}

/**
 * Whether a form was sent by a page of ours: browsers say where it was. Who says nothing is refused.
 * https://cheatsheetseries.owasp.org (Cross-Site Request Forgery Prevention, "Verifying Origin")
 */
export function isOwnForm(app: Pick<App, "config">, c: Context): boolean {
  const site = c.req.header("sec-fetch-site");
  if (site !== undefined && site !== "same-origin") return false;
  const origin = c.req.header("origin");
  if (origin === undefined || !isUrl(origin)) return false;
  // The host as the browser names it, which a proxy may not pass on.
  return [new URL(c.req.url).host, new URL(app.config.publicUrl).host].includes(new URL(origin).host);
}

/** What only a page shown to this login for this very request knows. */
export function proofOf(app: App, { token }: PageSession, query: string): string {
  const login = createHash("sha256").update(token).digest("hex");
  const key = deriveKey(app.secret, "consent forms");
  return createHmac("sha256", key).update(`${login}\n${query}`).digest("base64url");
}

export function isProof(app: App, session: PageSession, query: string, given: string): boolean {
  const wanted = Buffer.from(proofOf(app, session, query));
  const got = Buffer.from(given);
  return got.length === wanted.length && timingSafeEqual(got, wanted);
}
