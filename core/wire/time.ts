/** A timestamp in Discord's form: ISO 8601, microseconds, numeric offset. */
export function wireTime(date: Date): string {
  return `${date.toISOString().slice(0, -1)}000+00:00`;
}

export function wireTimeOrNull(date: Date | null): string | null {
  return date === null ? null : wireTime(date);
}
