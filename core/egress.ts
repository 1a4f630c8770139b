import { type LookupAddress, lookup as systemLookup } from "node:dns";
import type { IncomingHttpHeaders } from "node:http";
import { isIP } from "node:net";
import { buildConnector, type Dispatcher, Pool } from "undici";
import { checkUrl, EgressRefused, isAllowedAddress, type NetworkList } from "./egress-rules.ts";

/** Resolves a host name to all of its addresses. */
export type Resolve = (host: string) => Promise<LookupAddress[]>;

export interface EgressOptions {
  /** Networks that may be called although they are private. */
  allow: NetworkList;
  /** The system's own resolver, unless a test has another. */
  resolve?: Resolve;
}

export interface EgressRequest {
  url: string;
  headers: Readonly<Record<string, string>>;
  /** Of a POST. */
  body?: string;
  /** For everything: resolving, connecting, sending, and the whole answer. */
  timeoutMs: number;
  /** An answer's body is read up to here; the rest is not waited for. */
  maxResponseBytes: number;
  /** Gives up early. */
  signal?: AbortSignal;
}

export interface EgressResponse {
  status: number;
  headers: IncomingHttpHeaders;
  /** At most `maxResponseBytes`, as UTF-8. What the other side has compressed stays so. */
  body: string;
  /** The same as it came. */
  bytes: Buffer<ArrayBuffer>;
}

/** The same with its body as bytes. */
interface EgressBytes extends Omit<EgressResponse, "body" | "bytes"> {
  body: Buffer<ArrayBuffer>;
}

/** Sends to URLs that somebody else has chosen. */
export interface Egress {
  /**
   * POSTs once. Redirects are not followed: 3xx is an answer like any other.
   * @throws EgressRefused when the URL or the address is not allowed; Error when there is no whole answer in time
   */
  post(request: EgressRequest): Promise<EgressResponse>;
  /** The same by GET. */
  get(request: EgressRequest): Promise<EgressBytes>;
  /** Ends all connections; what is under way fails. */
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 10_000;
/** While there are other addresses to try: IPv6 is often resolved where it leads nowhere. */
const HASTY_CONNECT_TIMEOUT_MS = 2500;
/** Connections to an origin that nobody has called for this long are given up. */
const IDLE_MS = 60_000;

interface Origin {
  pool: Pool;
  calledAt: number;
  underWay: number;
}

/**
 * Opens a client that keeps connections, a pool for each origin. An address is judged where the connection is made,
 * and the connection is made to that very address: a name that resolves differently the second time gains nothing,
 * and a connection that is used again is one that was judged.
 */
export function openEgress({ allow, resolve = systemResolve }: EgressOptions): Egress {
  const connect = guardedConnector(allow, resolve);
  /** By origin; those that are idle go. */
  const origins = new Map<string, Origin>();
  const sweep = setInterval(() => {
    for (const [name, { pool, calledAt, underWay }] of origins) {
      if (underWay > 0 || Date.now() - calledAt < IDLE_MS) continue;
      origins.delete(name);
      pool.destroy().catch(() => {});
    }
  }, IDLE_MS / 2);
  sweep.unref();

  function originOf(url: URL): Origin {
    let origin = origins.get(url.origin);
    if (origin === undefined) {
      // One deadline rules over all phases, so the pool has none of its own.
      const pool = new Pool(url.origin, { connect, connections: null, headersTimeout: 0, bodyTimeout: 0 });
      origin = { pool, calledAt: 0, underWay: 0 };
      origins.set(url.origin, origin);
    }
    return origin;
  }

  async function call(method: "GET" | "POST", request: EgressRequest): Promise<EgressBytes> {
    request.signal?.throwIfAborted();
    const url = checkUrl(request.url, allow);
    const origin = originOf(url);
    origin.underWay += 1;
    try {
      return await exchange(origin.pool, method, url, request);
    } finally {
      origin.underWay -= 1;
      origin.calledAt = Date.now();
    }
  }

  return {
    post: async (request) => {
      const answer = await call("POST", request);
      return { ...answer, body: answer.body.toString(), bytes: answer.body };
    },
    get: (request) => call("GET", request),
    close: async () => {
      clearInterval(sweep);
      await Promise.all([...origins.values()].map(({ pool }) => pool.destroy()));
      origins.clear();
    },
  };
}

/** One request and its answer, cut at the limit and given up at the deadline, in whatever phase it is. */
function exchange(pool: Pool, method: "GET" | "POST", url: URL, request: EgressRequest): Promise<EgressBytes> {
  const { timeoutMs, maxResponseBytes, signal } = request;
  return new Promise((done, failed) => {
    let controller: Dispatcher.DispatchController | undefined;
    let over = false;
    let status = 0;
    let headers: IncomingHttpHeaders = {};
    const chunks: Buffer[] = [];
    let size = 0;

    const end = () => {
      over = true;
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    };
    const fail = (error: Error) => {
      if (over) return;
      end();
      controller?.abort(error);
      failed(error);
    };
    const succeed = () => {
      if (over) return;
      end();
      done({ status, headers, body: Buffer.concat(chunks) });
    };
    const timer = setTimeout(() => fail(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    const onAbort = () => fail(new Error("the request was aborted"));
    signal?.addEventListener("abort", onAbort);

    const handler: Dispatcher.DispatchHandler = {
      onRequestStart: (started) => {
        controller = started;
        // Given up while it waited for its connection: not a byte is sent.
        if (over) started.abort(new Error("given up"));
      },
      onResponseStart: (_controller, code, received) => {
        status = code;
        headers = received;
      },
      onResponseData: (receiving, chunk) => {
        if (over) return;
        chunks.push(chunk.subarray(0, maxResponseBytes - size));
        size += chunk.length;
        if (size < maxResponseBytes) return;
        succeed();
        receiving.abort(new Error("enough was read"));
      },
      onResponseEnd: succeed,
      onResponseError: (_controller, error) => fail(inWords(error)),
    };
    const path = url.pathname + url.search;
    try {
      pool.dispatch({ method, path, headers: { ...request.headers }, body: request.body ?? null }, handler);
    } catch (error) {
      fail(error instanceof Error ? error : new Error(String(error)));
    }
  });
}

/** Codes of Node and undici in words that anybody may read; without the address that a name resolved to. */
const WORDS: Record<string, string> = {
  ECONNREFUSED: "the connection was refused",
  ECONNRESET: "the connection was reset",
  EPIPE: "the connection was reset",
  UND_ERR_SOCKET: "the connection was closed without an answer",
  UND_ERR_CONNECT_TIMEOUT: "no connection could be made in time",
  UND_ERR_HEADERS_OVERFLOW: "the answer's headers are too long",
  ETIMEDOUT: "no connection could be made in time",
  EHOSTUNREACH: "the host can't be reached",
  ENETUNREACH: "the host can't be reached",
  ENOTFOUND: "the host's name is unknown",
  EAI_AGAIN: "the host's name could not be resolved",
};

function inWords(error: Error): Error {
  const words = "code" in error ? WORDS[String(error.code)] : undefined;
  return words === undefined ? error : new Error(words, { cause: error });
}

const systemResolve: Resolve = (host) =>
  new Promise((done, failed) => {
    systemLookup(host, { all: true }, (error, addresses) => (error === null ? done(addresses) : failed(error)));
  });

/**
 * Resolves, judges, connects to one of the addresses that are allowed, and looks at the peer once more before a byte
 * is written: what came before should have left nothing to find. Sockets can't be left to resolve by themselves, as
 * Node asks no `lookup` for a host that is an address already.
 */
function guardedConnector(allow: NetworkList, resolve: Resolve): buildConnector.connector {
  const patient = buildConnector({ timeout: CONNECT_TIMEOUT_MS });
  const hasty = buildConnector({ timeout: HASTY_CONNECT_TIMEOUT_MS });
  /** The host stays what TLS asks for and checks; the address is what is connected to. */
  const dial = (
    options: buildConnector.Options,
    [address = "", ...others]: readonly string[],
    callback: buildConnector.Callback,
  ): void => {
    (others.length > 0 ? hasty : patient)({ ...options, hostname: address }, (error, socket) => {
      if (error !== null) {
        if (others.length > 0) dial(options, others, callback);
        else callback(error, null);
        return;
      }
      if (isAllowedAddress(socket.remoteAddress ?? "", allow)) return callback(null, socket);
      socket.destroy();
      callback(new EgressRefused("This address is not allowed."), null);
    });
  };
  return (options, callback) => {
    judgedAddresses(options.hostname, allow, resolve).then(
      (addresses) => dial(options, addresses, callback),
      (error) => callback(error, null),
    );
  };
}

/** @throws EgressRefused when there are addresses and none is allowed */
async function judgedAddresses(host: string, allow: NetworkList, resolve: Resolve): Promise<string[]> {
  const found = isIP(host) === 0 ? (await resolve(host)).map(({ address }) => address) : [host];
  const allowed = found.filter((address) => isAllowedAddress(address, allow));
  if (allowed.length === 0) throw new EgressRefused(`${host} has no address that is allowed.`);
  return allowed;
}
