import { ApplicationFlags, UserFlags } from "discord-api-types/v10";
import type { Db, Transaction } from "../../core/db.ts";
import { applicationFlags, userJson } from "../../core/store/fragments.ts";
import type { WireableApplication } from "../../core/wire/application.ts";

export interface ApplicationRow extends WireableApplication {
  owner_id: string;
  bot_id: string | null;
}

/** Of `applications a`. */
export const applicationColumns = (sql: Db) => sql`
  a.id, a.owner_id, a.bot_id, a.name, a.description, a.icon, ${applicationFlags(sql)} as flags, a.tags, a.bot_public,
  a.bot_require_code_grant, a.redirect_uris, a.custom_install_url, a.interactions_endpoint_url,
  a.role_connections_verification_url, (select e.url from event_endpoints e where e.id = a.id) as event_webhooks_url,
  coalesce((select e.status from event_endpoints e where e.id = a.id), 1) as event_webhooks_status,
  coalesce((select e.event_types from event_endpoints e where e.id = a.id), '{}') as event_webhooks_types,
  a.cover_image, a.install_params, a.integration_types_config, a.terms_of_service_url, a.privacy_policy_url,
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
    select ${applicationColumns(sql)} from applications a
    where a.owner_id = ${ownerId} order by a.id limit 100`;
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
    | "name"
    | "description"
    | "cover_image"
    | "install_params"
    | "integration_types_config"
    | "terms_of_service_url"
    | "privacy_policy_url"
    | "icon"
    | "tags"
    | "bot_public"
    | "bot_require_code_grant"
    | "redirect_uris"
    | "custom_install_url"
    | "role_connections_verification_url"
    | "flags"
  >
>;

export async function updateApplication(sql: Db, id: string, patch: ApplicationPatch): Promise<void> {
  const { install_params: params, integration_types_config: types, ...plain } = patch;
  const columns = {
    ...plain,
    ...(params === undefined ? {} : { install_params: params === null ? null : json(sql, params) }),
    ...(types === undefined ? {} : { integration_types_config: json(sql, types) }),
  };
  const list = Object.entries(columns).filter(([, value]) => value !== undefined);
  if (list.length === 0) return;
  const set = list.map(([name, value]) => sql`${sql(name)} = ${value}`).reduce((all, one) => sql`${all}, ${one}`);
  await sql`update applications set ${set} where id = ${id}`;
}

const json = (sql: Db, value: object) => sql`${JSON.stringify(value)}::text::jsonb`;

/** With all that hangs on it; the bot's account stays. */
export async function deleteApplication(sql: Db, id: string): Promise<void> {
  await sql`delete from applications where id = ${id}`;
}

/** Whether an application was added to a guild: its bot is a member, or its commands alone are there. */
export async function isInGuild(sql: Db, application: ApplicationRow, guildId: string): Promise<boolean> {
  const rows = await sql`
    select 1 from server_members where server_id = ${guildId} and user_id = ${application.bot_id}
    union all select 1 from integrations where server_id = ${guildId} and application_id = ${application.id}
      and 'applications.commands' = any(scopes)`;
  return rows.length > 0;
}

/** In how many guilds a bot is whose application is not verified; 0 for all others. Locks the bot, so that it holds. */
export async function guildsOfUnverifiedBot(tx: Transaction, userId: string): Promise<number> {
  const [user] = await tx<{ bot: boolean; verified: boolean }[]>`
    select bot, flags & ${UserFlags.VerifiedBot} <> 0 as verified from users where id = ${userId} for no key update`;
  if (user === undefined || !user.bot || user.verified) return 0;
  const [row] = await tx<[{ n: number }]>`select count(*)::int as n from server_members where user_id = ${userId}`;
  return row.n;
}

/**
 * Verifies an application or takes that back: its bot bears the flag, and each privileged intent that it has is of the
 * full kind or the limited one.
 * @returns undefined when there is none with this id, or it has no bot
 */
export async function setVerified(sql: Db, id: string, verified: boolean): Promise<{ name: string } | undefined> {
  const [row] = await sql<{ name: string; flags: string }[]>`
    select name, flags from applications where id = ${id} and bot_id is not null`;
  if (row === undefined) return undefined;
  const flags = intentsAs(verified, BigInt(row.flags)).toString();
  await sql`
    with application as (update applications set flags = ${flags} where id = ${id} returning bot_id)
    update users set flags = flags & ~${UserFlags.VerifiedBot}::bigint
        | ${verified ? UserFlags.VerifiedBot : 0}::bigint, version = version + 1
    where id = (select bot_id from application)`;
  return { name: row.name };
}

/** The full and the limited form of each privileged intent. */
const INTENTS: readonly (readonly [bigint, bigint])[] = [
  [BigInt(ApplicationFlags.GatewayPresence), BigInt(ApplicationFlags.GatewayPresenceLimited)],
  [BigInt(ApplicationFlags.GatewayGuildMembers), BigInt(ApplicationFlags.GatewayGuildMembersLimited)],
  [BigInt(ApplicationFlags.GatewayMessageContent), BigInt(ApplicationFlags.GatewayMessageContentLimited)],
];

function intentsAs(verified: boolean, flags: bigint): bigint {
  return INTENTS.reduce((all, [full, limited]) => {
    const has = (all & (full | limited)) !== 0n;
    return (all & ~(full | limited)) | (has ? (verified ? full : limited) : 0n);
  }, flags);
}

/** SHA-256 of the client secret; undefined when there is no such application, or none was made for it. */
export async function clientSecretHash(sql: Db, id: string): Promise<Buffer | undefined> {
  const [row] = await sql<{ client_secret_hash: Buffer | null }[]>`
    select client_secret_hash from applications where id = ${id}`;
  return row?.client_secret_hash ?? undefined;
}

export async function setClientSecret(sql: Db, id: string, hash: Buffer): Promise<void> {
  await sql`update applications set client_secret_hash = ${hash} where id = ${id}`;
}

/** The seed of the application's signing key, sealed. */
export async function privateKeyOf(sql: Db, id: string): Promise<Buffer | undefined> {
  const [row] = await sql<{ private_key: Buffer }[]>`select private_key from applications where id = ${id}`;
  return row?.private_key;
}

/** The sealed seed of the newest application: what tells whether one has the platform's secret. */
export async function newestPrivateKey(sql: Db): Promise<Buffer | undefined> {
  const [row] = await sql<{ private_key: Buffer }[]>`select private_key from applications order by id desc limit 1`;
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
