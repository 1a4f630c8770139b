import { z } from "zod";
import { wireAuditEntry } from "../../core/wire/audit-log.ts";
import { inGuild } from "../access.ts";
import { referencesOf } from "../audit/references.ts";
import { limit, snowflake } from "../fields.ts";
import { route } from "../route.ts";
import { listAuditLog } from "../store/audit-log.ts";

/** Numbers beyond Discord's are of no entry. */
const HIGHEST_ACTION = 1000;

export const auditLogRoutes = [
  route({
    method: "GET",
    path: "/guilds/:guild_id/audit-logs",
    operation: "list_guild_audit_log_entries",
    access: inGuild("VIEW_AUDIT_LOG"),
    query: z.object({
      user_id: snowflake.optional(),
      target_id: snowflake.optional(),
      action_type: z.coerce.number().int().min(0).max(HIGHEST_ACTION).optional(),
      before: snowflake.optional(),
      after: snowflake.optional(),
      limit: limit(100, 50),
    }),
    handle: async ({ app, query }, { guild }) => {
      const rows = await listAuditLog(app.sql, guild.id, query);
      return { audit_log_entries: rows.map(wireAuditEntry), ...(await referencesOf(app, guild.id, rows)) };
    },
  }),
];
