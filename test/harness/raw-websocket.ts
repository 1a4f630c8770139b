import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";

/** WebSocket opcodes. RFC 6455 section 5.2. */
export const opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** One frame as a client sends it, or as none should. */
export function frame(
  kind: number,
  payload: string | Buffer,
  options: { fin?: boolean; masked?: boolean; reserved?: number; claimedLength?: number } = {},
): Buffer {
  const { fin = true, masked = true, reserved = 0 } = options;
  const bytes = Buffer.from(payload);
  const first = (fin ? 0x80 : 0) | (reserved << 4) | kind;
  const head = Buffer.concat([Buffer.from([first]), lengthBytes(options.claimedLength ?? bytes.length, masked)]);
  if (!masked) return Buffer.concat([head, bytes]);
  const mask = randomBytes(4);
  return Buffer.concat([head, mask, Buffer.from(bytes.map((byte, i) => byte ^ (mask[i % 4] ?? 0)))]);
}

function lengthBytes(length: number, masked: boolean): Buffer {
  const bit = masked ? 0x80 : 0;
  if (length < 126) return Buffer.from([bit | length]);
  const bytes = Buffer.alloc(length < 65_536 ? 3 : 9);
  if (length < 65_536) {
    bytes.writeUInt8(bit | 126);
    bytes.writeUInt16BE(length, 1);
  } else {
    bytes.writeUInt8(bit | 127);
    bytes.writeBigUInt64BE(BigInt(length), 1);
  }
  return bytes;
}

/** A gateway connection over a bare TCP socket: what it writes is what goes out. */
export class RawWebSocket {
  readonly tcp: Socket;
  /** Payloads of text frames. */
  readonly texts: string[] = [];
  /** Payloads of pongs. */
  readonly pongs: string[] = [];
  closeCode: number | null = null;
  /** The server has ended the connection. */
  ended = false;
  #unread = Buffer.alloc(0);

  private constructor(tcp: Socket) {
    this.tcp = tcp;
    tcp.on("data", (chunk) => this.#onData(chunk));
    tcp.on("close", () => {
      this.ended = true;
    });
  }

  /**
   * Connects and upgrades.
   * @param from an address of this machine, such as 127.0.0.2
   * @throws Error with the HTTP status line when it is not upgraded
   */
  static async open(
    url: string,
    options: { query?: string; from?: string; headers?: string } = {},
  ): Promise<RawWebSocket> {
    const tcp = await openTcp(url, options.from);
    const key = randomBytes(16).toString("base64");
    tcp.write(
      `GET /?${options.query ?? "v=10&encoding=json"} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n${options.headers ?? ""}\r\n`,
    );
    const answer = await readHead(tcp);
    if (!answer.head.startsWith("HTTP/1.1 101")) {
      tcp.destroy();
      throw new Error(answer.head.split("\r\n")[0]);
    }
    const socket = new RawWebSocket(tcp);
    socket.#onData(answer.rest);
    return socket;
  }

  write(...frames: Buffer[]): void {
    this.tcp.write(Buffer.concat(frames));
  }

  get acks(): number {
    return this.texts.filter((text) => text.startsWith('{"op":11')).length;
  }

  /** Reads no more than this from now on. @returns how to read freely again */
  throttle(bytesPerSecond: number): () => void {
    const turnMs = 100;
    this.tcp.pause();
    const timer = setInterval(() => {
      this.tcp.read(Math.min(Math.ceil((bytesPerSecond * turnMs) / 1000), this.tcp.readableLength));
    }, turnMs);
    return () => {
      clearInterval(timer);
      this.tcp.resume();
    };
  }

  destroy(): void {
    this.tcp.destroy();
  }

  #onData(chunk: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, chunk]);
    for (let frame = this.#take(); frame !== null; frame = this.#take()) {
      const text = frame.payload.toString();
      if (frame.kind === opcode.text) this.texts.push(text);
      else if (frame.kind === opcode.pong) this.pongs.push(text);
      else if (frame.kind === opcode.close)
        this.closeCode = frame.payload.length < 2 ? 0 : frame.payload.readUInt16BE();
    }
  }

  /** A server's frames are not masked, and ours are never fragmented. */
  #take(): { kind: number; payload: Buffer } | null {
    const bytes = this.#unread;
    if (bytes.length < 2) return null;
    const short = bytes.readUInt8(1) & 0x7f;
    const start = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (bytes.length < start) return null;
    const length = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
    if (bytes.length < start + length) return null;
    this.#unread = bytes.subarray(start + length);
    return { kind: bytes.readUInt8() & 0x0f, payload: bytes.subarray(start, start + length) };
  }
}

/** A TCP connection that says nothing yet. Errors are no concern of the tests: they see that it ended. */
export function openTcp(url: string, from = "127.0.0.1"): Promise<Socket> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const tcp = connect({ host: hostname, port: Number(port), localAddress: from });
    tcp.once("error", reject);
    tcp.once("connect", () => {
      tcp.off("error", reject).on("error", () => {});
      resolve(tcp);
    });
  });
}

function readHead(tcp: Socket): Promise<{ head: string; rest: Buffer }> {
  return new Promise((resolve, reject) => {
    let bytes = Buffer.alloc(0);
    const onEnd = () => reject(new Error("closed without an answer"));
    const onData = (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      const end = bytes.indexOf("\r\n\r\n");
      if (end === -1) return;
      tcp.off("data", onData).off("close", onEnd);
      resolve({ head: bytes.subarray(0, end).toString("latin1"), rest: bytes.subarray(end + 4) });
    };
    tcp.on("data", onData).once("close", onEnd);
  });
}
