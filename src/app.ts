import { RESTJSONErrorCodes as Code } from "discord-api-types/v10";
import { Hono } from "hono";
import { getPath } from "hono/utils/url";
import type { Cdn } from "../core/cdn.ts";
import type { Config } from "../core/config.ts";
import { isDatabaseAway, type Sql, vanishedReference } from "../core/db.ts";
import type { Egress } from "../core/egress.ts";
import type { EventLog } from "../core/event-log.ts";
import { parseJson, storable } from "../core/json.ts";
import type { Logger } from "../core/log.ts";
import type { PassingEvents } from "../core/passing-events.ts";
import { isSnowflake, type NextId } from "../core/snowflake.ts";
import { auditReason } from "./audit-reason.ts";
import type { Authenticator } from "./auth/caller.ts";
import type { Change, ChangeBy } from "./change.ts";
import { serveConsent } from "./consent/serve.ts";
import { ApiError, type ErrorName, invalidField } from "./errors.ts";
import { isForm, receiveForm } from "./files/form.ts";
import { IMAGE_BODY_BYTES } from "./files/images.ts";
import type { Incoming } from "./files/incoming.ts";
import { serveFiles } from "./files/serve.ts";
import { serveImages } from "./files/serve-images.ts";
import type { FileStore } from "./files/store.ts";
import { isUrlEncoded, parseUrlEncoded } from "./form-body.ts";
import { type HttpEnv, requestContext } from "./http-context.ts";
import type { Limiter } from "./limits/limiter.ts";
import { RateLimited, refusalResponse } from "./limits/refusal.ts";
import { serveDiscovery } from "./oauth2/discovery.ts";
import { serveDescription } from "./openapi/serve.ts";
import { readText } from "./read-text.ts";
import { admit, Params, type Parse, type Route } from "./route.ts";
import { routes } from "./routes/index.ts";
import type { Slowmode } from "./slowmode.ts";
import { parseForm } from "./validation.ts";
import type { Voice } from "./voice.ts";
import type { Avatars } from "./webhooks/avatar.ts";

/** What routes work with. */
export interface App {
  config: Config;
  log: Logger;
  sql: Sql;
  eventLog: EventLog;
  /** Which events that are not kept some URL asked for. */
  passing: PassingEvents;
  auth: Authenticator;
  /** Runs a transaction, then publishes the events it caused. Routes have one of their caller's, whom logs name. */
  change: Change;
  changeBy: ChangeBy;
  nextId: NextId;
  slowmode: Slowmode;
  limiter: Limiter;
  files: FileStore;
  incoming: Incoming;
  cdn: Cdn;
  /** Calls URLs that users have chosen. */
  egress: Egress;
  voice: Voice;
  avatars: Avatars;
  /** How many members of each of these guilds are online; none while Redis is away. */
  onlineIn(guildIds: readonly string[]): Promise<number[]>;
  /** How many gateway sessions each of these users has. @throws while Redis is away */
  sessionsOf(userIds: readonly string[]): Promise<number[]>;
  /** Session starts that a bot has taken of its day's. */
  startsTaken(botId: string): Promise<{ taken: number; resetAfterMs: number }>;
  /** Milliseconds since 1970, by which interactions end. */
  now(): number;
  /** 32 bytes that seal what must be stored but not read. */
  secret: Buffer;
}

/** Discord's current version, the one before it, and none. */
const ROOTS = ["/api/v10", "/api/v9", "/api"];
const MAX_BODY_BYTES = 1024 * 1024;
/** https://discord.com/developers/docs/resources/message#create-message */
const MAX_FILES = 10;

/** The HTTP application: context, every route under every root, and errors in Discord's form. */
export function createHttpApp(app: App): Hono<HttpEnv> {
  const http = new Hono<HttpEnv>({ getPath: pathOf });
  http.use(requestContext(app));
  for (const root of ROOTS) {
    for (const route of byPrecedence(routes)) {
      http.on(route.method, root + route.path, async (c) => {
        const address = c.get("address");
        app.limiter.checkAddress(address);
        const params = readParams(c.req.param());
        const known = await app.auth.authenticate(c.req.header("authorization"));
        const limits = app.limiter.of({ bucket: route.bucket, params: params.values, caller: known, address });
        c.set("limits", limits);
        const caller = admit(route, params, known);
        const actor = { userId: caller?.user.id ?? null, reason: () => auditReason(c) };
        const own = { ...app, change: app.changeBy(actor) };
        const request = { app: own, params, caller, address, http: c, body: undefined, files: [], query: undefined };
        const answer = await route.run(request, parserOf(app, c.req), limits);
        if (answer === undefined) return c.body(null, 204);
        return answer instanceof Response ? answer : c.json(answer, route.status);
      });
    }
  }
  serveFiles(http, app);
  serveImages(http, app);
  serveConsent(http, app, ROOTS);
  serveDiscovery(http, app);
  serveDescription(http, routes, { publicUrl: app.config.publicUrl, roots: ROOTS });
  http.notFound((c) => {
    const methods = methodsOf(c.req.path);
    if (methods.length === 0) return errorResponse(new ApiError("NOT_FOUND"));
    return errorResponse(new ApiError("METHOD_NOT_ALLOWED"), { Allow: methods.join(", ") });
  });
  http.onError((error, c) => {
    if (isInvalid(error)) c.get("limits")?.invalid();
    if (error instanceof RateLimited) return refusalResponse(error);
    if (error instanceof ApiError) return errorResponse(error);
    const vanished = vanishedReference(error);
    if (vanished !== undefined) return errorResponse(new ApiError(VANISHED[vanished] ?? "NOT_FOUND"));
    if (isDatabaseAway(error)) {
      app.log.warn({ requestId: c.get("requestId"), err: error.message }, "database away");
      return errorResponse(new ApiError("UNAVAILABLE"));
    }
    app.log.error({ requestId: c.get("requestId"), err: error }, "request failed");
    return errorResponse(new ApiError("INTERNAL"));
  });
  return http;
}

/**
 * What counts against the address. A webhook that isn't there counts: who posts to it never learns otherwise.
 * https://discord.com/developers/docs/topics/rate-limits#invalid-request-limit-aka-cloudflare-bans
 */
function isInvalid(error: Error): boolean {
  if (error instanceof RateLimited) return error.scope !== "shared";
  if (!(error instanceof ApiError)) return false;
  return error.status === 401 || error.status === 403 || error.code === Code.UnknownWebhook;
}

/** What is unknown when a row went away under a request. */
const VANISHED: Record<string, ErrorName> = {
  application_id: "UNKNOWN_APPLICATION",
  channel_id: "UNKNOWN_CHANNEL",
  server_id: "UNKNOWN_GUILD",
  user_id: "UNKNOWN_USER",
};

function errorResponse(error: ApiError, headers: Record<string, string> = {}): Response {
  const body = {
    message: error.message,
    code: error.code,
    ...(error.details ? { errors: error.details } : {}),
    ...(error.retryAfter === undefined ? {} : { retry_after: error.retryAfter, global: false }),
  };
  const patience = patienceOf(error);
  return Response.json(body, { status: error.status, headers: { ...patience, ...headers } });
}

function patienceOf(error: ApiError): Record<string, string> {
  // Slowmode: the channel's, so no fault of the caller's.
  if (error.retryAfter !== undefined) {
    return { "Retry-After": String(Math.ceil(error.retryAfter)), "X-RateLimit-Scope": "shared" };
  }
  return error.status === 503 ? { "Retry-After": "1" } : {};
}

/** discord.js encodes the `@` of `@me` and `@original` in some paths. */
function pathOf(request: globalThis.Request): string {
  const path = getPath(request);
  return path.includes("%40") ? path.replaceAll(/%40(?=me|original)/g, "@") : path;
}

/** Literal segments before parameters, so that `/users/@me` is not taken for a user named @me. */
function byPrecedence(list: readonly Route[]): Route[] {
  const weight = (route: Route) => route.path.split("/").filter((segment) => segment.startsWith(":")).length;
  return [...list].sort((a, b) => weight(a) - weight(b));
}

/** The methods that routes take at a path: none when there is no such path. */
function methodsOf(path: string): string[] {
  const root = ROOTS.find((prefix) => path.startsWith(`${prefix}/`));
  if (root === undefined) return [];
  const segments = path.slice(root.length).split("/");
  const there = routes.filter((route) => {
    const pattern = route.path.split("/");
    return (
      pattern.length === segments.length && pattern.every((part, i) => part.startsWith(":") || part === segments[i])
    );
  });
  return [...new Set(there.map((route) => route.method))];
}

function readParams(values: Record<string, string>): Params {
  for (const [name, value] of Object.entries(values)) {
    if (!name.endsWith("_id")) continue;
    if (!isSnowflake(value)) {
      throw invalidField([name], "NUMBER_TYPE_COERCE", `Value "${value.slice(0, 64)}" is not snowflake.`);
    }
  }
  return new Params(values);
}

function parserOf(app: App, req: { raw: globalThis.Request; query(): Record<string, string> }): Parse {
  return {
    body: async (schema, { images, mayUpload }) => {
      if (mayUpload === undefined || !isForm(req.raw)) {
        const maxBytes = images ? IMAGE_BODY_BYTES : MAX_BODY_BYTES;
        return { body: parseForm(schema, await readBody(req.raw, maxBytes)), files: [] };
      }
      const limits = { fileBytes: app.config.maxFileBytes, files: MAX_FILES, fieldBytes: MAX_BODY_BYTES };
      const { json, fields, files } = await receiveForm(req.raw, app.incoming, limits, mayUpload);
      try {
        const body = json === undefined ? storable(fields, JSON.stringify(fields)) : readJson(json);
        return { body: parseForm(schema, body), files };
      } catch (error) {
        await app.incoming.discard(files);
        throw error;
      }
    },
    discard: (files) => app.incoming.discard(files),
    query: (schema) => parseForm(schema, req.query()),
  };
}

/** The JSON body; an empty one counts as `{}`, as some clients send none where every field is optional. */
async function readBody(request: globalThis.Request, maxBytes: number): Promise<unknown> {
  const text = await readText(request, maxBytes);
  return isUrlEncoded(request.headers.get("content-type")) ? readJson(text, parseUrlEncoded) : readJson(text);
}

function readJson(text: string, parse = (json: string) => storable(parseJson(json), json)): unknown {
  if (text === "") return {};
  try {
    return parse(text);
  } catch {
    throw new ApiError("INVALID_JSON");
  }
}
