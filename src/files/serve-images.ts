import type { Context, Hono } from "hono";
import type { App } from "../app.ts";
import { ApiError } from "../errors.ts";
import type { HttpEnv } from "../http-context.ts";
import { defaultAvatar, type Extension, FORMATS, render } from "./pictures.ts";
import { matches, SAFE_HEADERS } from "./serve.ts";
import { imageKey } from "./store.ts";

/** https://discord.com/developers/docs/reference#image-formatting-cdn-endpoints */
const PATHS = [
  "/cdn/avatars/:id/:file",
  "/cdn/banners/:id/:file",
  "/cdn/icons/:id/:file",
  "/cdn/guilds/:guild_id/users/:id/avatars/:file",
  "/cdn/guilds/:guild_id/users/:id/banners/:file",
  "/cdn/splashes/:id/:file",
  "/cdn/discovery-splashes/:id/:file",
  "/cdn/role-icons/:id/:file",
  "/cdn/app-icons/:id/:file",
];
const FOREVER = "public, max-age=31536000, immutable";
const MIN_SIZE = 16;
const MAX_SIZE = 4096;
/** Of a picture that is asked for without a size. */
const DEFAULT_SIZE = 1024;
/** Renderings that are kept, all together. */
const MEMORY_BYTES = 32 * 1024 * 1024;

/**
 * Serves pictures of users, guilds, roles and applications, in the sizes and formats that libraries ask for. A picture
 * is found by its hash alone, which nobody knows who was not told of it.
 */
export function serveImages(http: Hono<HttpEnv>, app: Pick<App, "files">): void {
  const memory = createMemory(MEMORY_BYTES);

  async function rendering(hash: string, extension: Extension, size: number, moves: boolean): Promise<Buffer> {
    const key = `${hash}.${extension}.${size}.${moves}`;
    const known = memory.get(key);
    if (known !== undefined) return known;
    const stream = await app.files.get(imageKey(hash));
    if (stream === undefined) throw new ApiError("NOT_FOUND");
    const made = await render(Buffer.concat(await stream.toArray()), extension, size, moves);
    memory.set(key, made);
    return made;
  }

  for (const path of PATHS) {
    http.get(path, async (c) => {
      const [, hash = "", extension = ""] = /^((?:a_)?[0-9a-f]{32})\.([a-z]+)$/.exec(c.req.param("file") ?? "") ?? [];
      if (!isExtension(extension)) throw new ApiError("NOT_FOUND");
      const size = sizeOf(c.req.query("size"));
      const animated = hash.startsWith("a_");
      // Only what moves is there as a GIF.
      if (extension === "gif" && !animated) throw new ApiError("NOT_FOUND");
      const moves = animated && (extension === "gif" || (extension === "webp" && c.req.query("animated") === "true"));
      const headers = headersOf(`"${hash}.${extension}.${size}.${moves}"`, `image/${FORMATS[extension]}`);
      return answer(c, headers, () => rendering(hash, extension, size, moves));
    });
  }

  http.get("/cdn/embed/avatars/:file", (c) => {
    const [, number] = /^(\d)\.png$/.exec(c.req.param("file")) ?? [];
    return answer(c, headersOf(`"default-${number}"`, "image/png"), async () => {
      const picture = number === undefined ? undefined : await defaultAvatar(Number(number));
      if (picture === undefined) throw new ApiError("NOT_FOUND");
      return picture;
    });
  });
}

async function answer(c: Context<HttpEnv>, headers: { ETag: string }, make: () => Promise<Buffer>): Promise<Response> {
  if (matches(c.req.header("if-none-match"), headers.ETag)) return new Response(null, { status: 304, headers });
  return new Response(new Uint8Array(await make()), { headers });
}

const headersOf = (etag: string, type: string) => ({
  ...SAFE_HEADERS,
  "Content-Type": type,
  "Cache-Control": FOREVER,
  ETag: etag,
});

const isExtension = (text: string): text is Extension => Object.hasOwn(FORMATS, text);

/** A power of two, so that there are few renderings of each picture. @throws 400 for others */
function sizeOf(text: string | undefined): number {
  if (text === undefined) return DEFAULT_SIZE;
  const size = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (size < MIN_SIZE || size > MAX_SIZE || !Number.isInteger(Math.log2(size))) throw new ApiError("GENERAL");
  return size;
}

/** Keeps what was asked for last, up to so many bytes. */
function createMemory(maxBytes: number) {
  const kept = new Map<string, Buffer>();
  let bytes = 0;
  return {
    get: (key: string): Buffer | undefined => {
      const found = kept.get(key);
      if (found !== undefined) {
        kept.delete(key);
        kept.set(key, found);
      }
      return found;
    },
    set: (key: string, value: Buffer): void => {
      if (value.length > maxBytes / 4 || kept.has(key)) return;
      kept.set(key, value);
      bytes += value.length;
      for (const [oldest, { length }] of kept) {
        if (bytes <= maxBytes) break;
        kept.delete(oldest);
        bytes -= length;
      }
    },
  };
}
