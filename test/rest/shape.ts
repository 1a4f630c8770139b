import { expect } from "vitest";
import { fault, responseSchema } from "../contract/schemas.ts";
import type { Json } from "../harness/client.ts";

/** Holds an answer against Discord's own response schema, strictly: no field more than it has. */
export function expectShape(name: string, answer: Json): void {
  expect(fault(responseSchema(name), answer), name).toBeNull();
}
