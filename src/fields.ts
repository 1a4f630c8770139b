import { z } from "zod";
import { ALL_PERMISSIONS } from "../core/permissions.ts";
import { isSnowflake } from "../core/snowflake.ts";

/** The building blocks of request schemas, as tolerant as Discord is in what clients send. */

/** An id, always a string inside. */
export const snowflake = z
  .union([z.string(), z.number().int().nonnegative().transform(String)])
  .pipe(z.string().refine(isSnowflake, "Value is not snowflake."));

/** A permission bit field: a decimal string, or a number from older clients. Unknown bits are dropped. */
export const permissionBits = z
  .union([z.string(), z.number().int().nonnegative().transform(String)])
  .pipe(z.string().regex(/^\d{1,20}$/, "Value is not a permission bit field."))
  .transform((text) => BigInt(text) & ALL_PERMISSIONS);

export const text = (min: number, max: number) => z.string().min(min).max(max);

/** Text whose surrounding spaces don't count. */
export const trimmed = (min: number, max: number) =>
  z
    .string()
    .transform((value) => value.trim())
    .pipe(z.string().min(min).max(max));

/** A flag in a query string. */
export const queryFlag = z
  .enum(["true", "false", "1", "0", "True", "False"])
  .transform((value) => /^(true|1)$/i.test(value));

/** An image as a data URI; what it is, only its bytes tell. Null takes an image away. */
export const imageData = z.string().nullish();

export const limit = (max: number, fallback: number) => z.coerce.number().int().min(1).max(max).default(fallback);

export const httpUrl = z
  .string()
  .max(2048)
  .refine((value) => /^https?:\/\//i.test(value) && URL.canParse(value), "Not a well formed URL.");

/** Text measured in characters, where an emoji is one and not two. */
export const characters = (min: number, max: number) =>
  z.string().refine(
    (value) => {
      const { length } = [...value];
      return length >= min && length <= max;
    },
    { message: `Must be between ${min} and ${max} in length.`, params: { code: "BASE_TYPE_BAD_LENGTH" } },
  );
