import { z } from "zod";
import { inGuildChannel, inParentChannel } from "../access.ts";
import { CROSSPOSTS, crosspost } from "../announcements/crosspost.ts";
import { followChannel } from "../announcements/follow.ts";
import { snowflake } from "../fields.ts";
import { route } from "../route.ts";

export const announcementRoutes = [
  route({
    method: "POST",
    path: "/channels/:channel_id/followers",
    operation: "follow_channel",
    // The permission is asked for in the channel that is to follow.
    access: inParentChannel(),
    body: z.object({ webhook_channel_id: snowflake }),
    handle: ({ app, body }, source) => followChannel(app, source, source.caller, body.webhook_channel_id),
  }),
  route({
    method: "POST",
    path: "/channels/:channel_id/messages/:message_id/crosspost",
    operation: "crosspost_message",
    access: inGuildChannel("SEND_MESSAGES"),
    limit: CROSSPOSTS,
    handle: ({ app, params }, where) => crosspost(app, where, params.get("message_id")),
  }),
];
