import type { Db, Transaction } from "../../core/db.ts";
import type { CommandContent, CommandRow } from "../../core/wire/command.ts";

/** The commands of an application in one guild, or its global ones. */
export interface CommandScope {
  applicationId: string;
  /** Null for global ones. */
  guildId: string | null;
}

export const commandColumns = (sql: Db) => sql`
  c.id, c.application_id, c.server_id, c.type, c.name, c.name_localizations, c.description,
  c.description_localizations, c.options, c.default_member_permissions, c.nsfw, c.integration_types, c.contexts,
  c.handler, c.version`;

const inScope = (sql: Db, { applicationId, guildId }: CommandScope) => sql`
  c.application_id = ${applicationId} and c.server_id is not distinct from ${guildId}::bigint`;

/** Oldest first; there are 131 at most. */
export async function listCommands(sql: Db, scope: CommandScope): Promise<CommandRow[]> {
  return sql<CommandRow[]>`
    select ${commandColumns(sql)} from application_commands c where ${inScope(sql, scope)} order by c.id limit 200`;
}

export async function findCommandIn(sql: Db, scope: CommandScope, id: string): Promise<CommandRow | undefined> {
  const [row] = await sql<CommandRow[]>`
    select ${commandColumns(sql)} from application_commands c where c.id = ${id} and ${inScope(sql, scope)}`;
  return row;
}

/** Commands of any application. */
export async function findCommands(sql: Db, ids: readonly string[]): Promise<CommandRow[]> {
  if (ids.length === 0) return [];
  return sql<CommandRow[]>`
    select ${commandColumns(sql)} from application_commands c where c.id = any(${[...ids]}) order by c.id`;
}

/** Makes others who change commands of the application wait until the transaction ends. */
export async function lockCommands(tx: Transaction, applicationId: string): Promise<void> {
  await tx`select 1 from applications where id = ${applicationId} for no key update`;
}

export async function insertCommand(sql: Db, row: CommandRow): Promise<void> {
  await sql`
    insert into application_commands (id, application_id, server_id, type, name, name_localizations, description,
      description_localizations, options, default_member_permissions, nsfw, integration_types, contexts, handler,
      version)
    values (${row.id}, ${row.application_id}, ${row.server_id}, ${row.type}, ${row.name},
      ${json(sql, row.name_localizations)}, ${row.description}, ${json(sql, row.description_localizations)},
      ${json(sql, row.options)}, ${row.default_member_permissions}, ${row.nsfw}, ${row.integration_types},
      ${row.contexts}, ${row.handler}, ${row.version})`;
}

export async function updateCommand(sql: Db, id: string, content: CommandContent, version: string): Promise<void> {
  await sql`
    update application_commands set name = ${content.name},
      name_localizations = ${json(sql, content.name_localizations)}, description = ${content.description},
      description_localizations = ${json(sql, content.description_localizations)},
      options = ${json(sql, content.options)}, default_member_permissions = ${content.default_member_permissions},
      nsfw = ${content.nsfw}, integration_types = ${content.integration_types}, contexts = ${content.contexts},
      handler = ${content.handler}, version = ${version}
    where id = ${id}`;
}

export async function deleteCommands(sql: Db, ids: readonly string[]): Promise<void> {
  if (ids.length > 0) await sql`delete from application_commands where id = any(${[...ids]})`;
}

/** Counts commands as made. @returns how many were made in the present 24 hours, these among them */
export async function countCreates(
  sql: Db,
  { applicationId, guildId }: CommandScope,
  creates: number,
): Promise<number> {
  const [row] = await sql<[{ creates: number }]>`
    insert into application_command_creates as day (application_id, server_id, creates)
    values (${applicationId}, ${guildId ?? "0"}, ${creates})
    on conflict (application_id, server_id) do update set
      creates = excluded.creates + case when day.since > now() - interval '24 hours' then day.creates else 0 end,
      since = case when day.since > now() - interval '24 hours' then day.since else now() end
    returning creates`;
  return row.creates;
}

/** Null stays SQL's null. */
const json = (sql: Db, value: object | null) => (value === null ? null : sql`${JSON.stringify(value)}::text::jsonb`);
