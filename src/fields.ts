import { z } from "zod";
import { ALL_PERMISSIONS } from "../core/permissions.ts";
import { isSnowflake } from "../core/snowflake.ts";
import { isUrl } from "../core/url.ts";

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

/** A flag of a body, which may be a form: there it is text. */
export const flag = z.preprocess((value) => queryFlag.safeParse(value).data ?? value, z.boolean());

/** A bit field of a body; likewise. */
export const bits = z.preprocess(
  (value) => (typeof value === "string" && /^\d{1,10}$/.test(value) ? Number(value) : value),
  z.number().int().min(0).max(0x7fffffff),
);

/** An image as a data URI; what it is, only its bytes tell. Null takes an image away. */
export const imageData = z.string().nullish();

export const limit = (max: number, fallback: number) => z.coerce.number().int().min(1).max(max).default(fallback);

export const httpUrl = z
  .string()
  .max(2048)
  .refine((value) => /^https?:\/\//i.test(value) && isUrl(value), "Not a well formed URL.");

/** Of these years are times that Postgres has a text for, and Python's datetime can hold. */
const FIRST_MS = Date.parse("0001-01-01T00:00:00Z");
const LAST_MS = Date.parse("9999-12-31T23:59:59.999Z");
export const isMoment = (ms: number): boolean => ms >= FIRST_MS && ms <= LAST_MS;

const unreadable = { code: "DATE_TIME_TYPE_PARSE" };
/** A point in time in ISO 8601; without an offset in UTC. */
export const moment = z.iso
  .datetime({ offset: true, local: true })
  .transform((time) => new Date(/(Z|[+-]\d\d:\d\d)$/.test(time) ? time : `${time}Z`))
  .refine((date) => isMoment(date.getTime()), { message: "Must be of the years 1 to 9999.", params: unreadable });

/** How many there are, where an emoji is one and not two; as zod and Discord count. */
export const charactersIn = (text: string): number => [...text].length;

/** Text measured in characters. */
export const characters = (min: number, max: number) =>
  z.string().refine(
    (value) => {
      const length = charactersIn(value);
      return length >= min && length <= max;
    },
    { message: `Must be between ${min} and ${max} in length.`, params: { code: "BASE_TYPE_BAD_LENGTH" } },
  );
