import type { Egress, EgressResponse } from "./egress.ts";
import { generateKeyPair, type SigningKeys, signRequest, signStandard, stamp } from "./webhook-signing.ts";

/** https://discord.com/developers/docs/events/webhook-events#responding-to-events */
const ANSWER_WITHIN_MS = 3000;
const MAX_RESPONSE_BYTES = 1024;

/** Where events are sent to. */
export interface Endpoint {
  url: string;
  keys: SigningKeys;
  /** What a PING names: an application, or a guild's subscription. */
  of: { application_id: string } | { application_id: null; subscription_id: string; guild_id: string };
}

/** What one attempt sends. */
export interface Signed {
  headers: Readonly<Record<string, string>>;
  body: Buffer<ArrayBuffer>;
}

/** An attempt that is signed now. @param id without dots */
export function signed(keys: SigningKeys, id: string, body: string): Signed {
  const stamped = stamp(body, Math.floor(Date.now() / 1000));
  const headers = {
    "content-type": "application/json",
    "user-agent": "Guildhall-Webhook/1.0",
    ...signRequest(keys.seed, stamped),
    ...signStandard(keys, id, stamped),
  };
  return { headers, body: stamped.body };
}

/** POSTs one event or PING. The answer is read up to a KiB. */
export function postSigned(
  egress: Egress,
  url: string,
  { headers, body }: Signed,
  timeoutMs: number,
): Promise<EgressResponse> {
  return egress.post({ url, headers, body, maxResponseBytes: MAX_RESPONSE_BYTES, timeoutMs });
}

const pingBody = ({ of }: Endpoint) => JSON.stringify({ version: 1, ...of, type: 0 });

function ping(egress: Egress, endpoint: Endpoint, keys: SigningKeys, id: string): Promise<EgressResponse> {
  return postSigned(egress, endpoint.url, signed(keys, id, pingBody(endpoint)), ANSWER_WITHIN_MS);
}

/** Keys that nobody else has, of the kinds that the endpoint's are. */
function forgedKeys({ secrets }: SigningKeys): SigningKeys {
  const { seed } = generateKeyPair();
  return { seed, secrets: secrets.length === 0 ? [] : [generateKeyPair().seed] };
}

/**
 * Looks whether events may be sent to a URL: it must answer a PING with 204, and one that is signed with other keys
 * with 401.
 * https://discord.com/developers/docs/events/webhook-events#setting-up-an-endpoint
 * @param id names the PING; without dots
 * @returns what is wrong, in words for the developer; undefined when nothing is
 */
export function verifyEndpoint(egress: Egress, endpoint: Endpoint, id: string): Promise<string | undefined> {
  const send = (keys: SigningKeys) => ping(egress, endpoint, keys, id);
  return faultOfEndpoint(send, endpoint.keys, forgedKeys(endpoint.keys), (answer) => unless(204, answer, "a PING"));
}

/**
 * What is wrong with a URL by how it answers a PING and one that is signed with forged keys. Both are sent at once, so
 * that it can't tell them apart but by the signature.
 * @param faultOf what is wrong with the answer to the PING
 */
export async function faultOfEndpoint<K>(
  send: (keys: K) => Promise<EgressResponse>,
  genuine: K,
  forged: K,
  faultOf: (answer: EgressResponse) => string | undefined,
): Promise<string | undefined> {
  const [answered, refused] = await Promise.allSettled([send(genuine), send(forged)]);
  return judged(answered, faultOf) ?? judged(refused, faultOfRefusal);
}

/** What is wrong with how a URL answered an invalid signature. */
export const faultOfRefusal = (answer: EgressResponse) => unless(401, answer, "a request with an invalid signature");

/** That a URL answered with another status than it must. */
export function unless(wanted: number, { status }: EgressResponse, what: string): string | undefined {
  return status === wanted ? undefined : `The URL answered ${what} with ${status}; it must answer ${wanted}.`;
}

function judged(
  outcome: PromiseSettledResult<EgressResponse>,
  faultOf: (answer: EgressResponse) => string | undefined,
): string | undefined {
  if (outcome.status === "fulfilled") return faultOf(outcome.value);
  const reason: unknown = outcome.reason;
  return `The URL could not be called: ${reason instanceof Error ? reason.message : String(reason)}`;
}

/**
 * Sends a PING with an invalid signature, as receivers must expect at any time.
 * @returns whether the URL took it; null when there was no answer that tells
 */
export async function acceptsForgery(egress: Egress, endpoint: Endpoint, id: string): Promise<boolean | null> {
  const answer = await ping(egress, endpoint, forgedKeys(endpoint.keys), id).catch(() => null);
  if (answer?.status === 401) return false;
  return answer !== null && answer.status >= 200 && answer.status < 300 ? true : null;
}
