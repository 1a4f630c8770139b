import type { Egress, EgressResponse } from "../../core/egress.ts";
import { EgressRefused } from "../../core/egress-rules.ts";
import { postSigned, signedHeaders } from "../../core/webhook-endpoint.ts";
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
  /** Breaks the attempt off; it is made again. */
  signal: AbortSignal;
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

/** Sends a delivery once. @returns undefined when it was broken off */
export async function attempt(sendable: Sendable, options: AttemptOptions): Promise<Outcome | undefined> {
  const { id, url, keys, body } = sendable;
  const { egress, timeoutMs, signal, retryDelaysMs } = options;
  const headers = signedHeaders(keys, id, body);
  const startedAt = new Date();
  const began = performance.now();
  const toAttempt = (response: EgressResponse | null, error: string | null): Attempt => ({
    startedAt,
    latencyMs: Math.round(performance.now() - began),
    status: response?.status ?? null,
    error,
    requestHeaders: shown(headers),
    responseHeaders: response === null ? null : shown(response.headers),
    responseBody: response === null ? null : storable(response.body),
  });
  try {
    const response = await postSigned(egress, url, headers, body, { timeoutMs, signal });
    const { status } = response;
    if (status >= 200 && status < 300) {
      return { state: "delivered", error: null, attempt: toAttempt(response, null) };
    }
    const made = toAttempt(response, null);
    const error = cut(`answered ${status}: ${response.body}`);
    if (status === 410) return { state: "dead", error, attempt: made };
    return failed(sendable, error, made, response.headers["retry-after"], retryDelaysMs);
  } catch (error) {
    if (signal.aborted) return undefined;
    const reason = error instanceof Error ? error.message : String(error);
    // The name may resolve otherwise tomorrow, so this is retried too.
    const why = cut(error instanceof EgressRefused ? `refused: ${reason}` : reason);
    return failed(sendable, why, toAttempt(null, why), undefined, retryDelaysMs);
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

function shown(headers: NodeJS.Dict<string | string[]>): Record<string, string> {
  const entries = Object.entries(headers).slice(0, MAX_HEADERS);
  return Object.fromEntries(
    entries.map(([name, value = ""]) => {
      const lower = name.toLowerCase();
      const secret = SECRET_HEADERS.has(lower) || /token|secret|api-?key|session/.test(lower);
      const text = Array.isArray(value) ? value.join(", ") : value;
      return [lower, secret ? "[redacted]" : storable(text).slice(0, MAX_HEADER_LENGTH)];
    }),
  );
}

/** Postgres has no NUL in text, and JSON no half of a surrogate pair. */
const storable = (text: string) => text.replaceAll("\0", "").replace(/\p{Surrogate}/gu, "\ufffd");

const cut = (text: string) => storable(text).slice(0, MAX_ERROR_LENGTH);
