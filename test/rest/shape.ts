import * as specification from "discord-api-spec/zod";
import { expect } from "vitest";
import type { Json } from "../harness/client.ts";

const schemas: Record<string, { parse(value: unknown): unknown }> = specification;

/** Holds an answer against Discord's own response schema, strictly: no field more than it has. */
export function expectShape(name: string, answer: Json): void {
  const schema = schemas[`${name}Schema`];
  if (schema === undefined) throw new Error(`Discord has no schema ${name}`);
  // The schemas ask for times in UTC with a Z, where Discord writes +00:00.
  const body = JSON.parse(JSON.stringify(answer).replaceAll("+00:00", "Z"));
  expect(schema.parse(body)).toEqual(body);
}
