import { constants, createInflate, inflateSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { DispatchFrame, encode, formatOf, streamHeader, ZLIB_HEADER, ZSTD_HEADER } from "../../gateway/frames.ts";

test("a dispatch is the body with its number before it", () => {
  const frame = new DispatchFrame(7, `"t":"TYPING_START","d":{"a":1}`);
  expect(frame.for(formatOf("json", "none"))).toBe(`{"op":0,"s":7,"t":"TYPING_START","d":{"a":1}}`);
});

test("each form is made once, whoever asks", () => {
  const frame = new DispatchFrame(1, `"t":"X","d":{}`);
  expect(frame.for(formatOf("json", "zlib-stream"))).toBe(frame.for(formatOf("json", "zlib-stream")));
  expect(frame.withoutContent()).toBe(frame.withoutContent());
});

test("zlib-stream: any frames, in any order and repeated, read through one inflater give back the text", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.string({ unit: "binary", maxLength: 3000 }), { minLength: 1 }), async (texts) => {
      const inflate = createInflate({ flush: constants.Z_SYNC_FLUSH });
      const chunks: Buffer[] = [];
      inflate.on("data", (chunk: Buffer) => chunks.push(chunk));
      inflate.write(ZLIB_HEADER);
      for (const text of texts) {
        const frame = encode(text, formatOf("json", "zlib-stream"));
        expect(Buffer.from(frame).subarray(-4).toString("hex")).toBe("0000ffff");
        await new Promise((resolve) => inflate.write(frame, resolve));
      }
      expect(Buffer.concat(chunks).toString("utf8")).toBe(Buffer.from(texts.join("")).toString("utf8"));
    }),
    { numRuns: 100 },
  );
});

test("zstd-stream: a frame is raw blocks of at most 128 KiB that say their size", () => {
  fc.assert(
    fc.property(fc.nat({ max: 300_000 }), (length) => {
      const text = "x".repeat(length + 1);
      const frame = Buffer.from(encode(text, formatOf("json", "zstd-stream")));
      let read = "";
      for (let at = 0; at < frame.length; ) {
        const header = frame.readUIntLE(at, 3);
        expect(header & 0b111).toBe(0);
        const size = header >> 3;
        expect(size).toBeLessThanOrEqual(128 * 1024);
        read += frame.subarray(at + 3, at + 3 + size).toString("utf8");
        at += 3 + size;
      }
      expect(read === text).toBe(true);
    }),
    { numRuns: 30 },
  );
  expect(streamHeader("zstd-stream")).toBe(ZSTD_HEADER);
});

test("payload compression: large messages are complete zlib streams, small ones text", () => {
  const large = "y".repeat(5000);
  expect(inflateSync(encode(large, formatOf("json", "payload"))).toString()).toBe(large);
  expect(encode("small", formatOf("json", "payload"))).toBe("small");
});

test("without content: text, embeds, attachments and components are gone, the rest stays", () => {
  const message = {
    id: "1",
    content: "secret",
    embeds: [{}],
    attachments: [{}],
    components: [{}],
    author: { id: "2" },
  };
  const frame = new DispatchFrame(3, `"t":"MESSAGE_CREATE","d":${JSON.stringify(message)}`);
  const { d, ...rest } = JSON.parse(String(frame.withoutContent().for(formatOf("json", "none"))));
  expect(rest).toEqual({ op: 0, s: 3, t: "MESSAGE_CREATE" });
  expect(d).toEqual({ ...message, content: "", embeds: [], attachments: [], components: [] });
});
