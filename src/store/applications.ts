import type { Db } from "../../core/db.ts";
import { userJson } from "../../core/store/fragments.ts";
import type { WireableApplication } from "../../core/wire/application.ts";

export interface ApplicationRow extends WireableApplication {
  owner_id: string;
  bot_id: string | null;
}

const applicationColumns = (sql: Db) => sql`
  a.id, a.owner_id, a.bot_id, a.name, a.description, a.icon, a.flags, a.tags, a.bot_public,
  a.bot_require_code_grant, a.redirect_uris, a.custom_install_url, a.interactions_endpoint_url,
  a.role_connections_verification_url, a.event_webhooks_url, a.event_webhooks_status, a.event_webhooks_types,
  a.public_key, (select ${userJson(sql)} from users u where u.id = a.owner_id) as owner,
  (select ${userJson(sql)} from users u where u.id = a.bot_id) as bot,
  (select count(*)::int from server_members sm where sm.user_id = a.bot_id) as guild_count`;

export async function findApplication(sql: Db, id: string): Promise<ApplicationRow | undefined> {
  const [row] = await sql<ApplicationRow[]>`select ${applicationColumns(sql)} from applications a where a.id = ${id}`;
  return row;
}

export async function findApplications(sql: Db, ids: readonly string[]): Promise<ApplicationRow[]> {
  if (ids.length === 0) return [];
  return sql<ApplicationRow[]>`
    select ${applicationColumns(sql)} from applications a where a.id = any(${[...ids]}) order by a.id`;
}

/** An owner's applications, oldest first; each may have 100. */
export async function listApplicationsOf(sql: Db, ownerId: string): Promise<ApplicationRow[]> {
  return sql<ApplicationRow[]>`
    select ${applicationColumns(sql)} from applications a where a.owner_id = ${ownerId} order by a.id limit 100`;
}

export async function countApplicationsOf(sql: Db, ownerId: string): Promise<number> {
  const [row] = await sql<[{ n: number }]>`select count(*)::int as n from applications where owner_id = ${ownerId}`;
  return row.n;
}

export interface NewApplication {
  id: string;
  ownerId: string;
  name: string;
  description: string;
  icon: string | null;
  flags: number;
  publicKey: Buffer;
  privateKey: Buffer;
}

export async function insertApplication(sql: Db, a: NewApplication): Promise<void> {
  await sql`
    insert into applications (id, owner_id, name, description, icon, flags, public_key, private_key)
    values (${a.id}, ${a.ownerId}, ${a.name}, ${a.description}, ${a.icon}, ${a.flags}, ${a.publicKey}, ${a.privateKey})`;
}

export type ApplicationPatch = Partial<
  Pick<
    ApplicationRow,
    | "description"
    | "icon"
    | "tags"
    | "custom_install_url"
    | "role_connections_verification_url"
    | "event_webhooks_url"
    | "event_webhooks_status"
    | "event_webhooks_types"
    | "flags"
  >
>;

export async function updateApplication(sql: Db, id: string, patch: ApplicationPatch): Promise<void> {
  if (Object.keys(patch).length > 0) await sql`update applications set ${sql(patch)} where id = ${id}`;
}

/** Whether an application was added to a guild: its bot is a member. */
export async function isInGuild(sql: Db, application: ApplicationRow, guildId: string): Promise<boolean> {
  const rows = await sql`
    select 1 from server_members where server_id = ${guildId} and user_id = ${application.bot_id}`;
  return rows.length > 0;
}

/** The seed of the application's signing key, sealed. */
export async function privateKeyOf(sql: Db, id: string): Promise<Buffer | undefined> {
  const [row] = await sql<{ private_key: Buffer }[]>`select private_key from applications where id = ${id}`;
  return row?.private_key;
}

/** Makes the application's bot user if it has none. A bot has its application's id, as at Discord. */
export async function ensureBot(sql: Db, application: ApplicationRow, discriminator: string): Promise<string> {
  if (application.bot_id !== null) return application.bot_id;
  const name = application.name.length < 2 ? `${application.name} bot` : application.name;
  await sql`
    insert into users (id, username, discriminator, bot) values (${application.id}, ${name}, ${discriminator}, true)
    on conflict (id) do nothing`;
  await sql`update applications set bot_id = ${application.id} where id = ${application.id}`;
  return application.id;
}

/** @returns the factor before and after, or undefined when there is no such application */
export async function setRateLimitFactor(sql: Db, id: string, factor: number | null) {
  const [row] = await sql<{ name: string; before: number; after: number }[]>`
    update applications a set rate_limit_factor = coalesce(${factor}, a.rate_limit_factor)
    from (select id, rate_limit_factor from applications where id = ${id} for update) old
    where a.id = old.id
    returning a.name, old.rate_limit_factor as before, a.rate_limit_factor as after`;
  return row;
}
