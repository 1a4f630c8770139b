import { AuditLogEvent } from "discord-api-types/v10";
import { z } from "zod";
import { bitsToNames } from "../../core/permissions.ts";
import { demand, enterGuild, type InGuild } from "../access.ts";
import type { App } from "../app.ts";
import { auditAction } from "../audit/entry.ts";
import { ApiError, invalidField } from "../errors.ts";
import { permissionBits, snowflake } from "../fields.ts";
import { addMember } from "../membership.ts";
import { roleEvent } from "../roles.ts";
import { person, route } from "../route.ts";
import { type ApplicationRow, findApplication } from "../store/applications.ts";
import { addMemberRole } from "../store/members.ts";
import { insertRole } from "../store/roles.ts";

export const oauth2Routes = [
  route({
    method: "POST",
    path: "/oauth2/authorize",
    summary: "Add an application's bot to a guild",
    access: person,
    query: z.object({
      client_id: snowflake,
      scope: z.string().max(200),
      permissions: permissionBits.optional(),
    }),
    body: z.object({ guild_id: snowflake, authorize: z.boolean() }),
    handle: async (request) => {
      const { app, body, query } = request;
      if (!query.scope.split(/[ +]/).includes("bot")) {
        throw invalidField(["scope"], "BASE_TYPE_CHOICES", "The scope must name bot.");
      }
      const where = await enterGuild(request, body.guild_id);
      demand(where.permissions, ["MANAGE_GUILD"]);
      const application = await findApplication(app.sql, query.client_id);
      if (application === undefined) throw new ApiError("UNKNOWN_APPLICATION");
      if (application.bot_id === null)
        throw new ApiError("UNKNOWN_APPLICATION", undefined, "The application has no bot");
      if (!application.bot_public && application.owner_id !== where.caller.user.id) {
        throw new ApiError("MISSING_PERMISSIONS");
      }
      // Nobody gives a bot what they don't have themselves.
      const granted = (query.permissions ?? 0n) & where.permissions;
      if (body.authorize) await addBot(app, where, application, application.bot_id, granted);
      return { location: `${app.config.publicUrl}/oauth2/authorized` };
    },
  }),
];

/** The bot becomes a member, with a managed role of its own for the permissions it was granted. */
async function addBot(app: App, where: InGuild, application: ApplicationRow, botId: string, granted: bigint) {
  const guildId = where.guild.id;
  await app.change(async (tx, emit) => {
    const added = await addMember(app, tx, emit, guildId, botId, async () => {
      if (granted === 0n) return;
      const permissions = bitsToNames(granted);
      const id = app.nextId();
      const role = await insertRole(tx, { id, guildId, name: application.name, permissions, botId, position: 1 });
      await addMemberRole(tx, guildId, botId, role.id);
      emit(roleEvent("GUILD_ROLE_CREATE", role));
    });
    if (added) emit(auditAction(guildId, AuditLogEvent.BotAdd, botId));
  });
}
