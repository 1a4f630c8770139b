import type { CommandRule } from "../../core/command-permissions.ts";
import type { Db } from "../../core/db.ts";
import type { CommandRow } from "../../core/wire/command.ts";
import { commandColumns } from "./commands.ts";

export interface CommandRulesRow {
  application_id: string;
  server_id: string;
  /** Null for the application's. */
  command_id: string | null;
  rules: CommandRule[];
}

/** All that a guild says of an application's commands: at most one row for each and one for all. */
export async function listCommandRules(sql: Db, guildId: string, applicationId: string): Promise<CommandRulesRow[]> {
  return sql<CommandRulesRow[]>`
    select application_id, server_id, command_id, rules from application_command_permissions
    where server_id = ${guildId} and application_id = ${applicationId} order by command_id nulls first limit 300`;
}

export async function findCommandRules(
  sql: Db,
  guildId: string,
  applicationId: string,
  commandId: string | null,
): Promise<CommandRule[] | undefined> {
  const [row] = await sql<Pick<CommandRulesRow, "rules">[]>`
    select rules from application_command_permissions
    where server_id = ${guildId} and application_id = ${applicationId}
      and command_id is not distinct from ${commandId}::bigint`;
  return row?.rules;
}

/** No rules are no row. */
export async function setCommandRules(sql: Db, row: CommandRulesRow): Promise<void> {
  await sql`
    delete from application_command_permissions
    where server_id = ${row.server_id} and application_id = ${row.application_id}
      and command_id is not distinct from ${row.command_id}::bigint`;
  if (row.rules.length === 0) return;
  await sql`
    insert into application_command_permissions (application_id, server_id, command_id, rules)
    values (${row.application_id}, ${row.server_id}, ${row.command_id}, ${JSON.stringify(row.rules)}::text::jsonb)`;
}

/** In all guilds. */
export async function deleteRulesOfCommand(sql: Db, commandId: string): Promise<void> {
  await sql`delete from application_command_permissions where command_id = ${commandId}`;
}

/** A command with the rules that a guild has for it. */
export interface RuledCommand extends CommandRow {
  rules: CommandRule[];
  application_rules: CommandRule[];
}

const rulesOf = (sql: Db, guildId: string, ofCommand: boolean) => sql`
  coalesce((select p.rules from application_command_permissions p
    where p.server_id = ${guildId} and p.application_id = c.application_id
      and p.command_id is not distinct from ${ofCommand ? sql`c.id` : sql`null::bigint`}), '[]')`;

/** Commands that are for a guild: its own, and global ones; from `c`. */
const forGuild = (sql: Db, guildId: string) => sql`
  (c.server_id is null and 0 = any(c.integration_types) or c.server_id = ${guildId})`;

/** The applications whose bots are members of a guild, or whose commands were added; more conditions may follow. */
const applicationsIn = (sql: Db, guildId: string) => sql`
  select a.id from (
    select a.id from applications a join server_members m on m.user_id = a.bot_id where m.server_id = ${guildId}
    union
    select n.application_id from integrations n
    where n.server_id = ${guildId} and 'applications.commands' = any(n.scopes)
  ) a where true`;

const ruledColumns = (sql: Db, guildId: string) => sql`
  ${commandColumns(sql)}, ${rulesOf(sql, guildId, true)} as rules, ${rulesOf(sql, guildId, false)} as application_rules`;

/** A command of any application, with what decides who may use it in a guild; undefined where the guild hasn't got it. */
export async function findCommandInGuild(sql: Db, guildId: string, id: string): Promise<RuledCommand | undefined> {
  const [row] = await sql<RuledCommand[]>`
    select ${ruledColumns(sql, guildId)} from application_commands c
    where c.id = ${id} and ${forGuild(sql, guildId)}
      and exists (${applicationsIn(sql, guildId)} and a.id = c.application_id)`;
  return row;
}

export interface CommandSearch {
  /** What the name begins with, in any case. */
  query?: string | undefined;
  application_id?: string | undefined;
  /** Ids after this. */
  after?: string | undefined;
  limit: number;
}

/** Oldest first. */
export async function searchCommandsInGuild(sql: Db, guildId: string, search: CommandSearch): Promise<RuledCommand[]> {
  const { query, application_id, after = "0", limit } = search;
  return sql<RuledCommand[]>`
    select ${ruledColumns(sql, guildId)} from application_commands c
    where ${forGuild(sql, guildId)} and c.id > ${after}
      -- As an array, or all commands there are would be looked at in their order.
      and c.application_id = any(array(${applicationsIn(sql, guildId)}))
      ${query === undefined ? sql`` : sql`and starts_with(lower(c.name), lower(${query}))`}
      ${application_id === undefined ? sql`` : sql`and c.application_id = ${application_id}`}
    order by c.id limit ${limit}`;
}
