import { connect, type Socket } from "node:net";

/** One for all sockets: what is read is looked at before the next read. */
const readBuffer = Buffer.allocUnsafe(256 * 1024);

export interface RawSocketOptions {
  port: number;
  /** With the query. */
  path: string;
  /** Sent as soon as the socket is open. */
  first: string | null;
  onOpen: () => void;
  /** Called for each data frame, after it is counted. */
  onFrame: (socket: RawSocket) => void;
  /** Called with each text frame while set. */
  onText: ((socket: RawSocket, text: string) => void) | null;
  onClose: (socket: RawSocket) => void;
}

/**
 * A WebSocket client that counts what it gets and looks at nothing: a few microseconds a frame, so that thousands of
 * them leave the machine to the server. RFC 6455; the server's frames are taken to be whole messages, unmasked.
 */
export class RawSocket {
  /** Data frames received. */
  frames = 0;
  /** The code in the server's close frame. */
  closeCode: number | null = null;
  /** Whether it was we who dropped it. */
  dropped = false;
  onText: RawSocketOptions["onText"];
  readonly #socket: Socket;
  readonly #options: RawSocketOptions;
  /** The HTTP answer until it is complete, then null. */
  #handshake: string | null = "";
  readonly #head = Buffer.alloc(10);
  #headSize = 0;
  /** Bytes of the current frame that are still to come. */
  #left = 0;
  #parts: Buffer[] = [];

  constructor(options: RawSocketOptions) {
    this.#options = options;
    this.onText = options.onText;
    this.#socket = connect({
      host: "127.0.0.1",
      port: options.port,
      noDelay: true,
      onread: { buffer: readBuffer, callback: (size) => this.#onRead(readBuffer.subarray(0, size)) },
    });
    this.#socket.on("error", () => {});
    this.#socket.on("close", () => options.onClose(this));
    const lines = [
      `GET ${options.path} HTTP/1.1`,
      "Host: 127.0.0.1",
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: Z3VpbGRoYWxsLWJlbmNoIQ==",
    ];
    this.#socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  }

  send(text: string): void {
    this.#socket.write(textFrame(text));
  }

  /** Drops the connection without a close frame, as a client that lost its network. */
  destroy(): void {
    this.dropped = true;
    this.#socket.destroy();
  }

  #onRead(bytes: Buffer): boolean {
    let at = 0;
    if (this.#handshake !== null) {
      const before = this.#handshake.length;
      this.#handshake += bytes.toString("latin1");
      const end = this.#handshake.indexOf("\r\n\r\n");
      if (end === -1) return true;
      if (!this.#handshake.startsWith("HTTP/1.1 101")) {
        this.#socket.destroy();
        return false;
      }
      at = end + 4 - before;
      this.#handshake = null;
      if (this.#options.first !== null) this.send(this.#options.first);
      this.#options.onOpen();
    }
    while (at < bytes.length) at = this.#left > 0 ? this.#takePayload(bytes, at) : this.#takeHead(bytes, at);
    return true;
  }

  #takePayload(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#left);
    if (this.onText !== null || this.#isClose) this.#parts.push(Buffer.from(bytes.subarray(at, end)));
    this.#left -= end - at;
    if (this.#left === 0) this.#finish();
    return end;
  }

  #takeHead(bytes: Buffer, at: number): number {
    this.#head[this.#headSize] = bytes[at] ?? 0;
    this.#headSize += 1;
    const length = this.#headSize < 2 ? 0 : this.#head.readUInt8(1);
    const needed = length < 126 ? 2 : length === 126 ? 4 : 10;
    if (this.#headSize < needed) return at + 1;
    this.#headSize = 0;
    if (needed === 2) this.#left = length;
    else this.#left = needed === 4 ? this.#head.readUInt16BE(2) : Number(this.#head.readBigUInt64BE(2));
    if (this.#left === 0) this.#finish();
    return at + 1;
  }

  get #isClose(): boolean {
    return (this.#head.readUInt8(0) & 0x0f) === 8;
  }

  #finish(): void {
    const opcode = this.#head.readUInt8(0) & 0x0f;
    const payload = this.#parts.length === 0 ? null : Buffer.concat(this.#parts);
    this.#parts = [];
    if (opcode === 8) this.closeCode = payload === null || payload.length < 2 ? 1005 : payload.readUInt16BE(0);
    if (opcode !== 1 && opcode !== 2) return;
    this.frames += 1;
    if (opcode === 1 && payload !== null) this.onText?.(this, payload.toString());
    this.#options.onFrame(this);
  }
}

/** A client's frame. Its mask is zero, which leaves the text as it is. */
function textFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  if (payload.length > 0xffff) throw new RangeError("no client of the bench sends that much");
  const head = payload.length < 126 ? [0x81, 0x80 | payload.length] : [0x81, 0xfe, payload.length >> 8, payload.length];
  return Buffer.concat([Buffer.from(head.map((byte) => byte & 0xff)), Buffer.alloc(4), payload]);
}
