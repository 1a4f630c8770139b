import type { Egress, EgressResponse } from "./egress.ts";
import { generateKeyPair, signRequest, signStandard } from "./webhook-signing.ts";

/** https://discord.com/developers/docs/events/webhook-events#responding-to-events */
const ANSWER_WITHIN_MS = 3000;
const MAX_RESPONSE_BYTES = 1024;

export interface Endpoint {
  url: string;
  applicationId: string;
  seed: Buffer;
}

/** POSTs one event or PING to an application's URL with both kinds of signature. @param id without dots */
export function postSigned(
  egress: Egress,
  endpoint: Endpoint,
  id: string,
  body: string,
  limits: { timeoutMs: number; signal?: AbortSignal },
): Promise<EgressResponse> {
  const now = Math.floor(Date.now() / 1000);
  return egress.post({
    url: endpoint.url,
    ...limits,
    maxResponseBytes: MAX_RESPONSE_BYTES,
    body,
    headers: {
      "content-type": "application/json",
      "user-agent": "Guildhall-Webhook/1.0",
      ...signRequest(endpoint.seed, body, now),
      ...signStandard({ seed: endpoint.seed, secrets: [] }, id, body, now),
    },
  });
}

/**
 * Looks whether a URL may become an application's `event_webhooks_url`: it must answer a PING with 204, and one that
 * is signed with another key with 401.
 * https://discord.com/developers/docs/events/webhook-events#setting-up-an-endpoint
 * @param id names the PING; without dots
 * @returns what is wrong, in words for the developer; undefined when nothing is
 */
export async function verifyEndpoint(egress: Egress, endpoint: Endpoint, id: string): Promise<string | undefined> {
  const body = JSON.stringify({ version: 1, application_id: endpoint.applicationId, type: 0 });
  const forged = { ...endpoint, seed: generateKeyPair().seed };
  const [genuine, refused] = await Promise.allSettled(
    [endpoint, forged].map((as) => postSigned(egress, as, id, body, { timeoutMs: ANSWER_WITHIN_MS })),
  );
  return fault(genuine, 204, "a PING") ?? fault(refused, 401, "a request with an invalid signature");
}

function fault(
  outcome: PromiseSettledResult<EgressResponse> | undefined,
  wanted: number,
  what: string,
): string | undefined {
  if (outcome?.status === "fulfilled") {
    const { status } = outcome.value;
    return status === wanted ? undefined : `The URL answered ${what} with ${status}; it must answer ${wanted}.`;
  }
  const reason = outcome?.reason;
  return `The URL could not be called: ${reason instanceof Error ? reason.message : String(reason)}`;
}
