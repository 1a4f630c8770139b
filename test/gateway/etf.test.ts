import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeEtf, encodeEtf } from "../../gateway/etf.ts";

const json = fc.jsonValue({ maxDepth: 6 }).map((value) => JSON.parse(JSON.stringify(value)));

test("whatever JSON can hold comes back", () => {
  fc.assert(
    fc.property(json, (value) => {
      expect(decodeEtf(encodeEtf(value))).toEqual(value);
    }),
    { numRuns: 1000 },
  );
});

test("terms as the specification writes them", () => {
  const bytes = (hex: string) => Buffer.from(hex.replaceAll(" ", ""), "hex");
  expect(encodeEtf({ op: 1, d: null })).toEqual(
    bytes("83 74 00000002 6d 00000002 6f70 61 01 6d 00000001 64 73 03 6e696c"),
  );
  expect(decodeEtf(bytes("83 64 0004 74727565"))).toBe(true);
  expect(decodeEtf(bytes("83 77 03 6e696c"))).toBeNull();
  expect(decodeEtf(bytes("83 6b 0003 010203"))).toEqual([1, 2, 3]);
  expect(decodeEtf(bytes("83 68 02 61 05 62 ffffffff"))).toEqual([5, -1]);
  expect(decodeEtf(bytes("83 6e 08 00 15cd5b07 00000000"))).toBe(123456789);
  expect(decodeEtf(bytes("83 6e 08 00 ffffffffffffff7f"))).toBe("9223372036854775807");
  expect(encodeEtf(2 ** 40)).toEqual(bytes("83 6e 08 00 0000000000010000"));
});

test("100,000 inputs of garbage: a value or an error, never more", () => {
  const start = fc.constantFrom(97, 98, 70, 99, 100, 104, 105, 106, 107, 108, 109, 110, 111, 115, 116, 118, 119, 0);
  const garbage = fc
    .tuple(start, fc.uint8Array({ maxLength: 40 }))
    .map(([tag, rest]) => Buffer.from([131, tag, ...rest]));
  fc.assert(
    fc.property(garbage, (bytes) => {
      try {
        decodeEtf(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
    }),
    { numRuns: 100_000 },
  );
});

test("deep nesting and false counts are refused, not followed", () => {
  const deep = Buffer.concat([Buffer.from([131]), Buffer.from("6c00000001".repeat(500), "hex")]);
  expect(() => decodeEtf(deep)).toThrow("nested too deeply");
  expect(() => decodeEtf(Buffer.from("836cffffffff6101", "hex"))).toThrow("cut off");
  expect(() => decodeEtf(Buffer.from("836dffffffff61", "hex"))).toThrow("cut off");
  expect(() => decodeEtf(Buffer.from("83610161", "hex"))).toThrow("bytes after the term");
  // {op: 1} with an atom for its key.
  expect(() => decodeEtf(Buffer.from("8374000000017702" + "6f706101", "hex"))).toThrow("no string");
});
