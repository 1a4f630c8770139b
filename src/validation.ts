import type { z } from "zod";
import { ApiError, formErrors } from "./errors.ts";

/**
 * Parses input or throws 50035 with Discord's nested `_errors`.
 * https://discord.com/developers/docs/reference#error-messages
 */
export function parseForm<T>(schema: z.ZodType<T>, input: unknown): T {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  throw new ApiError(
    "INVALID_FORM",
    formErrors(
      result.error.issues.map((issue) => ({
        path: issue.path.map((step) => (typeof step === "symbol" ? step.toString() : step)),
        ...fault(issue, input),
      })),
    ),
  );
}

function fault(issue: z.core.$ZodIssue, input: unknown): { code: string; message: string } {
  switch (issue.code) {
    case "invalid_type":
      return valueAt(input, issue.path) === undefined
        ? { code: "BASE_TYPE_REQUIRED", message: "This field is required" }
        : { code: "BASE_TYPE_BAD_TYPE", message: `Value must be of type ${issue.expected}.` };
    case "too_big":
      return issue.origin === "string" || issue.origin === "array"
        ? { code: "BASE_TYPE_BAD_LENGTH", message: `Must be ${issue.maximum} or fewer in length.` }
        : { code: "NUMBER_TYPE_MAX", message: `Value should be less than or equal to ${issue.maximum}.` };
    case "too_small":
      return issue.origin === "string" || issue.origin === "array"
        ? { code: "BASE_TYPE_BAD_LENGTH", message: `Must be ${issue.minimum} or more in length.` }
        : { code: "NUMBER_TYPE_MIN", message: `Value should be greater than or equal to ${issue.minimum}.` };
    case "invalid_value":
      return { code: "BASE_TYPE_CHOICES", message: `Value must be one of {${issue.values.map(String).join(", ")}}.` };
    case "invalid_union": {
      if (valueAt(input, issue.path) === undefined)
        return { code: "BASE_TYPE_REQUIRED", message: "This field is required" };
      // None of the forms has this discriminator: Discord names those that there are.
      const of = "discriminator" in issue && "options" in issue && Array.isArray(issue.options) ? issue.options : [];
      if (of.length === 0) return { code: "BASE_TYPE_INVALID", message: issue.message };
      return { code: "BASE_TYPE_CHOICES", message: `Value must be one of {${of.map(String).join(", ")}}.` };
    }
    case "invalid_format":
      if (issue.format === "datetime") {
        const text = String(valueAt(input, issue.path)).slice(0, 64);
        return { code: "DATE_TIME_TYPE_PARSE", message: `Could not parse ${text}. Should be ISO8601.` };
      }
      return { code: "BASE_TYPE_BAD_FORMAT", message: issue.message };
    case "custom":
      return { code: String(issue.params?.code ?? "BASE_TYPE_INVALID"), message: issue.message };
    default:
      return { code: "BASE_TYPE_INVALID", message: issue.message };
  }
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value: unknown = input;
  for (const step of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = Reflect.get(value, step);
  }
  return value;
}
