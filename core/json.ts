/**
 * JSON.parse for requests. Some clients (discord.py) send snowflakes as bare numbers, which a double can't hold:
 * integers of 16 digits or more become strings before the parse.
 * @throws SyntaxError on text that isn't JSON.
 */
export function parseJson(text: string): unknown {
  return JSON.parse(LONG_INTEGER.test(text) ? text.replace(STRING_OR_NUMBER, quoteInteger) : text);
}

const LONG_INTEGER = /[:[,]\s*-?\d{16,}\s*[,}\]]/;
const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;
const INTEGER = /^-?\d{16,}$/;

function quoteInteger(token: string): string {
  return INTEGER.test(token) ? `"${token}"` : token;
}

/** Escapes of what Postgres can't store as text: NUL, and a half of a surrogate pair alone. */
const UNSTORABLE = /\\u(0000|d[89a-f])/i;

/** A parsed JSON value whose texts can all be stored: without NUL, and with U+FFFD for half a surrogate pair. */
export function storable(value: unknown, source: string): unknown {
  // Unescaped, neither can be in valid JSON that came as UTF-8.
  return UNSTORABLE.test(source) ? cleaned(value) : value;
}

function cleaned(value: unknown): unknown {
  if (typeof value === "string") return value.replaceAll("\0", "").replace(/\p{Surrogate}/gu, "\ufffd");
  if (Array.isArray(value)) return value.map(cleaned);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, cleaned(each)]));
}
