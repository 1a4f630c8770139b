/**
 * Erlang's external term format, as far as gateways and their clients speak it. Maps have binaries for keys, strings
 * are binaries, null and booleans atoms. https://www.erlang.org/doc/apps/erts/erl_ext_dist.html
 */
const VERSION = 131;
const tag = {
  newFloat: 70,
  smallInteger: 97,
  integer: 98,
  float: 99,
  atom: 100,
  smallTuple: 104,
  largeTuple: 105,
  nil: 106,
  string: 107,
  list: 108,
  binary: 109,
  smallBig: 110,
  largeBig: 111,
  smallAtom: 115,
  map: 116,
  atomUtf8: 118,
  smallAtomUtf8: 119,
} as const;

/** Nesting beyond this is an attack, not a payload. */
const MAX_DEPTH = 64;

/** Encodes what JSON can hold. */
export function encodeEtf(value: unknown): Buffer {
  const parts: Buffer[] = [Buffer.from([VERSION])];
  write(parts, value);
  return Buffer.concat(parts);
}

function write(parts: Buffer[], value: unknown): void {
  if (value === null || value === undefined) parts.push(atom("nil"));
  else if (typeof value === "boolean") parts.push(atom(String(value)));
  else if (typeof value === "number") parts.push(number(value));
  else if (typeof value === "string") parts.push(binary(value));
  else if (Array.isArray(value)) {
    if (value.length > 0) parts.push(header(tag.list, value.length));
    for (const each of value) write(parts, each);
    parts.push(Buffer.from([tag.nil]));
  } else if (typeof value === "object") {
    const entries = Object.entries(value).filter(([, each]) => each !== undefined);
    parts.push(header(tag.map, entries.length));
    for (const [key, each] of entries) {
      parts.push(binary(key));
      write(parts, each);
    }
  } else throw new TypeError(`${typeof value} is no JSON`);
}

function header(kind: number, size: number): Buffer {
  const bytes = Buffer.alloc(5);
  bytes.writeUInt8(kind);
  bytes.writeUInt32BE(size, 1);
  return bytes;
}

function atom(name: string): Buffer {
  return Buffer.concat([Buffer.from([tag.smallAtom, name.length]), Buffer.from(name, "latin1")]);
}

function binary(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([header(tag.binary, bytes.length), bytes]);
}

function number(value: number): Buffer {
  if (Number.isInteger(value) && !Object.is(value, -0)) {
    if (value >= 0 && value <= 255) return Buffer.from([tag.smallInteger, value]);
    if (value >= -(2 ** 31) && value < 2 ** 31) {
      const bytes = Buffer.alloc(5);
      bytes.writeUInt8(tag.integer);
      bytes.writeInt32BE(value, 1);
      return bytes;
    }
    if (Number.isSafeInteger(value)) return smallBig(value);
  }
  const bytes = Buffer.alloc(9);
  bytes.writeUInt8(tag.newFloat);
  bytes.writeDoubleBE(value, 1);
  return bytes;
}

function smallBig(value: number): Buffer {
  const bytes = Buffer.alloc(11);
  bytes.writeUInt8(tag.smallBig);
  bytes.writeUInt8(8, 1);
  bytes.writeUInt8(value < 0 ? 1 : 0, 2);
  bytes.writeBigUInt64LE(BigInt(Math.abs(value)), 3);
  return bytes;
}

/** @throws Error for bytes that are no term, that go on after it, or that nest too deeply */
export function decodeEtf(bytes: Buffer): unknown {
  const reader = new Reader(bytes);
  if (reader.byte() !== VERSION) throw new Error("not a term");
  const value = reader.term(0);
  if (!reader.atEnd()) throw new Error("bytes after the term");
  return value;
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  byte(): number {
    return this.#take(1).readUInt8();
  }

  term(depth: number): unknown {
    if (depth > MAX_DEPTH) throw new Error("nested too deeply");
    const kind = this.byte();
    switch (kind) {
      case tag.smallInteger:
        return this.byte();
      case tag.integer:
        return this.#take(4).readInt32BE();
      case tag.newFloat:
        return this.#take(8).readDoubleBE();
      case tag.float:
        return Number.parseFloat(this.#take(31).toString("latin1"));
      case tag.smallBig:
        return this.#big(this.byte());
      case tag.largeBig:
        return this.#big(this.#size());
      case tag.atom:
      case tag.atomUtf8:
        return named(this.#take(this.#take(2).readUInt16BE()).toString("utf8"));
      case tag.smallAtom:
      case tag.smallAtomUtf8:
        return named(this.#take(this.byte()).toString("utf8"));
      case tag.binary:
        return this.#take(this.#size()).toString("utf8");
      case tag.string:
        return [...this.#take(this.#take(2).readUInt16BE())];
      case tag.nil:
        return [];
      case tag.list:
        return this.#list(depth);
      case tag.smallTuple:
        return this.#terms(this.byte(), depth);
      case tag.largeTuple:
        return this.#terms(this.#size(), depth);
      case tag.map:
        return this.#map(depth);
      default:
        throw new Error(`no term of kind ${kind}`);
    }
  }

  #take(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new Error("the term is cut off");
    const part = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return part;
  }

  #size(): number {
    return this.#take(4).readUInt32BE();
  }

  /** A number that a double can't hold is an id, and stays exact as text. */
  #big(length: number): number | string {
    const negative = this.byte() !== 0;
    let value = 0n;
    for (const byte of [...this.#take(length)].reverse()) value = (value << 8n) | BigInt(byte);
    if (negative) value = -value;
    const approximate = Number(value);
    return Number.isSafeInteger(approximate) ? approximate : value.toString();
  }

  #terms(count: number, depth: number): unknown[] {
    const values: unknown[] = [];
    // Each term takes a byte at least, so a false count ends at the end of the bytes.
    for (let i = 0; i < count; i++) values.push(this.term(depth + 1));
    return values;
  }

  #list(depth: number): unknown[] {
    const values = this.#terms(this.#size(), depth);
    if (this.byte() !== tag.nil) throw new Error("a list without an end");
    return values;
  }

  #map(depth: number): Record<string, unknown> {
    const count = this.#size();
    const entries: [string, unknown][] = [];
    for (let i = 0; i < count; i++) {
      // Atoms as keys are refused, as Discord does: https://discord.com/developers/docs/events/gateway#using-etf-encoding
      if (this.byte() !== tag.binary) throw new Error("a key that is no string");
      const key = this.#take(this.#size()).toString("utf8");
      entries.push([key, this.term(depth + 1)]);
    }
    return Object.fromEntries(entries);
  }
}

function named(atomName: string): unknown {
  if (atomName === "nil" || atomName === "null") return null;
  if (atomName === "true") return true;
  if (atomName === "false") return false;
  return atomName;
}
