import { unseal } from "../../core/secret.ts";
import { signRequest, stamp } from "../../core/webhook-signing.ts";
import type { App } from "../app.ts";
import { ApiError } from "../errors.ts";
import { privateKeyOf } from "../store/applications.ts";
import { findInteraction } from "../store/interactions.ts";
import { answer } from "./answer.ts";
import { callback } from "./body.ts";
import { ANSWER_WITHIN_MS, tellFailed } from "./deadline.ts";
import { readAnswer } from "./endpoint-answer.ts";

/** What an endpoint is asked with. */
interface InteractionEndpoint {
  url: string;
  seed: Buffer;
}

/** What an answer may have beside files. */
const ROOM_BYTES = 2 * 1024 * 1024;

/** POSTs to an application's URL as Discord does, with its two headers. */
export function postInteraction(app: Pick<App, "egress" | "config">, { url, seed }: InteractionEndpoint, body: string) {
  const stamped = stamp(body, Math.floor(Date.now() / 1000));
  return app.egress.post({
    url,
    body: stamped.body,
    timeoutMs: ANSWER_WITHIN_MS,
    maxResponseBytes: app.config.maxFileBytes + ROOM_BYTES,
    headers: {
      "content-type": "application/json",
      "user-agent": "Guildhall-Interactions/1.0",
      ...signRequest(seed, stamped),
    },
  });
}

/**
 * Sends an interaction to its application's URL, and takes the answer as it would be taken by the callback route. Goes
 * on after the request that caused it; when the process ends before it, the deadline tells the person.
 */
export function callEndpoint(
  app: App,
  application: { id: string; interactions_endpoint_url: string | null },
  id: string,
  told: object,
): void {
  const url = application.interactions_endpoint_url;
  if (url === null) return;
  call(app, application.id, url, id, told).catch((error) => {
    const reason =
      error instanceof ApiError ? `${error.message} ${JSON.stringify(error.details ?? {})}` : String(error);
    // What the developer needs to find out why; the answer itself may hold what is nobody's business.
    app.log.info({ applicationId: application.id, interactionId: id, reason }, "interaction endpoint failed");
    return tellFailed(app, id).catch((err) => app.log.debug({ err: String(err) }, "could not tell of a failure"));
  });
}

async function call(app: App, applicationId: string, url: string, id: string, told: object): Promise<void> {
  const sealed = await privateKeyOf(app.sql, applicationId);
  if (sealed === undefined) return;
  const response = await postInteraction(app, { url, seed: unseal(app.secret, sealed) }, JSON.stringify(told));
  // Accepted: the callback route is, or was, used instead.
  if (response.status === 202) return;
  if (response.status !== 200) throw new Error(`it answered ${response.status}`);
  const { body, files } = await readAnswer(app, response, callback);
  try {
    const interaction = await findInteraction(app.sql, id);
    if (interaction !== undefined) await answer(app, interaction, body, files);
  } catch (error) {
    // The callback route was faster.
    if (error instanceof ApiError && error.code === ALREADY_ACKNOWLEDGED) return;
    throw error;
  } finally {
    await app.incoming.discard(files);
  }
}

const ALREADY_ACKNOWLEDGED = new ApiError("ALREADY_ACKNOWLEDGED").code;
