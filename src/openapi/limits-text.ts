import type { Rate } from "../limits/rules.ts";
import type { Route } from "../route.ts";

/** A route's limits in words, e.g. `5 requests in 5 s for each channel_id`. */
export function limitsOf({ bucket, sharedLimit }: Pick<Route, "bucket" | "sharedLimit">): string {
  const each = bucket.per.length === 0 ? "" : ` for each ${bucket.per.join(" and ")}`;
  const parts = [`${inWords(bucket)}${each}`];
  if (bucket.shared !== undefined) parts.push(`${inWords(bucket.shared)} of all callers together`);
  if (sharedLimit !== undefined) {
    parts.push(`${inWords(sharedLimit)} of all callers together that set ${sharedLimit.fields.join(" or ")}`);
  }
  return parts.join("; ");
}

const inWords = ({ requests, seconds }: Rate): string =>
  `${requests} request${requests === 1 ? "" : "s"} in ${seconds} s`;
