import type { Readable } from "node:stream";
import type { Context, Hono } from "hono";
import { isSnowflake } from "../../core/snowflake.ts";
import type { App } from "../app.ts";
import { ApiError } from "../errors.ts";
import type { HttpEnv } from "../http-context.ts";
import { findServedFile } from "../store/files.ts";
import { isShown } from "./content-type.ts";
import { attachmentKey, type ByteRange } from "./store.ts";

/** Nothing that is served here may run, whatever a browser takes it for. */
export const SAFE_HEADERS = {
  "X-Content-Type-Options": "nosniff",
  "Content-Security-Policy": "default-src 'none'; img-src 'self'; media-src 'self'; sandbox",
  "Cross-Origin-Resource-Policy": "cross-origin",
  "Access-Control-Allow-Origin": "*",
};

/** Serves files: attachments to who has a signed URL. */
export function serveFiles(http: Hono<HttpEnv>, app: Pick<App, "sql" | "files" | "cdn">): void {
  http.get("/cdn/attachments/:channel_id/:id/:filename", async (c) => {
    const { channel_id: channelId, id, filename } = c.req.param();
    const { ex = "", is = "", hm = "" } = c.req.query();
    if (!app.cdn.verify(`attachments/${channelId}/${id}/${filename}`, { ex, is, hm })) throw new ApiError("NOT_FOUND");
    const file = isSnowflake(id) ? await findServedFile(app.sql, id) : undefined;
    if (file === undefined) throw new ApiError("NOT_FOUND");
    const seconds = Math.max(0, Number.parseInt(ex, 16) - Math.floor(Date.now() / 1000));
    const headers = {
      ...SAFE_HEADERS,
      "Content-Type": file.content_type,
      "Content-Disposition": `${isShown(file.content_type) ? "inline" : "attachment"}; filename="${file.filename}"`,
      "Cache-Control": `private, max-age=${seconds}, immutable`,
      "Accept-Ranges": "bytes",
      ETag: `"${file.id}"`,
    };
    return send(c, headers, file.size, (range) => app.files.get(attachmentKey(file.id), range));
  });
}

/** Answers with bytes: the whole, the range asked for, or that nothing has changed. RFC 9110 sections 13 and 14 */
async function send(
  c: Context<HttpEnv>,
  headers: Record<string, string> & { ETag: string },
  size: number,
  open: (range?: ByteRange) => Promise<Readable | undefined>,
): Promise<Response> {
  if (matches(c.req.header("if-none-match"), headers.ETag)) return new Response(null, { status: 304, headers });
  const condition = c.req.header("if-range");
  const wanted = condition === undefined || condition === headers.ETag ? c.req.header("range") : undefined;
  const range = rangeOf(wanted, size);
  if (range === "beyond") {
    return new Response(null, { status: 416, headers: { ...headers, "Content-Range": `bytes */${size}` } });
  }
  const length = range === undefined ? size : range.end - range.start + 1;
  const all = {
    ...headers,
    "Content-Length": String(length),
    ...(range === undefined ? {} : { "Content-Range": `bytes ${range.start}-${range.end}/${size}` }),
  };
  const status = range === undefined ? 200 : 206;
  // Hono answers HEAD by GET without its body: the file is not even opened.
  if (c.req.method === "HEAD" || length === 0) return new Response(null, { status, headers: all });
  const stream = await open(range);
  if (stream === undefined) throw new ApiError("NOT_FOUND");
  return new Response(toWeb(stream), { status, headers: all });
}

/** Node's own types tell two web streams apart that are one. */
function toWeb(stream: Readable): ReadableStream<Uint8Array> {
  const chunks = stream[Symbol.asyncIterator]();
  return new ReadableStream(
    {
      pull: async (controller) => {
        const { done, value } = await chunks.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
      cancel: () => {
        stream.destroy();
      },
    },
    { highWaterMark: 0 },
  );
}

export function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(",").some((each) => each.trim() === "*" || each.trim().replace(/^W\//, "") === etag);
}

/** One range of bytes; undefined when none was asked for, or several, which may be answered by the whole. */
function rangeOf(header: string | undefined, size: number): ByteRange | "beyond" | undefined {
  const [, from = "", to = ""] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? "") ?? [];
  if (from === "" && to === "") return undefined;
  const start = from === "" ? Math.max(0, size - Number(to)) : Number(from);
  const end = from === "" || to === "" ? size - 1 : Math.min(Number(to), size - 1);
  if (from !== "" && to !== "" && Number(to) < start) return undefined;
  return start >= size || start > end ? "beyond" : { start, end };
}
