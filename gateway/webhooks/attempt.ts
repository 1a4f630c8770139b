import { type Egress, EgressClosed } from "../../core/egress.ts";
import { EgressRefused } from "../../core/egress-rules.ts";
import { beginningOf } from "../../core/text.ts";
import { postSigned, signed } from "../../core/webhook-endpoint.ts";
import type { SigningKeys } from "../../core/webhook-signing.ts";
import type { Attempt, Outcome } from "./finish.ts";
import { retryDelayMs } from "./retry-schedule.ts";

const MAX_ERROR_LENGTH = 500;
const MAX_HEADERS = 50;
const MAX_HEADER_LENGTH = 500;

export interface AttemptOptions {
  egress: Egress;
  timeoutMs: number;
  retryDelaysMs: readonly number[];
}

/** Something to send: the id is the webhook-id, so that a receiver knows a repeat for one. */
export interface Sendable {
  id: string;
  url: string;
  keys: SigningKeys;
  body: string;
  /** Attempts made before. */
  attempts: number;
  /** Somebody asked for this attempt: its failure is no reason for another. */
  manual: boolean;
  /** Whether those behind it wait while it is tried again. */
  inPlace: boolean;
}

/** Sends a delivery once. @returns undefined when it was broken off, as the egress was closed: it is made again */
export async function attempt(sendable: Sendable, options: AttemptOptions): Promise<Outcome | undefined> {
  const { id, url, keys, body } = sendable;
  const { egress, timeoutMs, retryDelaysMs } = options;
  const request = signed(keys, id, body);
  const startedAt = new Date();
  const began = performance.now();
  const made: Attempt = {
    startedAt,
    latencyMs: 0,
    status: null,
    error: null,
    requestHeaders: shown(request.headers),
    responseHeaders: null,
    responseBody: null,
  };
  try {
    const response = await postSigned(egress, url, request, timeoutMs);
    const { status } = response;
    made.latencyMs = Math.round(performance.now() - began);
    made.status = status;
    made.responseHeaders = shown(response.headers);
    made.responseBody = storable(response.body);
    if (status >= 200 && status < 300) return { state: "delivered", error: null, attempt: made };
    const error = cut(`answered ${status}: ${response.body}`);
    if (status === 410) return { state: "dead", error, attempt: made };
    return failed(sendable, error, made, response.headers["retry-after"], retryDelaysMs);
  } catch (error) {
    if (error instanceof EgressClosed) return undefined;
    const reason = error instanceof Error ? error.message : String(error);
    // The name may resolve otherwise tomorrow, so this is retried too.
    made.error = cut(error instanceof EgressRefused ? `refused: ${reason}` : reason);
    made.latencyMs = Math.round(performance.now() - began);
    return failed(sendable, made.error, made, undefined, retryDelaysMs);
  }
}

function failed(
  { attempts, manual, inPlace }: Sendable,
  error: string,
  made: Attempt,
  retryAfter: string | undefined,
  retryDelaysMs: readonly number[],
): Outcome {
  const throttled = made.status === 429;
  const retryInMs = manual ? undefined : retryDelayMs(retryDelaysMs, attempts + 1, { retryAfter, throttled });
  if (retryInMs === undefined) return { state: "dead", error, attempt: made };
  return { state: "pending", error, attempt: made, retryInMs, inPlace };
}

/** The outcome where the keys can't be opened. */
export function unsignable(retryInMs: number | undefined): Outcome {
  const error = "the keys of the endpoint can't be opened: GUILDHALL_SECRET is not what it was";
  const made = { startedAt: new Date(), latencyMs: 0, status: null, error };
  const attempt = { ...made, requestHeaders: {}, responseHeaders: null, responseBody: null };
  if (retryInMs === undefined) return { state: "dead", error, attempt };
  return { state: "pending", error, attempt, retryInMs, inPlace: false };
}

/** Whoever reads the log must not be able to send in our name, or to log in at the receiver's. */
const SECRET_HEADERS: ReadonlySet<string> = new Set([
  "x-signature-ed25519",
  "webhook-signature",
  "authorization",
  "proxy-authorization",
  "cookie",
  "set-cookie",
  "www-authenticate",
]);

/** What is shown of headers, by name: lower case, and whether the value is a secret. Cleared when full. */
const shownNames = new Map<string, { lower: string; secret: boolean }>();
const MAX_NAMES = 1000;

function shownName(name: string): { lower: string; secret: boolean } {
  const known = shownNames.get(name);
  if (known !== undefined) return known;
  const lower = name.toLowerCase();
  const secret = SECRET_HEADERS.has(lower) || /token|secret|api-?key|session/.test(lower);
  if (shownNames.size >= MAX_NAMES) shownNames.clear();
  shownNames.set(name, { lower, secret });
  return { lower, secret };
}

function shown(headers: NodeJS.Dict<string | string[]>): Record<string, string> {
  const all: Record<string, string> = {};
  for (const name of Object.keys(headers).slice(0, MAX_HEADERS)) {
    const { lower, secret } = shownName(name);
    const value = headers[name] ?? "";
    const text = Array.isArray(value) ? value.join(", ") : value;
    all[lower] = secret ? "[redacted]" : cut(text, MAX_HEADER_LENGTH);
  }
  return all;
}

/** Postgres has no NUL in text, and JSON no half of a surrogate pair. Most text is neither. */
const storable = (text: string) =>
  /[\0\ud800-\udfff]/.test(text) ? text.replaceAll("\0", "").replace(/\p{Surrogate}/gu, "\ufffd") : text;

const cut = (text: string, most = MAX_ERROR_LENGTH) => beginningOf(storable(text), most);
