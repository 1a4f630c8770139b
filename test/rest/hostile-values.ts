/** What no field expects. */
export const HOSTILE: readonly unknown[] = [
  { a: { b: 1 } },
  [],
  [["x"]],
  [null],
  true,
  1.5,
  -1,
  1e308,
  Number.MAX_SAFE_INTEGER,
  null,
  "",
  " ",
  "x".repeat(10_000),
  "é".repeat(5000),
  "\u0000",
  "a\u0000b",
  "\ud800",
  "\udc00\ud800",
  "-1",
  "1e3",
  "0x10",
  "00",
  "9223372036854775807",
  "9223372036854775808",
  "99999999999999999999",
  "'; drop table users; --",
  "{{7*7}}%s%n$1\\1",
  "\u202e\u200b\ufeff",
  "__proto__",
];

/** Each copy of a JSON value in which one node, at any depth, is replaced by a hostile one. */
export function* mutations(value: unknown): Generator<unknown> {
  if (typeof value === "object" && value !== null) {
    for (const [key, child] of Object.entries(value)) {
      for (const changed of [...HOSTILE, ...inside(child)]) yield withChild(value, key, changed);
    }
  }
}

function* inside(child: unknown): Generator<unknown> {
  if (typeof child === "object" && child !== null) yield* mutations(child);
}

function withChild(parent: object, key: string, child: unknown): unknown {
  if (Array.isArray(parent)) return parent.map((each, i) => (String(i) === key ? child : each));
  return { ...parent, [key]: child };
}

/** Path segments that are no snowflake, as they stand in a URL. */
export const NOT_SNOWFLAKES: readonly string[] = [
  "abc",
  "-1",
  "1e3",
  "0x10",
  "1.5",
  "+1",
  "%201",
  "1%00",
  "null",
  "01",
  "%D9%A1%D9%A2",
  "%ff",
  "1;drop%20table%20users",
  "'%20or%20'1'='1",
  "%2e%2e%2f",
  "9223372036854775808",
  "18446744073709551616",
  "9".repeat(30),
  "9".repeat(3000),
];
