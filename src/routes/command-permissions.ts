import { ApplicationCommandPermissionType as RuleType } from "discord-api-types/v10";
import { z } from "zod";
import { wireCommand } from "../../core/wire/command.ts";
import { wireCommandPermissions } from "../../core/wire/command-permissions.ts";
import { enterChannel, enterGuild, type InGuild, inGuild } from "../access.ts";
import { ownApplicationInGuild } from "../applications/access.ts";
import { mayUseIn, mayUseInGuild, placeOfUse } from "../commands/in-guild.ts";
import { localeOf } from "../commands/localizations.ts";
import { setPermissions } from "../commands/permissions.ts";
import { ApiError } from "../errors.ts";
import { limit, snowflake } from "../fields.ts";
import { type Access, person, type Request, route } from "../route.ts";
import { type ApplicationRow, findApplication, findApplications, isInGuild } from "../store/applications.ts";
import {
  findCommandInGuild,
  findCommandRules,
  listCommandRules,
  type RuledCommand,
  searchCommandsInGuild,
} from "../store/command-permissions.ts";

const MAX_RULES = 100;
const COMMANDS = "/applications/:application_id/guilds/:guild_id/commands";

interface Managed {
  application: ApplicationRow;
  where: InGuild;
}

/** People who manage the guild `:guild_id` and its roles, where the application `:application_id` was added. */
const commandManager: Access<Managed> = {
  kind: "guild",
  needs: ["MANAGE_GUILD", "MANAGE_ROLES"],
  resolve: (request) => manager(request, commandManager.needs),
};

async function manager(
  request: Request<unknown, unknown>,
  needs: readonly InGuild["needs"][number][],
): Promise<Managed> {
  await person.resolve(request);
  const application = await findApplication(request.app.sql, request.params.get("application_id"));
  if (application === undefined) throw new ApiError("UNKNOWN_APPLICATION");
  const guildId = request.params.get("guild_id");
  if (!(await isInGuild(request.app.sql, application, guildId))) throw new ApiError("MISSING_ACCESS");
  return { application, where: await enterGuild(request, guildId, needs) };
}

/** The application itself and its owner, and people who manage the guild. */
const commandRulesReader: Access<{ application: ApplicationRow; guildId: string }> = {
  ...ownApplicationInGuild,
  resolve: (request) =>
    ownApplicationInGuild.resolve(request).catch(async (error) => {
      const isOther = error instanceof ApiError && error.status === 404;
      if (!isOther || request.caller === null || request.caller.user.bot) throw error;
      const found = await manager(request, ["MANAGE_GUILD"]).catch(() => undefined);
      if (found === undefined) throw error;
      return { application: found.application, guildId: found.where.guild.id };
    }),
};

export const commandPermissionRoutes = [
  route({
    method: "GET",
    path: `${COMMANDS}/permissions`,
    operation: "list_guild_application_command_permissions",
    access: commandRulesReader,
    scopes: ["applications.commands.permissions.update"],
    handle: async ({ app }, { application, guildId }) => {
      const rows = await listCommandRules(app.sql, guildId, application.id);
      return rows.map((row) => wireCommandPermissions(application.id, guildId, row.command_id, row.rules));
    },
  }),
  route({
    method: "GET",
    path: `${COMMANDS}/:command_id/permissions`,
    operation: "get_guild_application_command_permissions",
    access: commandRulesReader,
    scopes: ["applications.commands.permissions.update"],
    handle: async ({ app, params }, { application, guildId }) => {
      const id = params.get("command_id");
      const commandId = id === application.id ? null : id;
      if (commandId !== null) {
        const command = await findCommandInGuild(app.sql, guildId, commandId);
        if (command?.application_id !== application.id) throw new ApiError("UNKNOWN_COMMAND");
      }
      const rules = await findCommandRules(app.sql, guildId, application.id, commandId);
      if (rules === undefined) throw new ApiError("UNKNOWN_COMMAND_PERMISSIONS");
      return wireCommandPermissions(application.id, guildId, commandId, rules);
    },
  }),
  route({
    method: "PUT",
    path: `${COMMANDS}/:command_id/permissions`,
    operation: "set_guild_application_command_permissions",
    access: commandManager,
    scopes: ["applications.commands.permissions.update"],
    body: z.object({
      permissions: z
        .array(
          z.object({
            id: snowflake,
            type: z.literal([RuleType.Role, RuleType.User, RuleType.Channel]),
            permission: z.boolean(),
          }),
        )
        .max(MAX_RULES)
        .refine((rules) => new Set(rules.map(({ id, type }) => `${type} ${id}`)).size === rules.length, {
          message: "Only one for each role, user and channel.",
        }),
    }),
    handle: ({ app, params, body }, { application, where }) =>
      setPermissions(app, where, application.id, params.get("command_id"), body.permissions),
  }),
  route({
    method: "GET",
    path: "/guilds/:guild_id/application-command-index",
    summary: "The commands that the caller may use in the guild, or in one of its channels",
    access: inGuild(),
    query: z.object({
      channel_id: snowflake.optional(),
      application_id: snowflake.optional(),
      query: z
        .string()
        .max(32)
        .refine((text) => !text.includes("\0"), "No name has a NUL.")
        .optional(),
      after: snowflake.optional(),
      limit: limit(500, 200),
    }),
    handle: async (request, where) => {
      const { app, query } = request;
      const found = await searchCommandsInGuild(app.sql, where.guild.id, query);
      const usable = found.filter(await usableBy(request, where, query.channel_id));
      const applications = await findApplications(app.sql, [...new Set(usable.map((row) => row.application_id))]);
      const locale = localeOf(request);
      return {
        applications: applications.map(({ id, name, icon, description, bot_id }) => ({
          id,
          name,
          icon,
          description,
          bot_id,
        })),
        application_commands: usable.map((row) => wireCommand(row, locale)),
        // Where the next page begins, if there may be one.
        next_after: found.length === query.limit ? (found.at(-1)?.id ?? null) : null,
      };
    },
  }),
];

async function usableBy(
  request: Request<unknown, unknown>,
  where: InGuild,
  channelId: string | undefined,
): Promise<(command: RuledCommand) => boolean> {
  if (channelId === undefined) return (command) => mayUseInGuild(where, command);
  const channel = await enterChannel(request, channelId);
  if (channel.type === "dm" || channel.guild.id !== where.guild.id) throw new ApiError("UNKNOWN_CHANNEL");
  const place = await placeOfUse(request.app, channel);
  return (command) => mayUseIn(place, command);
}
