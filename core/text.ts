/** The first `units` of a text, without the half of a surrogate pair that would end it: Postgres takes none in JSON. */
export const beginningOf = (text: string, units: number): string =>
  text.slice(0, units).replace(/[\ud800-\udbff]$/, "");
