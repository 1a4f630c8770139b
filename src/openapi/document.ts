import { z } from "zod";
import { SCOPES } from "../oauth2/scopes.ts";
import type { Route } from "../route.ts";
import { limitsOf } from "./limits-text.ts";
import { type BodyRef, operations } from "./operations.ts";

/** A part of the document: JSON as it is sent. */
type Json = Record<string, unknown>;

const SECURITY: Json = {
  bot: { type: "apiKey", in: "header", name: "Authorization", description: "`Bot TOKEN`" },
  person: { type: "apiKey", in: "header", name: "Authorization", description: "The token of a login" },
};

/** @param publicUrl where the consent page is */
function securitySchemes(publicUrl: string): Json {
  const refreshUrl = `${publicUrl}/api/v10/oauth2/token`;
  const flow = { tokenUrl: refreshUrl, refreshUrl, scopes: SCOPES };
  const flows = {
    authorizationCode: { authorizationUrl: `${publicUrl}/oauth2/authorize`, ...flow },
    clientCredentials: flow,
  };
  return { ...SECURITY, oauth2: { type: "oauth2", flows } };
}

const ERROR: Json = {
  type: "object",
  required: ["code", "message"],
  properties: {
    code: { type: "integer", description: "Discord's JSON error code, or 0" },
    message: { type: "string" },
    errors: { type: "object", description: "What is wrong with a form, by field, each with its `_errors`" },
  },
};

/** https://datatracker.ietf.org/doc/html/rfc6749#section-5.2 */
const OAUTH_ERROR: Json = {
  type: "object",
  required: ["error"],
  properties: { error: { type: "string" }, error_description: { type: "string" } },
};

const LIMITED: Json = {
  type: "object",
  required: ["message", "retry_after", "global"],
  properties: {
    message: { type: "string" },
    retry_after: { type: "number", description: "Seconds" },
    global: { type: "boolean", description: "Whether it is the limit over all routes" },
    code: { type: "integer" },
  },
};

/**
 * The OpenAPI 3.1 document of the routes. Bodies are the schemas by which requests are parsed; answers of Discord's
 * operations are Discord's own schemas. https://spec.openapis.org/oas/v3.1.1
 */
export async function openApiDocument(routes: readonly Route[], publicUrl: string): Promise<Json> {
  const discord = await discordSchemas();
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) };
  }
  return {
    openapi: "3.1.1",
    info: {
      title: "Guildhall",
      version: "10",
      description: "A bot platform that speaks Discord's wire protocol. Ids are decimal strings (snowflakes).",
    },
    servers: [{ url: `${publicUrl}/api/v10` }],
    paths,
    components: {
      securitySchemes: securitySchemes(publicUrl),
      schemas: { ...reachable(discord, paths), Error: ERROR, OAuthError: OAUTH_ERROR, RateLimited: LIMITED },
    },
  };
}

function operationOf(route: Route): Json {
  const { kind, needs } = route.access;
  const open = kind === "public" || kind === "webhook token";
  return {
    operationId: route.operation ?? `${route.method.toLowerCase()}${route.path.replace(/\W+/g, "_")}`,
    tags: [route.path.split("/")[1] ?? ""],
    ...(route.summary === undefined ? {} : { summary: route.summary }),
    description: [...(needs.length === 0 ? [] : [`Needs ${needs.join(", ")}.`]), `${limitsOf(route)}.`].join(" "),
    "x-rate-limit": {
      bucket: route.bucket.hash,
      requests: route.bucket.requests,
      seconds: route.bucket.seconds,
      per: route.bucket.per,
      ...(route.bucket.shared === undefined ? {} : { shared: route.bucket.shared }),
      ...(route.sharedLimit === undefined ? {} : { sharedFor: route.sharedLimit }),
    },
    security: open ? [{}] : securityOf(route),
    parameters: [...pathParameters(route.path), ...queryParameters(route.query)],
    ...(route.body === undefined ? {} : { requestBody: bodyOf(route.body, route.files) }),
    ...(route.form === undefined ? {} : { requestBody: urlEncoded(route.form) }),
    responses: responsesOf(route),
  };
}

function securityOf({ access: { kind }, scopes }: Route): Json[] {
  const bots = kind === "bot" || kind === "guild bot";
  const named = scopes === "any" ? [[]] : scopes.map((scope) => [scope]);
  return [
    ...(kind === "person" || kind === "bearer" ? [] : [{ bot: [] }]),
    ...(bots || kind === "bearer" ? [] : [{ person: [] }]),
    ...named.map((scope) => ({ oauth2: scope })),
  ];
}

function urlEncoded(schema: z.ZodType): Json {
  return { required: true, content: { "application/x-www-form-urlencoded": { schema: jsonSchema(schema) } } };
}

function bodyOf(schema: z.ZodType, files: boolean): Json {
  const optional = schema.safeParse({}).success;
  const json = jsonSchema(schema);
  return {
    required: !optional,
    content: { "application/json": { schema: json }, ...(files ? { "multipart/form-data": formOf(json) } : {}) },
  };
}

/** The body beside files. https://discord.com/developers/docs/reference#uploading-files */
function formOf(json: Json): Json {
  const file = { type: "string", contentMediaType: "application/octet-stream" };
  return {
    schema: { type: "object", properties: { payload_json: json }, patternProperties: { "^files\\[[0-9]\\]$": file } },
    encoding: { payload_json: { contentType: "application/json" } },
  };
}

function pathParameters(path: string): Json[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name = ""]) => ({
    name,
    in: "path",
    required: true,
    schema: name.endsWith("_id") ? { type: "string", pattern: "^[0-9]{1,19}$" } : { type: "string" },
  }));
}

function queryParameters(query: z.ZodType | undefined): Json[] {
  if (query === undefined) return [];
  const { properties = {}, required = [] } = z
    .object({ properties: z.record(z.string(), z.unknown()).optional(), required: z.array(z.string()).optional() })
    .parse(jsonSchema(query));
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: "query",
    required: required.includes(name),
    schema,
  }));
}

function responsesOf(route: Route): Json {
  const error = (name: string) => ({
    description: "Discord's error body",
    content: { "application/json": { schema: { $ref: `#/components/schemas/${name}` } } },
  });
  return {
    ...successOf(route),
    "429": error("RateLimited"),
    "4XX": error(route.form === undefined ? "Error" : "OAuthError"),
    "503": error("Error"),
  };
}

/** Answers that are text and not JSON: Slack's "ok". */
const PLAIN_TEXT: readonly (string | undefined)[] = ["execute_slack_compatible_webhook"];

function successOf(route: Route): Json {
  if (PLAIN_TEXT.includes(route.operation)) {
    return { "200": { description: "ok", content: { "text/plain": { schema: { type: "string" } } } } };
  }
  const known = operations.find(({ operation }) => operation === route.operation);
  if (known === undefined) return { "2XX": { description: "Done" } };
  return Object.fromEntries(
    Object.entries(known.responses)
      .filter(([status]) => status.startsWith("2"))
      .map(([status, ref]) => [
        status,
        {
          description: ref === null ? "Done" : "Discord's schema of this answer",
          ...(ref === null ? {} : { content: { "application/json": { schema: refSchema(ref) } } }),
        },
      ]),
  );
}

function refSchema(ref: BodyRef): Json {
  if (ref === null) return { type: "null" };
  if (ref === "inline") return {};
  if (typeof ref === "string") return { $ref: `#/components/schemas/${ref}` };
  if ("arrayOf" in ref) return { type: "array", items: refSchema(ref.arrayOf) };
  return { anyOf: ref.oneOf.map(refSchema) };
}

/** What clients send, as JSON schema; what only code can check is left out. */
function jsonSchema(schema: z.ZodType): Json {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any", override: looseTimes });
  return rest;
}

/** Zod writes a pattern beside the format, which forbids the `+00:00` that Discord sends. */
function looseTimes({ jsonSchema: made }: { jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  if (made.format === "date-time") delete made.pattern;
}

/** All of Discord's schemas by name. Loaded when the document is first asked for: nothing else needs them. */
async function discordSchemas(): Promise<Record<string, Json>> {
  const loaded: object = await import(import.meta.resolve("discord-api-spec/zod"));
  const registry = z.registry<{ id: string }>();
  for (const [name, schema] of Object.entries(loaded)) {
    if (schema instanceof z.core.$ZodType && name.endsWith("Schema")) registry.add(schema, { id: name.slice(0, -6) });
  }
  const { schemas } = z.toJSONSchema(registry, {
    io: "output",
    unrepresentable: "any",
    uri: (id) => `#/components/schemas/${id}`,
    override: looseTimes,
  });
  return Object.fromEntries(
    Object.entries(schemas).map(([name, { $schema, $id, ...schema }]) => [name, { ...schema }] as const),
  );
}

/** Those schemas that a part of the document leads to. */
function reachable(schemas: Record<string, Json>, from: unknown): Record<string, Json> {
  const found: Record<string, Json> = {};
  const follow = (part: unknown) => {
    for (const [, name = ""] of JSON.stringify(part).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      const schema = schemas[name];
      if (schema === undefined || name in found) continue;
      found[name] = schema;
      follow(schema);
    }
  };
  follow(from);
  return found;
}
