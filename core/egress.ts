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
  body?: string | Uint8Array;
  /** For everything: resolving, connecting, sending, and the whole answer. */
  timeoutMs: number;
  /** An answer's body is read up to here; the rest is not waited for. */
  maxResponseBytes: number;
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
  /** Ends all connections. What is under way fails with EgressClosed, and so does what is asked for later. */
  close(): Promise<void>;
}

/** The request was broken off by whom it was made for. */
export class EgressClosed extends Error {
  override readonly name = "EgressClosed";
}

const CONNECT_TIMEOUT_MS = 10_000;
/** While there are other addresses to try: IPv6 is often resolved where it leads nowhere. */
const HASTY_CONNECT_TIMEOUT_MS = 2500;
/** Connections to an origin that nobody has called for this long are given up. */
const IDLE_MS = 60_000;

/** URLs that are remembered as judged. */
const MAX_JUDGED = 10_000;

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

  /** What URLs were found to be; cleared when full. The rules are about the text, so they say the same each time. */
  const judged = new Map<string, { origin: string; path: string }>();
  const exchanges = new Set<Exchange>();
  let closed = false;

  /** @throws EgressRefused */
  function judge(text: string): { origin: string; path: string } {
    const known = judged.get(text);
    if (known !== undefined) return known;
    const url = checkUrl(text, allow);
    if (judged.size >= MAX_JUDGED) judged.clear();
    const place = { origin: url.origin, path: url.pathname + url.search };
    judged.set(text, place);
    return place;
  }

  function originOf(name: string): Origin {
    let origin = origins.get(name);
    if (origin === undefined) {
      // One deadline rules over all phases, so the pool has none of its own.
      const pool = new Pool(name, { connect, connections: null, headersTimeout: 0, bodyTimeout: 0 });
      origin = { pool, calledAt: 0, underWay: 0 };
      origins.set(name, origin);
    }
    return origin;
  }

  async function call(method: "GET" | "POST", request: EgressRequest): Promise<EgressBytes> {
    if (closed) throw new EgressClosed("This client was closed.");
    const { origin: name, path } = judge(request.url);
    const origin = originOf(name);
    origin.underWay += 1;
    const exchange = new Exchange(request);
    exchanges.add(exchange);
    try {
      return await exchange.run(origin.pool, method, path);
    } finally {
      exchanges.delete(exchange);
      origin.underWay -= 1;
      origin.calledAt = Date.now();
    }
  }

  return {
    post: async (request) => {
      const { status, headers, body } = await call("POST", request);
      return { status, headers, body: body.toString(), bytes: body };
    },
    get: (request) => call("GET", request),
    close: async () => {
      closed = true;
      clearInterval(sweep);
      for (const exchange of exchanges) exchange.fail(new EgressClosed("The request was broken off."));
      await Promise.all([...origins.values()].map(({ pool }) => pool.destroy()));
      origins.clear();
    },
  };
}

/**
 * One request and its answer, cut at the limit and given up at the deadline, in whatever phase it is. A class, as there
 * are thousands a second: closures are made anew for each.
 */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #request: EgressRequest;
  #timer: NodeJS.Timeout | undefined;
  #done: ((answer: EgressBytes) => void) | undefined;
  #failed: ((error: Error) => void) | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #over = false;
  #status = 0;
  #headers: IncomingHttpHeaders = {};
  readonly #chunks: Buffer[] = [];
  #size = 0;

  constructor(request: EgressRequest) {
    this.#request = request;
  }

  run(pool: Pool, method: "GET" | "POST", path: string): Promise<EgressBytes> {
    const { headers, body = null, timeoutMs } = this.#request;
    return new Promise((done, failed) => {
      this.#done = done;
      this.#failed = failed;
      this.#timer = setTimeout(Exchange.#expire, timeoutMs, this);
      try {
        pool.dispatch({ method, path, headers, body }, this);
      } catch (error) {
        this.fail(error instanceof Error ? error : new Error(String(error)));
      }
    });
  }

  static #expire(exchange: Exchange): void {
    exchange.fail(new Error(`no answer within ${exchange.#request.timeoutMs} ms`));
  }

  fail(error: Error): void {
    if (this.#over) return;
    this.#end();
    this.#controller?.abort(error);
    this.#failed?.(error);
  }

  #end(): void {
    this.#over = true;
    clearTimeout(this.#timer);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // Given up while it waited for its connection: not a byte is sent.
    if (this.#over) controller.abort(new Error("given up"));
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#over) return;
    const { maxResponseBytes } = this.#request;
    this.#chunks.push(chunk.subarray(0, maxResponseBytes - this.#size));
    this.#size += chunk.length;
    if (this.#size < maxResponseBytes) return;
    this.onResponseEnd();
    controller.abort(new Error("enough was read"));
  }

  onResponseEnd(): void {
    if (this.#over) return;
    this.#end();
    this.#done?.({ status: this.#status, headers: this.#headers, body: Buffer.concat(this.#chunks) });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.fail(inWords(error));
  }
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
