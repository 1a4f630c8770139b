import type { Db } from "../../core/db.ts";
import type { OwnUserRow } from "../../core/wire/user.ts";
import type { Caller } from "../auth/caller.ts";

interface AccountRow extends OwnUserRow {
  family_id: string | null;
  application_id: string | null;
  rate_limit_factor: number | null;
}

/** Of `users u`, what callers are known by. */
export const accountColumns = (sql: Db) => sql`
  u.id, u.username, u.discriminator, u.global_name, u.avatar, u.banner, u.accent_color, u.bot, u.flags, u.email,
  u.locale`;

export async function accountOfBotToken(sql: Db, hash: Buffer): Promise<Caller | null> {
  const [row] = await sql<AccountRow[]>`
    select ${accountColumns(sql)}, null as family_id, a.id as application_id,
      a.rate_limit_factor
    from bot_tokens t join users u on u.id = t.bot_id left join applications a on a.bot_id = u.id
    where t.token_hash = ${hash}`;
  return row === undefined ? null : toCaller(row);
}

export async function accountOfAccessToken(sql: Db, hash: Buffer): Promise<Caller | null> {
  const [row] = await sql<AccountRow[]>`
    select ${accountColumns(sql)}, t.family_id, null as application_id, null as rate_limit_factor
    from access_tokens t join users u on u.id = t.user_id
    where t.token_hash = ${hash} and t.expires_at > now()`;
  return row === undefined ? null : toCaller(row);
}

function toCaller({ family_id, application_id, rate_limit_factor, ...user }: AccountRow): Caller {
  return {
    user,
    familyId: family_id,
    applicationId: application_id,
    rateLimitFactor: rate_limit_factor ?? 1,
    grant: null,
  };
}

/** Replaces a bot's one token. */
export async function setBotToken(sql: Db, botId: string, hash: Buffer): Promise<void> {
  await sql`
    insert into bot_tokens (bot_id, token_hash) values (${botId}, ${hash})
    on conflict (bot_id) do update set token_hash = excluded.token_hash, created_at = now()`;
}

export async function deleteBotToken(sql: Db, botId: string): Promise<void> {
  await sql`delete from bot_tokens where bot_id = ${botId}`;
}

export interface NewTokens {
  userId: string;
  familyId: string;
  accessHash: Buffer;
  accessExpires: Date;
  refreshId: string;
  refreshHash: string;
  refreshExpires: Date;
}

export async function insertTokens(sql: Db, tokens: NewTokens): Promise<void> {
  await sql`
    with access as (
      insert into access_tokens (token_hash, user_id, family_id, expires_at)
      values (${tokens.accessHash}, ${tokens.userId}, ${tokens.familyId}, ${tokens.accessExpires})
    )
    insert into refresh_tokens (id, user_id, token, family_id, expires_at)
    values (${tokens.refreshId}, ${tokens.userId}, ${tokens.refreshHash}, ${tokens.familyId}, ${tokens.refreshExpires})
    on conflict (token) do nothing`;
}

export interface RefreshTokenRow {
  user_id: string;
  family_id: string;
  used_at: Date | null;
  revoked_at: Date | null;
  expires_at: Date;
}

export async function ownerOfRefreshToken(sql: Db, hash: string): Promise<string | undefined> {
  const [row] = await sql<{ user_id: string }[]>`select user_id from refresh_tokens where token = ${hash}`;
  return row?.user_id;
}

/** Locks the row, so that of many parallel uses one is first. */
export async function lockRefreshToken(sql: Db, hash: string): Promise<RefreshTokenRow | undefined> {
  const [row] = await sql<RefreshTokenRow[]>`
    select user_id, family_id, used_at, revoked_at, expires_at from refresh_tokens where token = ${hash} for update`;
  return row;
}

export async function markRefreshTokenUsed(sql: Db, hash: string): Promise<void> {
  await sql`update refresh_tokens set used_at = now() where token = ${hash}`;
}

export async function insertAccessToken(
  sql: Db,
  token: Pick<NewTokens, "userId" | "familyId" | "accessHash" | "accessExpires">,
): Promise<void> {
  await sql`
    insert into access_tokens (token_hash, user_id, family_id, expires_at)
    values (${token.accessHash}, ${token.userId}, ${token.familyId}, ${token.accessExpires})`;
}

/** Whether the successor of a token has itself been used: then a repeat is not an honest retry. */
export async function refreshTokenUsed(sql: Db, hash: string): Promise<boolean> {
  const [row] = await sql<{ used: boolean }[]>`
    select used_at is not null or revoked_at is not null as used from refresh_tokens where token = ${hash}`;
  return row?.used ?? true;
}

/** Ends a login and everything that descends from it. */
export async function revokeFamily(sql: Db, familyId: string): Promise<void> {
  await sql`
    with gone as (delete from access_tokens where family_id = ${familyId})
    update refresh_tokens set revoked_at = coalesce(revoked_at, now()) where family_id = ${familyId}`;
}

/** Whether a login has not been ended; one that a command makes for itself has an access token alone. */
export async function loginLives(sql: Db, familyId: string): Promise<boolean> {
  const rows = await sql`
    select 1 from refresh_tokens where family_id = ${familyId} and revoked_at is null
    union all select 1 from access_tokens where family_id = ${familyId}
    limit 1`;
  return rows.length > 0;
}

/** Ends all logins of a user. */
export async function revokeAllOf(sql: Db, userId: string): Promise<void> {
  await sql`
    with gone as (delete from access_tokens where user_id = ${userId})
    update refresh_tokens set revoked_at = coalesce(revoked_at, now()) where user_id = ${userId}`;
}

/** Removes what has expired; a used refresh token stays until then, as reuse must be told from nonsense. */
export async function deleteExpiredTokens(sql: Db): Promise<void> {
  await sql`delete from access_tokens where expires_at < now() - interval '1 minute'`;
  await sql`delete from refresh_tokens where expires_at < now() - interval '1 day'`;
}
