import { constants, createInflate, type Inflate, inflateSync } from "node:zlib";
import { decodeEtf } from "../../gateway/etf.ts";
import { ZSTD_HEADER } from "../../gateway/frames.ts";
import type { Payload } from "./socket.ts";

/** Reads what comes over one gateway connection, in the format that its URL's query asks for. */
export class PayloadDecoder {
  readonly #etf: boolean;
  readonly #compression: string | null;
  readonly #onPayload: (payload: Payload) => void;
  #inflate: Inflate | undefined;
  #inflated: Promise<void> = Promise.resolve();
  #zstdOpened = false;

  constructor(query: URLSearchParams, onPayload: (payload: Payload) => void) {
    this.#etf = query.get("encoding") === "etf";
    this.#compression = query.get("compress");
    this.#onPayload = onPayload;
  }

  /** Settles when what has come so far is decompressed, which another thread does. */
  get caughtUp(): Promise<void> {
    return this.#inflated;
  }

  read(data: Buffer, binary: boolean): void {
    if (!binary) this.#onPayload(JSON.parse(data.toString("utf8")));
    else if (this.#compression === "zlib-stream") {
      this.#inflate ??= this.#startInflate();
      const inflate = this.#inflate;
      this.#inflated = new Promise((resolve) => inflate.write(data, () => resolve()));
    } else if (this.#compression === "zstd-stream") this.#onPayload(this.#decode(this.#readZstd(data)));
    // A payload compressed by itself, as IDENTIFY may ask for: ETF starts with 131, a zlib stream with 0x78.
    else this.#onPayload(this.#decode(data[0] === 0x78 ? inflateSync(data) : data));
  }

  #decode(bytes: Buffer): Payload {
    // Our own decoder: what it is worth, its own test says.
    return (this.#etf ? decodeEtf(bytes) : JSON.parse(bytes.toString("utf8"))) as Payload;
  }

  #startInflate(): Inflate {
    const inflate = createInflate({ flush: constants.Z_SYNC_FLUSH });
    let pending = Buffer.alloc(0);
    inflate.on("data", (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      let payload: Payload;
      try {
        payload = this.#decode(pending);
      } catch {
        // A large message comes in several chunks.
        return;
      }
      pending = Buffer.alloc(0);
      this.#onPayload(payload);
    });
    return inflate;
  }

  /** Reads raw blocks, which are all that is sent; a real decoder reads them in the discord.py test. */
  #readZstd(data: Buffer): Buffer {
    const blocks: Buffer[] = [];
    for (let at = this.#zstdOpened ? 0 : ZSTD_HEADER.length; at < data.length; ) {
      const size = data.readUIntLE(at, 3) >> 3;
      blocks.push(data.subarray(at + 3, at + 3 + size));
      at += 3 + size;
    }
    this.#zstdOpened = true;
    return Buffer.concat(blocks);
  }
}
