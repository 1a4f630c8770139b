import { z } from "zod";
import { has, Permission } from "../../core/permissions.ts";
import { wireChannel, wireDmChannel } from "../../core/wire/channel.ts";
import {
  type InDm,
  inChannel,
  inGuild,
  inGuildChannel,
  inParentChannel,
  lockedChannel,
  lockedGuild,
  permissionsIn,
} from "../access.ts";
import type { App } from "../app.ts";
import { arrangeChannels, channelPlace } from "../channels/arrange.ts";
import { channelCreate, channelPatch } from "../channels/body.ts";
import { createChannel, patchChannel, removeChannel } from "../channels/edit.ts";
import { changeOverwrites, checkOverwrites, heldIn, MAX_OVERWRITES, overwriteBits } from "../channels/overwrites.ts";
import { ApiError } from "../errors.ts";
import { route } from "../route.ts";
import { listChannels } from "../store/channels.ts";
import { findDm } from "../store/dms.ts";
import { findUser } from "../store/users.ts";

export const channelRoutes = [
  route({
    method: "GET",
    path: "/channels/:channel_id",
    operation: "get_channel",
    access: inChannel(),
    handle: async ({ app }, where) => (where.type === "dm" ? dmChannel(app, where) : wireChannel(where.channel)),
  }),
  route({
    method: "PATCH",
    path: "/channels/:channel_id",
    operation: "update_channel",
    access: inGuildChannel("MANAGE_CHANNELS"),
    body: channelPatch,
    handle: ({ app, body }, found) =>
      app.change(async (tx, emit) => patchChannel(tx, emit, await lockedChannel(tx, found), app.nextId, body)),
  }),
  route({
    method: "DELETE",
    path: "/channels/:channel_id",
    operation: "delete_channel",
    access: inChannel("MANAGE_CHANNELS"),
    handle: ({ app }, found) => {
      // Closing a conversation concerns only the client: it can be opened again, and nothing of it is lost.
      if (found.type === "dm") return dmChannel(app, found);
      return app.change(async (tx, emit) => removeChannel(tx, emit, await lockedChannel(tx, found)));
    },
  }),
  route({
    method: "GET",
    path: "/guilds/:guild_id/channels",
    operation: "list_guild_channels",
    access: inGuild(),
    handle: async ({ app }, where) => {
      const rows = await listChannels(app.sql, where.guild.id);
      return rows.filter((row) => has(permissionsIn(where, row), Permission.VIEW_CHANNEL)).map(wireChannel);
    },
  }),
  route({
    method: "POST",
    path: "/guilds/:guild_id/channels",
    operation: "create_guild_channel",
    access: inGuild("MANAGE_CHANNELS"),
    status: 201,
    body: channelCreate,
    handle: ({ app, body }, found) =>
      app.change(async (tx, emit) => createChannel(tx, emit, await lockedGuild(tx, found), app.nextId, body)),
  }),
  route({
    method: "PATCH",
    path: "/guilds/:guild_id/channels",
    operation: "bulk_update_guild_channels",
    // What is needed differs by entry: https://discord.com/developers/docs/resources/guild#modify-guild-channel-positions
    access: inGuild(),
    body: z.array(channelPlace).max(500),
    handle: async ({ app, body }, found) => {
      await app.change(async (tx, emit) => arrangeChannels(tx, emit, await lockedGuild(tx, found), body));
    },
  }),
  route({
    method: "PUT",
    path: "/channels/:channel_id/permissions/:overwrite_id",
    operation: "set_channel_permission_overwrite",
    access: inParentChannel("MANAGE_ROLES"),
    body: overwriteBits,
    handle: async ({ app, params, body }, found) => {
      const id = params.get("overwrite_id");
      await app.change(async (tx, emit) => {
        const where = await lockedChannel(tx, found);
        const before = where.channel.overwrites;
        const others = before.filter((row) => row.id !== id);
        if (others.length >= MAX_OVERWRITES) throw new ApiError("MAX_OVERWRITES");
        const rows = await checkOverwrites(tx, where, heldIn(where), before, [{ ...body, id }]);
        await changeOverwrites(tx, emit, where.channel, [...others, ...rows]);
      });
    },
  }),
  route({
    method: "DELETE",
    path: "/channels/:channel_id/permissions/:overwrite_id",
    operation: "delete_channel_permission_overwrite",
    access: inParentChannel("MANAGE_ROLES"),
    handle: async ({ app, params }, found) => {
      await app.change(async (tx, emit) => {
        const { channel } = await lockedChannel(tx, found);
        const others = channel.overwrites.filter((row) => row.id !== params.get("overwrite_id"));
        if (others.length === channel.overwrites.length) throw new ApiError("UNKNOWN_OVERWRITE");
        await changeOverwrites(tx, emit, channel, others);
      });
    },
  }),
];

async function dmChannel(app: App, where: InDm) {
  const [dm, recipient] = await Promise.all([findDm(app.sql, where.id), findUser(app.sql, where.recipientId)]);
  if (dm === undefined || recipient === undefined) throw new ApiError("UNKNOWN_CHANNEL");
  return wireDmChannel(dm, recipient);
}
