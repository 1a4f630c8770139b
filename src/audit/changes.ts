import { isDeepStrictEqual } from "node:util";
import type { AuditChange } from "../../core/wire/audit-log.ts";

/** What the log tells of an object: its fields as they are sent, null for none. */
export type Fields = Readonly<Record<string, unknown>>;

/**
 * What differs between an object before and after a change.
 * @param before null for one that is new
 * @param after null for one that is gone
 */
export function changesBetween(before: Fields | null, after: Fields | null): AuditChange[] {
  const keys = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})]);
  return [...keys].flatMap((key) => {
    const was = before?.[key] ?? null;
    const is = after?.[key] ?? null;
    if (isDeepStrictEqual(was, is)) return [];
    return [{ key, ...(was === null ? {} : { old_value: was }), ...(is === null ? {} : { new_value: is }) }];
  });
}
