import { z } from "zod";
import { has, Permission } from "../../core/permissions.ts";
import { wireMessage } from "../../core/wire/message.ts";
import { wireTime } from "../../core/wire/time.ts";
import { type InChannel, inChannel } from "../access.ts";
import type { App } from "../app.ts";
import { limit, moment } from "../fields.ts";
import { pinMessage, unpinMessage } from "../messages/pins.ts";
import { placeOf } from "../messages/place.ts";
import { type Request, route } from "../route.ts";
import { listPins } from "../store/pins.ts";

const PAGE = 50;

export const pinRoutes = [
  route({
    method: "GET",
    path: "/channels/:channel_id/messages/pins",
    operation: "list_pins",
    access: inChannel(),
    query: z.object({
      before: moment.optional(),
      limit: limit(PAGE, PAGE),
    }),
    handle: async ({ app, query }, where) => {
      const pins = await pinsOf(app, where, { before: query.before, limit: query.limit + 1 });
      const items = pins
        .slice(0, query.limit)
        .map((row) => ({ pinned_at: wireTime(row.pinned_at ?? row.created_at), message: wireMessage(row, app.cdn) }));
      return { items, has_more: pins.length > query.limit };
    },
  }),
  ...pinAndUnpin("/channels/:channel_id/messages/pins/:message_id", "create_pin", "delete_pin"),
  route({
    method: "GET",
    path: "/channels/:channel_id/pins",
    operation: "deprecated_list_pins",
    access: inChannel(),
    handle: async ({ app }, where) =>
      (await pinsOf(app, where, { limit: PAGE })).map((row) => wireMessage(row, app.cdn)),
  }),
  ...pinAndUnpin("/channels/:channel_id/pins/:message_id", "deprecated_create_pin", "deprecated_delete_pin"),
];

function pinAndUnpin(path: string, create: string, remove: string) {
  const access = inChannel("PIN_MESSAGES");
  const idOf = ({ params }: Request<unknown, unknown>) => params.get("message_id");
  return [
    route({
      method: "PUT",
      path,
      operation: create,
      access,
      limit: { bucket: "pin messages", requests: 5, seconds: 5 },
      handle: async (request, where) => {
        const { app } = request;
        await app.change((tx, emit) => pinMessage(app, tx, emit, where, idOf(request)));
      },
    }),
    route({
      method: "DELETE",
      path,
      operation: remove,
      access,
      limit: { bucket: "pin messages", requests: 5, seconds: 5 },
      handle: async (request, where) => {
        await request.app.change((tx, emit) => unpinMessage(request.app, tx, emit, where, idOf(request)));
      },
    }),
  ];
}

/** Without the permission to read history there are none, rather than an error: as Discord documents. */
async function pinsOf(app: App, where: InChannel, page: { before?: Date | undefined; limit: number }) {
  if (where.type === "guild" && !has(where.permissions, Permission.READ_MESSAGE_HISTORY)) return [];
  return listPins(app.sql, placeOf(where), page, where.caller.user.id);
}
