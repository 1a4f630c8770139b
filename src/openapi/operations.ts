import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

/** What a body must be: a schema by name, a list, one of several, or nothing; `inline` has no name. */
const bodyRef = z.union([
  z.null(),
  z.string(),
  z.object({
    get arrayOf() {
      return bodyRef;
    },
  }),
  z.object({
    get oneOf() {
      return z.array(bodyRef);
    },
  }),
]);
export type BodyRef = null | string | { arrayOf: BodyRef } | { oneOf: BodyRef[] };

const operation = z.object({
  operation: z.string(),
  method: z.enum(["GET", "POST", "PUT", "PATCH", "DELETE"]),
  path: z.string(),
  /** 1: the core of a bot platform, 2: community features, 3: commerce and the social SDK. */
  tier: z.literal([1, 2, 3]),
  /** By content type. */
  body: z.record(z.string(), bodyRef).optional(),
  /** By status. */
  responses: z.record(z.string(), bodyRef),
});
export type Operation = z.infer<typeof operation>;

/** Every operation of Discord's public OpenAPI description. */
export const operations: readonly Operation[] = z
  .array(operation)
  .parse(JSON.parse(readFileSync(join(import.meta.dirname, "operations.json"), "utf8")));
