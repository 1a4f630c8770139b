import { z } from "zod";
import { checkUrl, EgressRefused, parseNetworks } from "../../core/egress-rules.ts";
import { seal, unseal } from "../../core/secret.ts";
import { type Endpoint, verifyEndpoint } from "../../core/webhook-endpoint.ts";
import { SOCKETS_ONLY } from "../../core/webhook-events.ts";
import { newSigningSecret, parseSigningSecret } from "../../core/webhook-signing.ts";
import type { App } from "../app.ts";
import { invalidField } from "../errors.ts";
import { type EndpointRow, rotateSecret } from "../store/event-endpoints.ts";

/** Both secrets are signed with for so long after a new one was made. */
const OVERLAP_SECONDS = 24 * 3600;

/** A list of some of these events; what is none is named, and for some it is said why. */
export const eventTypes = (names: readonly string[]) =>
  z
    .array(
      z
        .string()
        .max(64)
        .refine((type) => names.includes(type), { error: ({ input }) => whyNot(input) })
        .meta({ enum: names }),
    )
    .max(100);

const whyNot = (type: unknown) =>
  `No event that can be delivered.${typeof type === "string" && Object.hasOwn(SOCKETS_ONLY, type) ? ` ${SOCKETS_ONLY[type]}` : ""}`;

/** A secret of one's own: `whsec_` and 24 to 64 bytes in base64. */
export const signingSecret = z
  .string()
  .max(128)
  .transform((text, context) => {
    const bytes = parseSigningSecret(text);
    if (bytes === undefined)
      context.addIssue({ code: "custom", message: "Must be whsec_ and 24 to 64 bytes in base64." });
    return bytes ?? Buffer.alloc(0);
  });

/** Refuses a URL that could never be called, before it is stored. What it resolves to is judged at each call. */
export function checkCallable(app: App, field: string, url: string): void {
  try {
    checkUrl(url, parseNetworks(app.config.egressAllow));
  } catch (error) {
    if (!(error instanceof EgressRefused)) throw error;
    throw invalidField([field], "URL_NOT_CALLABLE", error.message);
  }
}

/** The URL must answer a signed PING and refuse one that is signed wrongly, before anything is sent to it. */
export async function checkAnswers(app: App, field: string, code: string, endpoint: Endpoint): Promise<void> {
  const fault = await verifyEndpoint(app.egress, endpoint, app.nextId());
  if (fault !== undefined) throw invalidField([field], code, fault);
}

/** What a guild's endpoint is verified with. */
export function endpointOf(app: App, row: EndpointRow, url: string): Endpoint {
  const [seed = Buffer.alloc(0), ...secrets] = [row.private_key, row.secret].flatMap((sealed) =>
    sealed === null ? [] : [unseal(app.secret, sealed)],
  );
  return {
    url,
    keys: { seed, secrets },
    of: { application_id: null, subscription_id: row.id, guild_id: row.server_id ?? "0" },
  };
}

/** Makes a new secret. The answer is the only one that shows it. */
export async function renewSecret(app: App, endpointId: string) {
  const secret = newSigningSecret();
  const bytes = parseSigningSecret(secret) ?? Buffer.alloc(0);
  await rotateSecret(app.sql, endpointId, seal(app.secret, bytes), OVERLAP_SECONDS);
  return { secret };
}
