import type { Context, Hono } from "hono";
import { addressKey } from "../../core/client-address.ts";
import { isDatabaseAway } from "../../core/db.ts";
import { namesToBits } from "../../core/permissions.ts";
import type { App } from "../app.ts";
import { countLogin } from "../auth/attempts.ts";
import { endLogin, startPageLogin } from "../auth/logins.ts";
import { verifyPassword } from "../auth/passwords.ts";
import { ApiError } from "../errors.ts";
import type { HttpEnv } from "../http-context.ts";
import { RateLimited } from "../limits/refusal.ts";
import { authorize, refusal } from "../oauth2/authorize.ts";
import { policySource } from "../oauth2/redirect-uri.ts";
import {
  type AuthorizationQuery,
  type AuthorizationRequest,
  authorizationQuery,
  readAuthorizationRequest,
} from "../oauth2/request.ts";
import { PASSTHROUGH } from "../oauth2/scopes.ts";
import { readText } from "../read-text.ts";
import { authorizedScopes } from "../store/oauth2-authorizations.ts";
import { findCredentials } from "../store/users.ts";
import { parseForm } from "../validation.ts";
import { choicesOf } from "./choices.ts";
import { consentPage, donePage, faultPage, guildPage, loginPage } from "./pages.ts";
import { dropSession, isOwnForm, isProof, keepSession, type PageSession, proofOf, sessionOf } from "./session.ts";
import { STYLE_HASH } from "./style.ts";

type C = Context<HttpEnv>;
type Page = ReturnType<typeof faultPage>;

const FORM_BYTES = 64 * 1024;
/** Pages that one address may be shown. */
const PAGES = { requests: 300, seconds: 60 };

/** A request of the page, understood. */
interface Visit {
  asked: AuthorizationRequest;
  query: AuthorizationQuery;
  /** As it came, with its question mark. */
  search: string;
}

/** Serves the page on which people let applications act for them, and add bots to their guilds. */
export function serveConsent(http: Hono<HttpEnv>, app: App, roots: readonly string[]): void {
  // Older libraries have the address below the API's.
  for (const root of roots)
    http.get(`${root}/oauth2/authorize`, (c) => c.redirect(`/oauth2/authorize${searchOf(c)}`, 302));

  http.get("/oauth2/authorize", (c) =>
    shown(app, c, async () => {
      const visit = await visitOf(app, c);
      const session = await sessionOf(app, c);
      if (session === null) return respond(app, c, visit, loginPage(visit.asked, placeOf(app, visit), null));
      if (await isSilent(app, visit, session))
        return c.redirect(await authorize(asActor(app, session), session.caller, visit.asked, {}), 302);
      return ask(app, c, visit, session);
    }),
  );

  http.post("/oauth2/authorize", (c) =>
    shown(app, c, async () => {
      const visit = await visitOf(app, c);
      const form = await ownForm(app, c);
      const session = await sessionOf(app, c);
      if (session === null)
        return respond(app, c, visit, loginPage(visit.asked, placeOf(app, visit), "Log in again, please."));
      if (!isProof(app, session, visit.search, form.get("proof") ?? "")) throw foreign();
      if (form.get("decision") !== "allow") return c.redirect(refusal(app, visit.asked), 303);
      return c.redirect(await consented(app, visit, session, form), 303);
    }),
  );

  http.post("/oauth2/authorize/login", (c) =>
    shown(app, c, async () => {
      const visit = await visitOf(app, c);
      const form = await ownForm(app, c);
      const login = (form.get("login") ?? "").slice(0, 320);
      const fault = await logIn(app, c, login, (form.get("password") ?? "").slice(0, 1000));
      if (fault === null) return c.redirect(`/oauth2/authorize${visit.search}`, 303);
      return respond(app, c, visit, loginPage(visit.asked, placeOf(app, visit), fault, login), 400);
    }),
  );

  http.post("/oauth2/authorize/logout", (c) =>
    shown(app, c, async () => {
      await ownForm(app, c);
      const session = await sessionOf(app, c);
      if (session?.caller.familyId) await endLogin(app, session.caller.user.id, session.caller.familyId);
      dropSession(c);
      return c.redirect(`/oauth2/authorize${searchOf(c)}`, 303);
    }),
  );

  http.get("/oauth2/authorized", (c) => respond(app, c, null, donePage(c.req.query("error") !== undefined)));
}

const searchOf = (c: C): string => new URL(c.req.url).search;
const placeOf = (app: App, visit: Visit) => ({ query: visit.search, cdnUrl: app.config.cdnUrl });

/** The app as it changes things for this person: logs name them. */
const asActor = (app: App, { caller }: PageSession): App => ({
  ...app,
  change: app.changeBy({ userId: caller.user.id, reason: () => null }),
});

async function visitOf(app: App, c: C): Promise<Visit> {
  const search = searchOf(c);
  const names = [...new URLSearchParams(search).keys()];
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new ApiError("GENERAL", undefined, `${twice.slice(0, 64)} is there twice.`);
  const query = parseForm(authorizationQuery, c.req.query());
  return { query, search, asked: await readAuthorizationRequest(app, query) };
}

const foreign = () =>
  new ApiError("GENERAL", undefined, "This form was not sent by the page it belongs to. Open the link again.");

async function ownForm(app: App, c: C): Promise<URLSearchParams> {
  if (!isOwnForm(app, c)) throw foreign();
  return new URLSearchParams(await readText(c.req.raw, FORM_BYTES));
}

/** @returns what was wrong; null when the person is logged in now */
async function logIn(app: App, c: C, login: string, password: string): Promise<string | null> {
  const attempt = await countLogin(app, c.get("address"), login);
  const found = await findCredentials(app.sql, login);
  const matches = await verifyPassword(found?.password_hash ?? null, password);
  const tokens = found !== undefined && matches ? await startPageLogin(app, found) : null;
  if (tokens === null) return "Login or password is invalid.";
  await attempt.succeeded();
  keepSession(app, c, tokens.token, tokens.expires_in);
  return null;
}

/** Whether nobody need be asked: the application wants no question, and the person has answered this one before. */
async function isSilent(app: App, { asked, query }: Visit, { caller }: PageSession): Promise<boolean> {
  if (query.prompt !== "none" || !asked.code || asked.scopes.some((scope) => PASSTHROUGH.includes(scope))) return false;
  const before = await authorizedScopes(app.sql, caller.user.id, asked.application.id);
  return asked.scopes.every((scope) => before.includes(scope));
}

async function ask(app: App, c: C, visit: Visit, session: PageSession): Promise<Response> {
  const { asked, query, search } = visit;
  const choices = await choicesOf(app, session.caller, asked, query);
  const { username } = session.caller.user;
  const asking = { asked, place: placeOf(app, visit), username, proof: proofOf(app, session, search), choices };
  const first = asked.scopes.includes("webhook.incoming") && choices.channels === null;
  return respond(app, c, visit, first ? guildPage(asking) : consentPage(asking));
}

function consented(app: App, { asked, query }: Visit, session: PageSession, form: URLSearchParams): Promise<string> {
  const fixed = query.disable_guild_select === true ? query.guild_id : undefined;
  return authorize(asActor(app, session), session.caller, asked, {
    guildId: fixed ?? (form.get("guild_id") || undefined),
    channelId: form.get("webhook_channel_id") || undefined,
    permissions: namesToBits(form.getAll("permission")),
  });
}

/** Shows what goes wrong as a page, and bounds how often one address may come. */
async function shown(app: App, c: C, work: () => Promise<Response>): Promise<Response> {
  try {
    app.limiter.checkAddress(c.get("address"));
    await app.limiter.attempt([{ key: `consent:${addressKey(c.get("address"))}`, ...PAGES }]);
    return await work();
  } catch (error) {
    if (error instanceof RateLimited) {
      c.header("Retry-After", String(Math.ceil(error.retryAfterMs / 1000)));
      return respond(app, c, null, faultPage("Too many attempts", "Wait a while before you try again."), 429);
    }
    if (error instanceof ApiError) {
      return respond(app, c, null, faultPage("That can't be done", messageOf(error)), error.status);
    }
    if (isDatabaseAway(error)) {
      return respond(app, c, null, faultPage("Not just now", "The service is restarting. Try again in a moment."), 503);
    }
    throw error;
  }
}

/** What is wrong with a request's first field, or the refusal itself. */
function messageOf(error: ApiError): string {
  for (const [field, faults] of Object.entries(error.details ?? {})) {
    const list = Array.isArray(faults) ? faults : faults._errors;
    if (Array.isArray(list) && list[0] !== undefined) return `${field}: ${list[0].message}`;
  }
  return error.message;
}

/** No script, no frames, and forms that lead to ourselves and, by a redirect, to where the application said. */
function respond(app: App, c: C, visit: Visit | null, page: Page, status = 200): Response | Promise<Response> {
  const target = visit?.asked.redirectUri;
  const policy = [
    "default-src 'none'",
    `style-src ${STYLE_HASH}`,
    `img-src ${new URL(app.config.cdnUrl).origin}`,
    // Chromium applies it to redirects after a form as well.
    `form-action 'self'${target ? ` ${policySource(target)}` : ""}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ];
  c.header("Content-Security-Policy", policy.join("; "));
  c.header("X-Frame-Options", "DENY");
  c.header("X-Content-Type-Options", "nosniff");
  c.header("Cache-Control", "no-store");
  // With no-referrer, forms would say that they come from nowhere.
  c.header("Referrer-Policy", "same-origin");
  c.status(status as 200);
  return c.html(page);
}
