import { crc32, deflateSync } from "node:zlib";

/** A form as clients send messages with files: `payload_json` and `files[n]`. */
export function form(body: object, ...files: readonly [name: string, bytes: string | Uint8Array][]): FormData {
  const data = new FormData();
  data.set("payload_json", JSON.stringify(body));
  for (const [i, [name, bytes]] of files.entries()) data.set(`files[${i}]`, new Blob([Buffer.from(bytes)]), name);
  return data;
}

/** A PNG of one colour, made by hand so that its header can say anything. */
export function png(width: number, height: number, pixels = Buffer.alloc((width * 3 + 1) * height)): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signature,
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(pixels)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
}
