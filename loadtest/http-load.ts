// HTTP clients in one process, apart from the server that is measured: keep-alive connections that send the same request
// over and over, one at a time each.
import { connect } from "node:net";
import { z } from "zod";
import { answer } from "./bench/answer.ts";

const body = z.object({
  port: z.number(),
  /** Head and body, as they go over the wire. */
  request: z.string(),
  connections: z.number(),
  count: z.number(),
  /** What answers may be. */
  statuses: z.array(z.number()).default([200]),
});

/** @returns how long it took. Any other answer is an error. */
answer("load", async (raw) => {
  const { port, request, connections, count, statuses } = body.parse(raw);
  const bytes = Buffer.from(request);
  const fine = statuses.map((status) => `HTTP/1.1 ${status}`);
  let left = count;
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: connections }, () =>
      converse(port, bytes, fine, () => {
        left -= 1;
        return left >= 0;
      }),
    ),
  );
  return (performance.now() - startedAt) / 1000;
});

/** Sends requests over one connection while `more` says so, each when the last is answered. */
function converse(port: number, request: Buffer, fine: readonly string[], more: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    let received: Buffer = Buffer.alloc(0);
    const socket = connect({ host: "127.0.0.1", port, noDelay: true });
    const next = () => {
      if (more()) socket.write(request);
      else socket.end();
    };
    socket.on("connect", next);
    socket.on("data", (chunk) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      const end = endOfAnswer(received);
      if (end === null) return;
      if (!fine.includes(received.toString("latin1", 0, 12))) {
        reject(new Error(received.toString("utf8", 0, 500)));
        socket.destroy();
        return;
      }
      received = received.subarray(end);
      next();
    });
    socket.on("error", reject);
    socket.on("close", () => resolve());
  });
}

/** Where the answer ends, or null when it isn't complete. Reads Content-Length and chunked bodies. */
function endOfAnswer(bytes: Buffer): number | null {
  const head = bytes.indexOf("\r\n\r\n");
  if (head === -1) return null;
  const length = /content-length: (\d+)/i.exec(bytes.toString("latin1", 0, head))?.[1];
  if (length !== undefined) {
    const end = head + 4 + Number(length);
    return bytes.length >= end ? end : null;
  }
  const end = bytes.indexOf("\r\n0\r\n\r\n", head + 2);
  return end === -1 ? null : end + 7;
}
