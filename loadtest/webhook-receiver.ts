// Where the bench has webhooks sent: answers 204 and counts. In a process of its own, so that neither sender shares its
// thread.
import { createServer, type IncomingMessage } from "node:http";
import { z } from "zod";
import { answer } from "./bench/answer.ts";

const { PORT } = z.object({ PORT: z.coerce.number() }).parse(process.env);

let received = 0;
let firstAt = 0;
let awaited = { count: 0, done: (_seconds: number) => {} };
let sample: { path: string; headers: IncomingMessage["headers"]; body: string } | null = null;

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    if (received === 0) firstAt = performance.now();
    received += 1;
    sample ??= { path: request.url ?? "", headers: request.headers, body: Buffer.concat(chunks).toString() };
    response.writeHead(204).end();
    if (received === awaited.count) awaited.done((performance.now() - firstAt) / 1000);
  });
});
server.keepAliveTimeout = 600_000;

/** Begins to count anew. @returns the seconds from the first of `count` requests to the last */
answer("count", (raw) => {
  const { count } = z.object({ count: z.number() }).parse(raw);
  received = 0;
  return new Promise((done) => {
    awaited = { count, done };
  });
});

answer("received", () => received);

/** The first request that ever came. */
answer("sample", () => sample);

answer("ready", async () => {
  if (!server.listening) await new Promise<void>((done) => server.listen(PORT, "127.0.0.1", done));
});
