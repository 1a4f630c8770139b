import { z } from "zod";
import { wireEventWebhooks } from "../../core/wire/event-endpoint.ts";
import type { App } from "../app.ts";
import { ownApplication } from "../applications/access.ts";
import { ApiError } from "../errors.ts";
import { type Access, route } from "../route.ts";
import { type EndpointRow, findEndpoint, updateApplicationEndpoint } from "../store/event-endpoints.ts";
import { deliveryRoutes } from "./event-deliveries.ts";

const BASE = "/applications/:application_id/event-webhooks";

/** The owner or bot of the application, with its endpoint, which begins when it is first asked for. */
const ownEndpoint: Access<EndpointRow> = {
  ...ownApplication,
  resolve: async (request) => {
    const { id } = await ownApplication.resolve(request);
    const known = await findEndpoint(request.app.sql, id);
    if (known !== undefined) return known;
    await updateApplicationEndpoint(request.app.sql, id, {});
    return reread(request.app, id);
  },
};

/** Beyond Discord's `event_webhooks_…` fields of the application itself. */
export const eventWebhookRoutes = [
  route({
    method: "GET",
    path: BASE,
    summary: "An application's event webhooks, and how they do",
    access: ownEndpoint,
    handle: async (_request, endpoint) => wireEventWebhooks(endpoint),
  }),
  route({
    method: "PATCH",
    path: BASE,
    summary: "Whether a delivery that fails holds up those after it",
    access: ownEndpoint,
    body: z.object({ strict_order: z.boolean().optional() }),
    handle: async ({ app, body }, endpoint) => {
      if (body.strict_order !== undefined) {
        await updateApplicationEndpoint(app.sql, endpoint.id, { strict_order: body.strict_order });
      }
      return wireEventWebhooks(await reread(app, endpoint.id));
    },
  }),
  ...deliveryRoutes(BASE, "the application's URL", ownEndpoint),
];

async function reread(app: App, id: string): Promise<EndpointRow> {
  const row = await findEndpoint(app.sql, id);
  if (row === undefined) throw new ApiError("UNKNOWN_APPLICATION");
  return row;
}
