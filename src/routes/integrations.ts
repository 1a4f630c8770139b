import { wireIntegration } from "../../core/wire/integration.ts";
import { inGuild, lockedGuild } from "../access.ts";
import { ApiError } from "../errors.ts";
import { removeIntegration } from "../integrations/remove.ts";
import { route } from "../route.ts";
import { findIntegration, listIntegrations } from "../store/integrations.ts";

export const integrationRoutes = [
  route({
    method: "GET",
    path: "/guilds/:guild_id/integrations",
    operation: "list_guild_integrations",
    access: inGuild("MANAGE_GUILD"),
    handle: async ({ app }, { guild }) => (await listIntegrations(app.sql, guild.id)).map(wireIntegration),
  }),
  route({
    method: "DELETE",
    path: "/guilds/:guild_id/integrations/:integration_id",
    operation: "delete_guild_integration",
    access: inGuild("MANAGE_GUILD"),
    handle: async ({ app, params }, found) => {
      await app.change(async (tx, emit) => {
        const { guild, me } = await lockedGuild(tx, found);
        const row = await findIntegration(tx, guild.id, params.get("integration_id"));
        if (row === undefined) throw new ApiError("UNKNOWN_INTEGRATION");
        await removeIntegration(tx, emit, row, me.userId);
      });
    },
  }),
];
