import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Busboy, type BusboyFileStream, type BusboyHeaders } from "@fastify/busboy";
import { ApiError, invalidField } from "../errors.ts";
import type { Incoming, Received } from "./incoming.ts";

/** A file that came with a form. */
export interface Upload extends Received {
  /** The n of `files[n]`, by which the body's `attachments` speak of it; else its place among those that came. */
  index: number;
  /** As it was sent: not to be trusted. */
  filename: string;
}

/** A form with files, received whole. */
export interface Form {
  /** `payload_json`, or Slack's `payload`, when there is one. */
  json: string | undefined;
  fields: Readonly<Record<string, string>>;
  files: readonly Upload[];
}

export interface FormLimits {
  fileBytes: number;
  files: number;
  /** Of the JSON and of each other field. */
  fieldBytes: number;
}

const MAX_FIELDS = 20;
/** What boundaries and headers of parts may add. */
const ROOM_BYTES = 64 * 1024;

export const isForm = (request: Request): boolean =>
  /^multipart\/form-data\b/i.test(request.headers.get("content-type") ?? "");

/**
 * Reads a form of Discord's kind: `payload_json` and `files[n]`. Files go to disk as they come. Of a form that is not
 * received to its end, or is refused, nothing is left.
 * https://discord.com/developers/docs/reference#uploading-files
 * @param mayUpload called when the first file begins; throws when the caller may send none
 * @throws 40005 when a file or the whole is too large, 30015 for too many files, 50035 for what is no form
 */
export async function receiveForm(
  request: Request,
  incoming: Incoming,
  limits: FormLimits,
  mayUpload: () => void,
): Promise<Form> {
  const maxBytes = limits.files * limits.fileBytes + 2 * limits.fieldBytes + ROOM_BYTES;
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw new ApiError("PAYLOAD_TOO_LARGE");
  if (request.body === null) throw malformed();
  const fields: Record<string, string> = {};
  const files: Promise<Upload>[] = [];
  const failure = new AbortController();
  const fail = (error: unknown) => failure.abort(error);
  const busboy = openForm(request, limits);
  let current: BusboyFileStream | undefined;
  busboy.on("file", (name, stream, filename) => {
    current = stream;
    // What it says after its reader has gone must not end the process.
    stream.on("error", () => {});
    stream.once("limit", () => fail(new ApiError("PAYLOAD_TOO_LARGE")));
    const index = indexOf(name) ?? files.length;
    const received = permitted(mayUpload, () => incoming.receive(stream));
    received.catch((error) => {
      stream.resume();
      fail(error);
    });
    files.push(received.then((file) => ({ ...file, index, filename })));
  });
  busboy.on("field", (name, value, _nameTruncated, valueTruncated) => {
    if (valueTruncated) fail(new ApiError("PAYLOAD_TOO_LARGE"));
    fields[name] = value;
  });
  busboy.on("error", fail);
  busboy.once("filesLimit", () => fail(new ApiError("MAX_ATTACHMENTS")));
  busboy.once("fieldsLimit", () => fail(malformed()));
  busboy.once("partsLimit", () => fail(malformed()));
  try {
    const body = Readable.fromWeb(request.body);
    await pipeline(body, atMost(maxBytes), busboy, { signal: failure.signal });
    const { payload_json: ours, payload: slacks, ...others } = fields;
    return { json: ours ?? slacks, fields: others, files: await Promise.all(files) };
  } catch (error) {
    current?.destroy();
    const settled = await Promise.allSettled(files);
    await incoming.discard(settled.flatMap((each) => (each.status === "fulfilled" ? [each.value] : [])));
    throw failure.signal.aborted ? faultOf(failure.signal.reason) : faultOf(error);
  }
}

function openForm(request: Request, limits: FormLimits) {
  try {
    const headers: BusboyHeaders = { "content-type": request.headers.get("content-type") ?? "" };
    const busboy = new Busboy({
      headers,
      isPartAFile: (name, _type, filename) => filename !== undefined && !/^payload(_json)?$/.test(name ?? ""),
      limits: {
        fieldSize: limits.fieldBytes,
        fields: MAX_FIELDS,
        fileSize: limits.fileBytes,
        files: limits.files,
        parts: MAX_FIELDS + limits.files + 1,
        headerPairs: 20,
        headerSize: 8192,
      },
    });
    return busboy;
  } catch {
    throw malformed();
  }
}

async function permitted<T>(mayUpload: () => void, receive: () => Promise<T>): Promise<T> {
  mayUpload();
  return receive();
}

function indexOf(name: string | undefined): number | undefined {
  const [, n] = /^files\[(\d{1,4})\]$/.exec(name ?? "") ?? [];
  return n === undefined ? undefined : Number(n);
}

function atMost(maxBytes: number) {
  return async function* (source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let size = 0;
    for await (const chunk of source) {
      size += chunk.length;
      if (size > maxBytes) throw new ApiError("PAYLOAD_TOO_LARGE");
      yield chunk;
    }
  };
}

/** What goes wrong with the connection or in the form's syntax is the sender's fault; what the disk says is ours. */
function faultOf(error: unknown): unknown {
  if (error instanceof ApiError) return error;
  const ofDisk =
    error instanceof Error &&
    "code" in error &&
    /^(ENOSPC|EDQUOT|EIO|EROFS|EACCES|EMFILE|ENOENT)$/.test(String(error.code));
  return ofDisk ? error : malformed();
}

const malformed = () => invalidField([], "MULTIPART_INVALID", "The form can't be read to its end.");
