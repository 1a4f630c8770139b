import type { Db } from "../../core/db.ts";
import { userJson } from "../../core/store/fragments.ts";
import type { IntegrationRow } from "../../core/wire/integration.ts";

const integrationColumns = (sql: Db) => sql`
  i.id, i.server_id, i.application_id, i.scopes,
  (select ${userJson(sql)} from users u where u.id = i.user_id) as user,
  json_build_object('name', a.name, 'icon', a.icon, 'description', a.description, 'flags', a.flags::text,
    'bot', (select ${userJson(sql)} from users u where u.id = a.bot_id)) as application`;

/** https://discord.com/developers/docs/resources/guild#get-guild-integrations: 50 at most. */
export async function listIntegrations(sql: Db, guildId: string): Promise<IntegrationRow[]> {
  return sql<IntegrationRow[]>`
    select ${integrationColumns(sql)} from integrations i join applications a on a.id = i.application_id
    where i.server_id = ${guildId} order by i.id limit 50`;
}

export async function findIntegration(sql: Db, guildId: string, id: string): Promise<IntegrationRow | undefined> {
  const [row] = await sql<IntegrationRow[]>`
    select ${integrationColumns(sql)} from integrations i join applications a on a.id = i.application_id
    where i.server_id = ${guildId} and i.id = ${id}`;
  return row;
}

export async function integrationOf(
  sql: Db,
  guildId: string,
  applicationId: string,
): Promise<IntegrationRow | undefined> {
  const [row] = await sql<IntegrationRow[]>`
    select ${integrationColumns(sql)} from integrations i join applications a on a.id = i.application_id
    where i.server_id = ${guildId} and i.application_id = ${applicationId}`;
  return row;
}

export async function insertIntegration(
  sql: Db,
  i: { id: string; guildId: string; applicationId: string; userId: string; scopes: readonly string[] },
): Promise<void> {
  await sql`
    insert into integrations (id, server_id, application_id, user_id, scopes)
    values (${i.id}, ${i.guildId}, ${i.applicationId}, ${i.userId}, ${[...i.scopes]})`;
}

export async function setIntegrationScopes(sql: Db, id: string, scopes: readonly string[]): Promise<void> {
  await sql`update integrations set scopes = ${[...scopes]} where id = ${id}`;
}

export async function deleteIntegration(sql: Db, id: string): Promise<void> {
  await sql`delete from integrations where id = ${id}`;
}

/** The webhooks in a guild that an application has made, or that were made for it. */
export async function webhooksOfApplication(
  sql: Db,
  guildId: string,
  applicationId: string,
): Promise<{ id: string; channel_id: string }[]> {
  return sql<{ id: string; channel_id: string }[]>`
    select id, channel_id from webhooks where server_id = ${guildId} and application_id = ${applicationId}
    order by id limit 1000`;
}
