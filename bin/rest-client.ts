import { readFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { rootCertificates } from "node:tls";

/** What the API answered. */
export interface Answer {
  status: number;
  /** JSON where it is JSON, else the text; undefined when there is none. */
  body: unknown;
}

/** A request that was not answered as hoped. */
export class RestError extends Error {
  override readonly name = "RestError";
  readonly status: number;
  constructor(what: string, { status, body }: Answer) {
    super(`${what} was answered with ${status}: ${typeof body === "string" ? body : JSON.stringify(body)}`);
    this.status = status;
  }
}

/** Asks one API. */
export interface RestClient {
  /** Whatever is answered. `path` begins at the root: /readyz. */
  fetch(method: string, path: string, options?: { token?: string | undefined; body?: unknown }): Promise<Answer>;
  /** The body of a 2xx answer. `path` is below /api/v10. @throws RestError for any other. */
  call(method: string, path: string, options?: { token?: string | undefined; body?: unknown }): Promise<unknown>;
}

/**
 * A client of the API at `baseUrl`. With `tlsCert`, the file of our own certificate, that one is trusted too, and over
 * loopback under whichever name.
 */
export function restClient(baseUrl: string, tlsCert?: string): RestClient {
  const trust = trustOf(baseUrl, tlsCert);
  const fetch: RestClient["fetch"] = (method, path, { token, body } = {}) =>
    new Promise((resolve, reject) => {
      const url = new URL(baseUrl + path);
      const text = body === undefined ? undefined : JSON.stringify(body);
      const request = (url.protocol === "https:" ? httpsRequest : httpRequest)(url, {
        method,
        ...trust,
        headers: {
          ...(token === undefined ? {} : { authorization: token }),
          ...(text === undefined
            ? {}
            : { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
        },
      });
      request.once("error", reject);
      request.setTimeout(30_000, () => request.destroy(new Error(`${url.origin} did not answer within 30 s`)));
      request.once("response", (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.once("error", reject);
        response.once("end", () => resolve({ status: response.statusCode ?? 0, body: parse(Buffer.concat(chunks)) }));
      });
      request.end(text);
    });
  return {
    fetch,
    call: async (method, path, options) => {
      const answer = await fetch(method, `/api/v10${path}`, options);
      if (answer.status < 200 || answer.status > 299) throw new RestError(`${method} ${path}`, answer);
      return answer.body;
    },
  };
}

/** Options for TLS connections to the platform at `url`, which has this certificate. */
export function trustOf(url: string, tlsCert: string | undefined) {
  if (tlsCert === undefined) return {};
  const ca = [...rootCertificates, readFileSync(tlsCert, "utf8")];
  return LOOPBACK.has(new URL(url).hostname) ? { ca, checkServerIdentity: () => undefined } : { ca };
}

const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);

function parse(bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined;
  const text = bytes.toString("utf8");
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
