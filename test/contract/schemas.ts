import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { z } from "zod";
import type { BodyRef } from "../../src/openapi/operations.ts";

const CACHE = join(import.meta.dirname, "../../node_modules/.cache/guildhall");

/**
 * Discord's schemas with strict objects. The package's own switch for them comes too late, as the schemas are made when
 * it is loaded, so a copy of its text is loaded in which objects are strict from the start. Times may have an offset:
 * the description says `date-time`, which is RFC 3339, and Discord writes `+00:00`. Forwards have a reference of type 1,
 * as the documentation says and the description does not; likewise channels of type 16, for media.
 */
async function loadStrictSchemas(): Promise<Map<string, z.core.$ZodType>> {
  const original = readFileSync(fileURLToPath(import.meta.resolve("discord-api-spec/zod")), "utf8");
  const text = [
    ["let zObject = z.object;", "let zObject = z.strictObject;"],
    ["z.iso.datetime()", "z.iso.datetime({ offset: true })"],
    ["z.literal([0, 2, 4, 5, 13, 14, 15])", "z.literal([0, 2, 4, 5, 13, 14, 15, 16])"],
    ["MessageReferenceTypeSchema = /* @__PURE__ */ z.literal(0);", "MessageReferenceTypeSchema = z.literal([0, 1]);"],
  ].reduce((before, [from = "", to = ""]) => {
    if (!before.includes(from)) throw new Error(`discord-api-spec has changed: it has no "${from}"`);
    return before.replaceAll(from, to);
  }, original);
  mkdirSync(CACHE, { recursive: true });
  const path = join(CACHE, "discord-api-spec.strict.mjs");
  // Several test processes may do this at once: none must load another's half of a file.
  writeFileSync(`${path}.${process.pid}`, text);
  renameSync(`${path}.${process.pid}`, path);
  const loaded: object = await import(/* @vite-ignore */ pathToFileURL(path).href);
  return new Map(Object.entries(loaded).filter((entry) => entry[1] instanceof z.core.$ZodType));
}

const schemas = await loadStrictSchemas();

/** @throws RangeError when Discord has no schema of this name. */
export function responseSchema(ref: BodyRef): z.core.$ZodType {
  if (ref === null) return z.null();
  if (typeof ref === "object") {
    if ("arrayOf" in ref) return z.array(responseSchema(ref.arrayOf));
    // A body that fits only the nameless one of several would be none that we send.
    return z.union(ref.oneOf.filter((one) => one !== "inline").map(responseSchema));
  }
  // Discord describes without a name only what answers as Slack does: a text, or none.
  if (ref === "inline") return z.string().nullable();
  const schema = schemas.get(`${ref}Schema`);
  if (schema === undefined) throw new RangeError(`Discord has no schema ${ref}`);
  return schema;
}

/** The fields of an object of Discord's. */
export function shapeOf(name: string): z.core.$ZodShape {
  const schema = responseSchema(name);
  if (!(schema instanceof z.core.$ZodObject)) throw new RangeError(`${name} is no object`);
  return schema._zod.def.shape;
}

/** The first thing that is wrong with a body, as `path: what`; null when it passes. */
export function fault(schema: z.core.$ZodType, body: unknown): string | null {
  const result = z.core.safeParse(schema, body);
  return result.success ? null : describe(result.error.issues);
}

type Issues = readonly z.core.$ZodIssue[];

function describe(issues: Issues, at: readonly PropertyKey[] = []): string {
  const [issue] = issues;
  if (issue === undefined) return "fits none of the possible forms";
  const path = [...at, ...issue.path];
  // Of several forms, the one that the body comes closest to says most.
  if (issue.code === "invalid_union" && issue.errors.length > 0) return describe(closest(issue.errors), path);
  return `${path.map(String).join(".") || "body"}: ${issue.message}`;
}

/** The form whose own `type` fits, with the least wrong. */
function closest(forms: readonly Issues[]): Issues {
  const wrong = (issues: Issues) => issues.length + (issues.some((issue) => issue.path[0] === "type") ? 1000 : 0);
  return forms.reduce((best, form) => (wrong(form) < wrong(best) ? form : best));
}
