import { z } from "zod";
import { wireCommand } from "../../core/wire/command.ts";
import { ownApplication, ownApplicationInGuild } from "../applications/access.ts";
import { commandList, commandPatch, newCommand } from "../commands/body.ts";
import { localeOf } from "../commands/localizations.ts";
import { type Commands, deleteCommand, editCommand, overwriteCommands, putCommand } from "../commands/write.ts";
import { ApiError } from "../errors.ts";
import { queryFlag } from "../fields.ts";
import { type Access, type Route, route } from "../route.ts";
import { findCommandIn, listCommands } from "../store/commands.ts";

const globalCommands: Access<Commands> = {
  ...ownApplication,
  resolve: async (request) => {
    const application = await ownApplication.resolve(request);
    return { application, scope: { applicationId: application.id, guildId: null } };
  },
};

const guildCommands: Access<Commands> = {
  ...ownApplicationInGuild,
  resolve: async (request) => {
    const { application, guildId } = await ownApplicationInGuild.resolve(request);
    return { application, scope: { applicationId: application.id, guildId } };
  },
};

export const commandRoutes = [
  ...routesOf("/applications/:application_id/commands", "application_command", globalCommands),
  ...routesOf("/applications/:application_id/guilds/:guild_id/commands", "guild_application_command", guildCommands),
];

/** The seven operations on commands, which global ones and those of a guild have alike. */
function routesOf(path: string, what: string, access: Access<Commands>): Route[] {
  const scopes = ["applications.commands.update"] as const;
  return [
    route({
      method: "GET",
      path,
      operation: `list_${what}s`,
      access,
      scopes,
      query: z.object({ with_localizations: queryFlag.optional() }),
      handle: async (request, { scope }) => {
        const locale = request.query.with_localizations === true ? undefined : localeOf(request);
        return (await listCommands(request.app.sql, scope)).map((row) => wireCommand(row, locale));
      },
    }),
    route({
      method: "POST",
      path,
      operation: `create_${what}`,
      access,
      scopes,
      status: 201,
      body: newCommand,
      handle: async ({ app, body, http }, commands) => {
        const { row, made } = await putCommand(app, commands, body);
        return made ? wireCommand(row) : http.json(wireCommand(row), 200);
      },
    }),
    route({
      method: "PUT",
      path,
      operation: `bulk_set_${what}s`,
      access,
      scopes,
      body: commandList,
      handle: async ({ app, body }, commands) =>
        (await overwriteCommands(app, commands, body)).map((row) => wireCommand(row)),
    }),
    route({
      method: "GET",
      path: `${path}/:command_id`,
      operation: `get_${what}`,
      access,
      scopes,
      handle: async ({ app, params }, { scope }) => {
        const row = await findCommandIn(app.sql, scope, params.get("command_id"));
        if (row === undefined) throw new ApiError("UNKNOWN_COMMAND");
        return wireCommand(row);
      },
    }),
    route({
      method: "PATCH",
      path: `${path}/:command_id`,
      operation: `update_${what}`,
      access,
      scopes,
      body: commandPatch,
      handle: async ({ app, params, body }, commands) =>
        wireCommand(await editCommand(app, commands, params.get("command_id"), body)),
    }),
    route({
      method: "DELETE",
      path: `${path}/:command_id`,
      operation: `delete_${what}`,
      access,
      scopes,
      handle: ({ app, params }, commands) => deleteCommand(app, commands, params.get("command_id")),
    }),
  ];
}
