import { unseal } from "../../core/secret.ts";
import type { Endpoint } from "../../core/webhook-endpoint.ts";
import type { App } from "../app.ts";
import { ApiError, invalidField } from "../errors.ts";
import { type ApplicationRow, privateKeyOf } from "../store/applications.ts";
import { type EndpointPatch, findEndpoint } from "../store/event-endpoints.ts";
import { checkAnswers } from "./endpoint.ts";

interface Wanted {
  url: string | null | undefined;
  status: 1 | 2 | undefined;
  types: string[] | undefined;
}

/**
 * What changes at an application's endpoint. A URL that is new, or was switched off, is verified first.
 * @throws 50035 naming Discord's fields
 */
export async function endpointPatch(app: App, application: ApplicationRow, wanted: Wanted): Promise<EndpointPatch> {
  const url = wanted.url === undefined ? application.event_webhooks_url : wanted.url;
  if (wanted.status === 2 && url === null) {
    throw invalidField(["event_webhooks_url"], "BASE_TYPE_REQUIRED", "This field is required");
  }
  const switchedOn = wanted.status === 2 && application.event_webhooks_status !== 2;
  if (url !== null && (wanted.url || switchedOn)) {
    const code = "APPLICATION_EVENT_WEBHOOKS_URL_INVALID";
    await checkAnswers(app, "event_webhooks_url", code, await endpointOfApplication(app, application.id, url));
  }
  const status = url === null && application.event_webhooks_url !== null ? 1 : wanted.status;
  return {
    ...(wanted.url === undefined ? {} : { url: wanted.url }),
    ...(wanted.types === undefined ? {} : { event_types: wanted.types }),
    ...(status === undefined ? {} : { status }),
  };
}

async function endpointOfApplication(app: App, applicationId: string, url: string): Promise<Endpoint> {
  const sealed = await privateKeyOf(app.sql, applicationId);
  if (sealed === undefined) throw new ApiError("UNKNOWN_APPLICATION");
  const secret = (await findEndpoint(app.sql, applicationId))?.secret ?? null;
  return {
    url,
    keys: { seed: unseal(app.secret, sealed), secrets: secret === null ? [] : [unseal(app.secret, secret)] },
    of: { application_id: applicationId },
  };
}
