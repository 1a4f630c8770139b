import { type LookupAddress, lookup as systemLookup } from "node:dns";
import { type ClientRequest, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { LookupFunction } from "node:net";
import { checkUrl, EgressRefused, isAllowedAddress, type NetworkList } from "./egress-rules.ts";

/** Resolves a host name to all of its addresses. */
export type Resolve = (host: string) => Promise<LookupAddress[]>;

export interface EgressRequest {
  url: string;
  headers: Readonly<Record<string, string>>;
  body: string;
  /** For everything: resolving, connecting, sending, and the whole answer. */
  timeoutMs: number;
  /** An answer's body is read up to here; the rest is not waited for. */
  maxResponseBytes: number;
  /** Networks that may be called although they are private. */
  allow: NetworkList;
  /** Gives up early. */
  signal?: AbortSignal;
  resolve?: Resolve;
}

export interface EgressResponse {
  status: number;
  headers: IncomingHttpHeaders;
  /** At most `maxResponseBytes`, as UTF-8. */
  body: string;
}

/**
 * POSTs to a URL that somebody else has chosen. The address is judged where the connection is made, so that a name
 * that resolves differently the second time gains nothing. Redirects are not followed: 3xx is an answer like any
 * other. Each request has a connection of its own, which therefore has been judged.
 * @throws EgressRefused when the address is not allowed; Error when there is no whole answer in time
 */
export async function egressPost(options: EgressRequest): Promise<EgressResponse> {
  const { allow, timeoutMs, signal } = options;
  signal?.throwIfAborted();
  const url = checkUrl(options.url, allow);
  const request = (url.protocol === "https:" ? httpsRequest : httpRequest)(url, {
    method: "POST",
    agent: false,
    headers: { ...options.headers, "content-length": Buffer.byteLength(options.body) },
    lookup: guardedLookup(options.resolve ?? systemResolve, allow),
  });
  guardSocket(request, allow);
  let gaveUp: Error | undefined;
  const giveUp = (why: string) => {
    gaveUp = new Error(why);
    request.destroy(gaveUp);
  };
  const timer = setTimeout(() => giveUp(`no answer within ${timeoutMs} ms`), timeoutMs);
  const onAbort = () => giveUp("the request was aborted");
  signal?.addEventListener("abort", onAbort);
  try {
    return await readAnswer(await answerTo(request, options.body), options.maxResponseBytes);
  } catch (error) {
    throw gaveUp ?? error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
    request.destroy();
  }
}

const systemResolve: Resolve = (host) =>
  new Promise((done, failed) => {
    systemLookup(host, { all: true }, (error, addresses) => (error === null ? done(addresses) : failed(error)));
  });

/**
 * What the socket asks for addresses: it gets only those that are allowed, and connects to one of exactly these. Not
 * called for a host that is an address already: `checkUrl` has judged that one.
 */
function guardedLookup(resolve: Resolve, allow: NetworkList): LookupFunction {
  return (host, options, callback) => {
    resolve(host).then(
      (addresses) => {
        const allowed = addresses.filter(({ address }) => isAllowedAddress(address, allow));
        const [first] = allowed;
        if (first === undefined) callback(new EgressRefused(`${host} has no address that is allowed.`), "", 0);
        else if (options.all === true) callback(null, allowed);
        else callback(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, "", 0),
    );
  };
}

/** The last look, at the peer itself, before a byte is written: what is above should have left nothing to find. */
function guardSocket(request: ClientRequest, allow: NetworkList): void {
  request.on("socket", (socket) => {
    socket.once("connect", () => {
      if (isAllowedAddress(socket.remoteAddress ?? "", allow)) return;
      request.destroy(new EgressRefused("This address is not allowed."));
    });
  });
}

function answerTo(request: ClientRequest, body: string): Promise<IncomingMessage> {
  return new Promise((done, failed) => {
    request.on("response", done);
    request.on("error", failed);
    // Such as after "101 Switching Protocols", which nobody asked for.
    request.on("close", () => failed(new Error("the connection was closed without an answer")));
    request.end(body);
  });
}

async function readAnswer(response: IncomingMessage, maxBytes: number): Promise<EgressResponse> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    if (!Buffer.isBuffer(chunk)) continue;
    chunks.push(chunk.subarray(0, maxBytes - size));
    size += chunk.length;
    if (size >= maxBytes) break;
  }
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString() };
}
