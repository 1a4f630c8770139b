import type { Context } from "hono";
import type { z } from "zod";
import type { PermissionName } from "../core/permissions.ts";
import type { App } from "./app.ts";
import type { Caller, Grant } from "./auth/caller.ts";
import { ApiError } from "./errors.ts";
import type { Upload } from "./files/form.ts";
import type { RequestLimits } from "./limits/limiter.ts";
import { type Bucket, bucketOf, type Limit, type Rate } from "./limits/rules.ts";
import type { Scope } from "./oauth2/scopes.ts";

/** What a handler is given. */
export interface Request<B, Q> {
  app: App;
  /** Path parameters by name; those named `…_id` are snowflakes. */
  params: Params;
  body: B;
  /** What came beside the body; gone when the handler has returned. */
  files: readonly Upload[];
  query: Q;
  /** Who asks; null only on routes for everybody. */
  caller: Caller | null;
  /** The address it comes from. */
  address: string;
  http: Context;
}

export class Params {
  readonly values: Readonly<Record<string, string>>;

  constructor(values: Record<string, string>) {
    this.values = values;
  }

  /** @throws TypeError when the route's path has no such parameter: a mistake in the route. */
  get(name: string): string {
    const value = this.values[name];
    if (value === undefined) throw new TypeError(`The route has no parameter :${name}`);
    return value;
  }
}

/**
 * Who may call a route. `resolve` fetches what the decision needs and refuses by throwing; what it returns is the
 * handler's second argument, so a handler can't run without its check.
 */
export interface Access<T> {
  kind:
    | "public"
    | "account"
    | "person"
    | "bot"
    | "guild"
    | "guild bot"
    | "channel"
    | "webhook"
    | "webhook token"
    | "application owner"
    | "bearer";
  /** Permissions it asks for; data for documentation and for the tests that walk all routes. */
  needs: readonly PermissionName[];
  resolve(request: Request<unknown, unknown>): Promise<T>;
}

export interface RouteSpec<T, B, Q> {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Hono path below the API's root, e.g. `/channels/:channel_id`. */
  path: string;
  /** Discord's name of the operation; absent for our own. */
  operation?: string;
  summary?: string;
  access: Access<T>;
  /** How often a caller may; where the route says nothing, as src/limits/rules.ts has it for its method. */
  limit?: Limit;
  /** A further limit that all callers share, for those requests whose body has any of these fields. */
  sharedLimit?: Rate & { fields: readonly (keyof B & string)[] };
  /**
   * An application that acts for a user gets in with any of these; without them it doesn't. `any`: whatever it was
   * allowed.
   */
  scopes?: readonly Scope[] | "any";
  body?: z.ZodType<B>;
  /** The fields of a body that is a form alone, which the handler reads and refuses in the form of RFC 6749. */
  form?: z.ZodType;
  /** Whether the body may have images in it, as data URIs. */
  images?: boolean;
  /** Takes files beside the body, as a form, from those whom this does not refuse by throwing. */
  files?(access: T): void;
  query?: z.ZodType<Q>;
  /** Status of an answer with a body; 200 unless said. An answer without one is 204. */
  status?: 200 | 201;
  /** Returns the response body, or undefined for 204. */
  handle(request: Request<B, Q>, access: T): Promise<unknown>;
}

/** A route as data: the table of routes is a list of these. */
export interface Route {
  method: RouteSpec<unknown, unknown, unknown>["method"];
  path: string;
  operation: string | undefined;
  summary: string | undefined;
  access: { kind: Access<unknown>["kind"]; needs: readonly PermissionName[] };
  bucket: Bucket;
  sharedLimit: (Rate & { fields: readonly string[] }) | undefined;
  /** What lets an application in that acts for a user; empty: nothing. */
  scopes: readonly Scope[] | "any";
  body: z.ZodType | undefined;
  /** The fields of a form, for routes that take nothing else. */
  form: z.ZodType | undefined;
  /** Whether it takes files, as a form. */
  files: boolean;
  query: z.ZodType | undefined;
  status: 200 | 201;
  /** @param limits null when there are none */
  run(request: Request<unknown, unknown>, parse: Parse, limits: RequestLimits | null): Promise<unknown>;
}

/** Parses body and query once access is granted: a stranger learns nothing from validation errors. */
export interface Parse {
  body<B>(schema: z.ZodType<B>, takes: Takes): Promise<{ body: B; files: readonly Upload[] }>;
  query<Q>(schema: z.ZodType<Q>): Q;
  /** Removes what has come and was not stored. */
  discard(files: readonly Upload[]): Promise<void>;
}

/** What a body may bring beyond plain JSON. */
interface Takes {
  /** Images, as data URIs. */
  images: boolean;
  /** Where files are taken: called before the first, throws for who may send none. */
  mayUpload: (() => void) | undefined;
}

const NO_BODY = { body: undefined, files: [] };

export function route<T, B = undefined, Q = undefined>(spec: RouteSpec<T, B, Q>): Route {
  const { sharedLimit } = spec;
  const bucket = bucketOf(spec);
  return {
    method: spec.method,
    path: spec.path,
    operation: spec.operation,
    summary: spec.summary,
    access: { kind: spec.access.kind, needs: spec.access.needs },
    bucket,
    sharedLimit,
    scopes: spec.scopes ?? [],
    body: spec.body,
    form: spec.form,
    files: spec.files !== undefined,
    query: spec.query,
    status: spec.status ?? 200,
    run: async (request, parse, limits) => {
      // Redis counts while Postgres looks who may; what has come too soon is refused before anything else is said.
      const counted = limits?.take();
      const resolving = spec.access.resolve(request);
      resolving.catch(() => {});
      await counted;
      const access = await resolving;
      const mayUpload = spec.files === undefined ? undefined : () => spec.files?.(access);
      const takes = { images: spec.images === true, mayUpload };
      const { body, files } = spec.body === undefined ? NO_BODY : await parse.body(spec.body, takes);
      try {
        if (sharedLimit !== undefined && hasOneOf(body, sharedLimit.fields)) {
          await limits?.takeShared(bucket.hash, sharedLimit);
        }
        // Where the spec has no schema, B and Q are undefined, which a handler then sees.
        const query = spec.query === undefined ? undefined : parse.query(spec.query);
        return await spec.handle({ ...request, body: body as B, files, query: query as Q }, access);
      } finally {
        if (files.length > 0) await parse.discard(files);
      }
    },
  };
}

const hasOneOf = (body: unknown, fields: readonly string[]): boolean =>
  typeof body === "object" && body !== null && fields.some((field) => Object.hasOwn(body, field));

/** Anyone, with or without a token. */
export const everyone: Access<null> = { kind: "public", needs: [], resolve: async () => null };

/** Any account, person or bot. */
export const account: Access<Caller> = {
  kind: "account",
  needs: [],
  resolve: async ({ caller }) => signedIn(caller),
};

/** People only. */
export const person: Access<Caller> = {
  kind: "person",
  needs: [],
  resolve: async ({ caller }) => {
    const who = signedIn(caller);
    if (who.user.bot) throw new ApiError("BOTS_NOT_ALLOWED");
    return who;
  },
};

/** Bots only. */
export const bot: Access<Caller> = {
  kind: "bot",
  needs: [],
  resolve: async ({ caller }) => {
    const who = signedIn(caller);
    if (!who.user.bot) throw new ApiError("ONLY_BOTS");
    return who;
  },
};

/** Applications that act for a user. */
export const bearer: Access<Caller & { grant: Grant }> = {
  kind: "bearer",
  needs: [],
  resolve: async ({ caller }) => {
    const who = signedIn(caller);
    if (who.grant === null) throw new ApiError("INVALID_BEARER");
    return { ...who, grant: who.grant };
  },
};

/**
 * The caller as a route may see it: the one place that lets an application act for a user. Where anybody may come, it
 * comes as anybody.
 * @throws 401 on a route that is not for applications, 50026 when none of its scopes are right, 10002 when it is of
 *   another application
 */
export function admit(route: Route, params: Params, caller: Caller | null): Caller | null {
  const grant = caller?.grant;
  if (!grant) return caller;
  const { scopes } = route;
  if (scopes !== "any" && !scopes.some((scope) => grant.scopes.includes(scope))) {
    if (route.access.kind === "public" || route.access.kind === "webhook token") return null;
    throw new ApiError(scopes.length === 0 ? "UNAUTHORIZED" : "MISSING_SCOPE");
  }
  const { application_id: applicationId } = params.values;
  if (applicationId !== undefined && applicationId !== grant.applicationId) throw new ApiError("UNKNOWN_APPLICATION");
  return caller;
}

export function signedIn(caller: Caller | null): Caller {
  if (caller === null) throw new ApiError("UNAUTHORIZED");
  return caller;
}
