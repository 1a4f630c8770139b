import fc from "fast-check";
import { expect, test } from "vitest";
import { parseJson, storable } from "../../core/json.ts";

test("ids sent as bare numbers keep every digit", () => {
  expect(parseJson(`{"id":1234567890123456789,"list":[ 9223372036854775807 ]}`)).toEqual({
    id: "1234567890123456789",
    list: ["9223372036854775807"],
  });
});

test("digits inside strings, fractions and small numbers stay as they are", () => {
  const text = `{"s":"a 1234567890123456789, \\"9223372036854775807\\"","n":12,"x":1.5e3,"id":1234567890123456789}`;
  expect(parseJson(text)).toEqual({
    s: `a 1234567890123456789, "9223372036854775807"`,
    n: 12,
    x: 1500,
    id: "1234567890123456789",
  });
});

test("everything that JSON.stringify writes is read as JSON.parse reads it", () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      // A long integer beside it, so that the slow path is taken.
      const wrapped = `[${text},1234567890123456789]`;
      const expected = [withLongIntegersQuoted(JSON.parse(text)), "1234567890123456789"];
      expect(parseJson(wrapped)).toEqual(expected);
    }),
  );
});

test("what Postgres can't store as text is taken out, and nothing else", () => {
  const read = (text: string) => storable(JSON.parse(text), text);
  expect(read(String.raw`{"a":["x\u0000y","\ud83d\ude00\uD83D!","\udc00"],"b":{"__proto__":"\u0000"}}`)).toEqual({
    a: ["xy", "\u{1f600}\ufffd!", "\ufffd"],
    b: JSON.parse('{"__proto__":""}'),
  });
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: "grapheme" }), (value) => {
      const text = JSON.stringify(value);
      expect(storable(JSON.parse(text), `${text} ${String.raw`\ud83d`}`)).toEqual(JSON.parse(text));
    }),
  );
});

/** What the parser promises: integers of 16 digits or more are strings. */
function withLongIntegersQuoted(value: unknown): unknown {
  if (typeof value === "number") return /^-?\d{16,}$/.test(String(value)) ? String(value) : value;
  if (Array.isArray(value)) return value.map(withLongIntegersQuoted);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, withLongIntegersQuoted(each)]));
  }
  return value;
}
