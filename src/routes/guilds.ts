import { ChannelType } from "discord-api-types/v10";
import { z } from "zod";
import { bitsToNames, DEFAULT_EVERYONE_PERMISSIONS } from "../../core/permissions.ts";
import { wireGuild } from "../../core/wire/guild.ts";
import { guildOwner, inGuild } from "../access.ts";
import type { App } from "../app.ts";
import { ApiError } from "../errors.ts";
import { queryFlag, trimmed } from "../fields.ts";
import { addMember } from "../membership.ts";
import { person, route } from "../route.ts";
import { insertChannel } from "../store/channels.ts";
import { countGuildsOf, deleteGuild, findGuild, insertGuild, updateGuild } from "../store/guilds.ts";
import { insertRole, listRoles } from "../store/roles.ts";

export const MAX_GUILDS = 200;

export const guildRoutes = [
  route({
    method: "POST",
    path: "/guilds",
    summary: "Create a guild, with a text channel named general",
    access: person,
    status: 201,
    body: z.object({ name: trimmed(2, 100) }),
    handle: async ({ app, body }, caller) => createGuild(app, caller.user.id, body.name),
  }),
  route({
    method: "GET",
    path: "/guilds/:guild_id",
    operation: "get_guild",
    access: inGuild(),
    query: z.object({ with_counts: queryFlag.optional() }),
    handle: async ({ app, query }, { guild }) => {
      const row = await findGuild(app.sql, guild.id);
      if (row === undefined) throw new ApiError("UNKNOWN_GUILD");
      const counts = { approximate_member_count: row.member_count, approximate_presence_count: 0 };
      return { ...wireGuild(row, await listRoles(app.sql, guild.id)), ...(query.with_counts === true ? counts : {}) };
    },
  }),
  route({
    method: "DELETE",
    path: "/guilds/:guild_id",
    summary: "Delete a guild; its owner only",
    access: guildOwner,
    handle: async ({ app }, { guild }) => {
      await app.change(async (tx, emit) => {
        await deleteGuild(tx, guild.id);
        emit({ t: "GUILD_DELETE", guildId: guild.id, data: { id: guild.id } });
      });
    },
  }),
];

async function createGuild(app: App, ownerId: string, name: string) {
  if ((await countGuildsOf(app.sql, ownerId)) >= MAX_GUILDS) throw new ApiError("MAX_GUILDS");
  const id = app.nextId();
  const channelId = app.nextId();
  return app.change(async (tx, emit) => {
    await insertGuild(tx, { id, name, ownerId });
    const permissions = bitsToNames(DEFAULT_EVERYONE_PERMISSIONS);
    const everyoneRole = await insertRole(tx, { id, guildId: id, name: "@everyone", permissions, position: 0 });
    await insertChannel(tx, { id: channelId, server_id: id, name: "general", type: ChannelType.GuildText });
    const row = await updateGuild(tx, id, { system_channel_id: channelId });
    await addMember(tx, emit, id, ownerId);
    if (row === undefined) throw new Error("the guild just made is not there");
    return wireGuild(row, [everyoneRole]);
  });
}
