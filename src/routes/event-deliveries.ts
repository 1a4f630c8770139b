import { z } from "zod";
import { wireAttempt, wireDelivery } from "../../core/wire/event-endpoint.ts";
import { ApiError } from "../errors.ts";
import { limit, moment, snowflake } from "../fields.ts";
import { type Access, type Route, route } from "../route.ts";
import {
  DELIVERY_STATES,
  enqueueTest,
  findDelivery,
  listAttempts,
  listDeliveries,
  replayDeliveries,
} from "../store/event-deliveries.ts";
import type { EndpointRow } from "../store/event-endpoints.ts";
import { renewSecret } from "../webhooks/endpoint.ts";

/** Replays of one request. */
const MAX_REPLAYS = 10_000;
const state = z.enum(DELIVERY_STATES);

/**
 * What can be done with an endpoint whomever it belongs to: its secret, a test, its log, replays.
 * @param base the path of the endpoint
 * @param of who it belongs to, in words
 */
export function deliveryRoutes(base: string, of: string, access: Access<EndpointRow>): readonly Route[] {
  return [
    route({
      method: "POST",
      path: `${base}/secret`,
      summary: `Make a new secret for ${of}; the old one stays valid for a day`,
      access,
      handle: ({ app }, endpoint) => renewSecret(app, endpoint.id),
    }),
    route({
      method: "POST",
      path: `${base}/test`,
      summary: `Send a TEST event to ${of}`,
      access,
      status: 201,
      handle: async ({ app }, endpoint) => {
        if (endpoint.url === null) throw new ApiError("GENERAL", undefined, "There is no URL to send to");
        const data = JSON.stringify({ message: "This is a test." });
        const id = await enqueueTest(app.sql, endpoint.id, endpoint.server_id, data);
        const row = await findDelivery(app.sql, endpoint.id, id);
        if (row === undefined) throw new ApiError("UNKNOWN_DELIVERY");
        return wireDelivery(row);
      },
    }),
    route({
      method: "GET",
      path: `${base}/deliveries`,
      summary: `What was sent to ${of}, newest first`,
      access,
      query: z.object({
        state: state.optional(),
        before: snowflake.optional(),
        after: snowflake.optional(),
        limit: limit(100, 50),
      }),
      handle: async ({ app, query }, endpoint) => {
        const states = query.state === undefined ? DELIVERY_STATES : [query.state];
        return (await listDeliveries(app.sql, endpoint.id, { ...query, states })).map(wireDelivery);
      },
    }),
    route({
      method: "GET",
      path: `${base}/deliveries/:delivery_id`,
      summary: "One delivery, with its attempts: headers without secrets, and the first KiB of each answer",
      access,
      handle: async ({ app, params }, endpoint) => {
        const row = await findDelivery(app.sql, endpoint.id, params.get("delivery_id"));
        if (row === undefined) throw new ApiError("UNKNOWN_DELIVERY");
        return { ...wireDelivery(row), log: (await listAttempts(app.sql, row.id)).map(wireAttempt) };
      },
    }),
    route({
      method: "POST",
      path: `${base}/deliveries/:delivery_id/replay`,
      summary: "Send one delivery once more, with the same id",
      access,
      handle: async ({ app, params }, endpoint) => {
        const id = params.get("delivery_id");
        const replayed = await replayDeliveries(app.sql, endpoint.id, { id, states: DELIVERY_STATES, limit: 1 });
        if (replayed === 0 && (await findDelivery(app.sql, endpoint.id, id)) === undefined) {
          throw new ApiError("UNKNOWN_DELIVERY");
        }
      },
    }),
    route({
      method: "POST",
      path: `${base}/replay`,
      summary: `Send once more, with the same ids, what ${of} has missed: by default all that was given up`,
      access,
      body: z.object({
        states: z.array(state).min(1).max(DELIVERY_STATES.length).optional(),
        since: moment.optional(),
        until: moment.optional(),
      }),
      handle: async ({ app, body }, endpoint) => {
        const replayed = await replayDeliveries(app.sql, endpoint.id, {
          ...body,
          states: body.states ?? ["dead"],
          limit: MAX_REPLAYS,
        });
        return { replayed };
      },
    }),
  ];
}
