import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { AwsV4Signer } from "aws4fetch";
import type { S3Config } from "../../core/config.ts";
import { ApiError } from "../errors.ts";
import type { ByteRange, FileStore, LocalFile } from "./store.ts";

const ATTEMPTS = 3;
const PAUSE_MS = 200;
/** For the answer to begin; of an upload, for all of it. */
const PATIENCE_MS = 60_000;
/** SHA-256 of nothing. */
const EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

interface Call {
  method: "GET" | "PUT" | "DELETE";
  key: string;
  headers?: Record<string, string>;
  file?: LocalFile;
}

/**
 * Files in an S3-compatible bucket. Each request is signed with what it brings, so that a broken upload is refused; one
 * that fails for no fault of ours is tried again.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
export function s3Store(config: S3Config): FileStore {
  async function attempt({ method, key, headers = {}, file }: Call): Promise<Response> {
    const { accessKeyId, secretAccessKey, region } = config;
    const signed = await new AwsV4Signer({
      service: "s3",
      region,
      accessKeyId,
      secretAccessKey,
      method,
      url: `${config.endpoint}/${config.bucket}/${key}`,
      headers: { ...headers, "x-amz-content-sha256": file?.sha256 ?? EMPTY },
    }).sign();
    if (file !== undefined) signed.headers.set("content-length", String(file.size));
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(new Error("no answer in time")), PATIENCE_MS);
    try {
      return await fetch(signed.url, {
        method,
        headers: signed.headers,
        signal: patience.signal,
        ...(file === undefined ? {} : { body: Readable.toWeb(createReadStream(file.path)), duplex: "half" }),
      });
    } finally {
      clearTimeout(timer);
    }
  }

  /** @throws 503 when the store can't be reached, or refuses what it should take */
  async function call(request: Call): Promise<Response> {
    for (let tries = 1; ; tries++) {
      const response = await attempt(request).catch((error: unknown) => (error instanceof Error ? error : new Error()));
      if (response instanceof Response && (response.ok || response.status === 404)) return response;
      if (response instanceof Response) await response.body?.cancel();
      const passing = !(response instanceof Response) || response.status >= 500 || response.status === 429;
      if (!passing || tries === ATTEMPTS) {
        throw new ApiError("UNAVAILABLE", undefined, "Files can't be reached, try again in a moment");
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * 2 ** tries));
    }
  }

  return {
    put: async (key, file) => {
      const response = await call({ method: "PUT", key, file });
      await response.body?.cancel();
      if (!response.ok) throw new Error("the bucket for files does not exist");
    },
    get: async (key, range?: ByteRange): Promise<Readable | undefined> => {
      const headers: Record<string, string> = range === undefined ? {} : { range: `bytes=${range.start}-${range.end}` };
      const { status, body } = await call({ method: "GET", key, headers });
      if (status !== 404 && body !== null) return Readable.fromWeb(body);
      await body?.cancel();
      return undefined;
    },
    remove: async (key) => {
      await (await call({ method: "DELETE", key })).body?.cancel();
    },
  };
}
