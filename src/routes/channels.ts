import { z } from "zod";
import { has, isThread, Permission } from "../../core/permissions.ts";
import { wireChannel, wireDmChannel } from "../../core/wire/channel.ts";
import { isThreadRow, wireThread, wireThreadMember } from "../../core/wire/thread.ts";
import {
  channelOrThread,
  demandThread,
  type InDm,
  type InGuildChannel,
  inChannel,
  inGuild,
  inParentChannel,
  lockedChannel,
  lockedGuild,
  permissionsIn,
} from "../access.ts";
import type { App } from "../app.ts";
import { arrangeChannels, channelPlace } from "../channels/arrange.ts";
import { channelCreate } from "../channels/body.ts";
import { createChannel, patchChannel, removeChannel } from "../channels/edit.ts";
import { changeOverwrites, checkOverwrites, heldIn, MAX_OVERWRITES, overwriteBits } from "../channels/overwrites.ts";
import { ApiError } from "../errors.ts";
import { route } from "../route.ts";
import { listChannels } from "../store/channels.ts";
import { findDm } from "../store/dms.ts";
import { findUser } from "../store/users.ts";
import { channelOrThreadPatch } from "../threads/body.ts";
import { removeThread } from "../threads/delete.ts";
import { patchThread } from "../threads/edit.ts";

export const channelRoutes = [
  route({
    method: "GET",
    path: "/channels/:channel_id",
    operation: "get_channel",
    access: inChannel(),
    handle: async ({ app }, where) => (where.type === "dm" ? dmChannel(app, where) : guildChannel(where)),
  }),
  route({
    method: "PATCH",
    path: "/channels/:channel_id",
    operation: "update_channel",
    // Of a thread, each field has its own rule.
    access: channelOrThread("MANAGE_CHANNELS", []),
    limit: { requests: 5, seconds: 15 },
    sharedLimit: { requests: 2, seconds: 600, fields: ["name", "topic"] },
    body: channelOrThreadPatch,
    handle: ({ app, body }, found) => {
      if (found.type === "dm") throw new ApiError("NOT_IN_DM");
      return app.change(async (tx, emit) => {
        const where = await lockedChannel(tx, found);
        if (isThread(where.channel.type)) return patchThread(tx, emit, demandThread(where), app, body);
        return patchChannel(tx, emit, where, app.nextId, body);
      });
    },
  }),
  route({
    method: "DELETE",
    path: "/channels/:channel_id",
    operation: "delete_channel",
    access: channelOrThread("MANAGE_CHANNELS", ["MANAGE_THREADS"]),
    handle: ({ app }, found) => {
      // Closing a conversation concerns only the client: it can be opened again, and nothing of it is lost.
      if (found.type === "dm") return dmChannel(app, found);
      return app.change(async (tx, emit) => {
        const where = await lockedChannel(tx, found);
        return isThread(where.channel.type)
          ? removeThread(app, tx, emit, demandThread(where))
          : removeChannel(tx, emit, where);
      });
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

function guildChannel({ channel, threadMember }: InGuildChannel) {
  if (!isThreadRow(channel)) return wireChannel(channel);
  return { ...wireThread(channel), ...(threadMember === null ? {} : { member: wireThreadMember(threadMember) }) };
}

async function dmChannel(app: App, where: InDm) {
  const [dm, recipient] = await Promise.all([findDm(app.sql, where.id), findUser(app.sql, where.recipientId)]);
  if (dm === undefined || recipient === undefined) throw new ApiError("UNKNOWN_CHANNEL");
  return wireDmChannel(dm, recipient);
}
