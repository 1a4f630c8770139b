import { constants, deflateRawSync, deflateSync } from "node:zlib";
import { encodeEtf } from "./etf.ts";

export type Compression = "none" | "zlib-stream" | "zstd-stream" | "payload";
export type Encoding = "json" | "etf";

/** How a connection wants its messages. One object for each kind: see formatOf. */
export interface Format {
  readonly encoding: Encoding;
  readonly compression: Compression;
}

const formats = new Map<string, Format>();

/** The one object for this kind of connection, so that it can be a key. */
export function formatOf(encoding: Encoding, compression: Compression): Format {
  const name = `${encoding} ${compression}`;
  const known = formats.get(name);
  if (known !== undefined) return known;
  const format = { encoding, compression };
  formats.set(name, format);
  return format;
}

/** Every zlib-stream connection starts with these two bytes; what follows is shared by all. */
export const ZLIB_HEADER = Buffer.from([0x78, 0x01]);
/** A zstd frame header: magic, no checksum, no content size, window of 2^20. RFC 8878 section 3.1.1. */
export const ZSTD_HEADER = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x50]);

const DEFLATE = { finishFlush: constants.Z_SYNC_FLUSH };
/** A small message needs no large window, and zlib clears all its tables each time: 17 µs a message became 11. */
const DEFLATE_SMALL = { ...DEFLATE, windowBits: 12, memLevel: 4 };
const SMALL = 4096;
const ZSTD_MAX_BLOCK = 128 * 1024;
/** Payload compression is for large messages; small ones go as text, as Discord does. */
const PAYLOAD_THRESHOLD = 1024;

/**
 * One message for one kind of connection, from its JSON text. For zlib-stream: raw deflate ended by a sync flush with no reference to
 * anything before it, so that the same bytes fit into every connection's stream. For zstd-stream: raw blocks, which
 * touch no decoder state.
 */
export function encode(text: string, format: Format): string | Buffer {
  const payload = format.encoding === "etf" ? encodeEtf(JSON.parse(text)) : text;
  switch (format.compression) {
    case "none":
      return payload;
    case "zlib-stream":
      return deflateRawSync(payload, payload.length < SMALL ? DEFLATE_SMALL : DEFLATE);
    case "zstd-stream":
      return zstdRawBlocks(Buffer.from(payload));
    case "payload":
      return payload.length < PAYLOAD_THRESHOLD ? payload : deflateSync(payload);
  }
}

function zstdRawBlocks(data: Buffer): Buffer {
  const blocks: Buffer[] = [];
  for (let at = 0; at < data.length; at += ZSTD_MAX_BLOCK) {
    const block = data.subarray(at, at + ZSTD_MAX_BLOCK);
    const header = Buffer.alloc(3);
    // Block header, little endian: last block 0, type raw 0, size. RFC 8878 section 3.1.1.2.
    header.writeUIntLE(block.length << 3, 0, 3);
    blocks.push(header, block);
  }
  return Buffer.concat(blocks);
}

/** The bytes that open a connection's stream, sent in one message with its first payload. */
export function streamHeader(compression: Compression): Buffer | null {
  if (compression === "zlib-stream") return ZLIB_HEADER;
  if (compression === "zstd-stream") return ZSTD_HEADER;
  return null;
}

const PLAIN = formatOf("json", "none");

/** A dispatch in all the forms that its recipients need, each made once, when the first needs it. */
export class DispatchFrame {
  readonly #text: string;
  #stripped: DispatchFrame | undefined;
  readonly #encoded = new Map<Format, string | Buffer>();
  readonly #sequence: number;
  readonly #body: string;

  /** @param body `"t":"NAME","d":{…}` */
  constructor(sequence: number, body: string) {
    this.#sequence = sequence;
    this.#body = body;
    this.#text = `{"op":0,"s":${sequence},${body}}`;
  }

  for(format: Format): string | Buffer {
    if (format === PLAIN) return this.#text;
    let encoded = this.#encoded.get(format);
    if (encoded === undefined) {
      encoded = encode(this.#text, format);
      this.#encoded.set(format, encoded);
    }
    return encoded;
  }

  /** The same without what a bot needs MESSAGE_CONTENT for. https://discord.com/developers/docs/events/gateway#message-content-intent */
  withoutContent(): DispatchFrame {
    this.#stripped ??= new DispatchFrame(this.#sequence, stripContent(this.#body));
    return this.#stripped;
  }
}

function stripContent(body: string): string {
  const { t, d }: { t: string; d: Record<string, unknown> } = JSON.parse(`{${body}}`);
  return `"t":"${t}","d":${JSON.stringify(contentless(d))}`;
}

/** A message without what a bot needs MESSAGE_CONTENT for, in what it answers or forwards as well. */
export function contentless(d: Record<string, unknown>): object {
  const { referenced_message: referenced, message_snapshots: snapshots } = d;
  return {
    ...withoutText(d),
    ...(isObject(referenced) ? { referenced_message: withoutText(referenced) } : {}),
    ...(Array.isArray(snapshots) ? { message_snapshots: snapshots.map(withoutSnapshotText) } : {}),
  };
}

function withoutText(message: object): object {
  const { poll: _asked, ...rest }: { poll?: unknown } = message;
  return { ...rest, content: "", embeds: [], attachments: [], components: [] };
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

function withoutSnapshotText(snapshot: unknown): unknown {
  if (!isObject(snapshot) || !("message" in snapshot) || !isObject(snapshot.message)) return snapshot;
  return { message: withoutText(snapshot.message) };
}
