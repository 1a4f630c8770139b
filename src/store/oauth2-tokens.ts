import type { Db, Transaction } from "../../core/db.ts";
import type { OwnUserRow } from "../../core/wire/user.ts";
import type { Caller } from "../auth/caller.ts";
import type { Scope } from "../oauth2/scopes.ts";
import { accountColumns } from "./tokens.ts";

/** Whose and for what: what codes and tokens have in common. */
export interface Granted {
  /** The code, or the client credentials, that it all descends from. */
  chain_id: string;
  user_id: string;
  application_id: string;
  scopes: Scope[];
}

/** Who acts with a bearer token. The email is left out unless it may be seen. */
export async function accountOfBearerToken(sql: Db, hash: Buffer): Promise<Caller | null> {
  const [row] = await sql<(OwnUserRow & Pick<Granted, "application_id" | "scopes"> & { expires_at: Date })[]>`
    select ${accountColumns(sql)}, t.application_id, t.scopes, t.expires_at
    from oauth2_access_tokens t join users u on u.id = t.user_id
    where t.token_hash = ${hash} and t.expires_at > now()`;
  if (row === undefined) return null;
  const { application_id, scopes, expires_at, ...user } = row;
  return {
    user: { ...user, email: scopes.includes("email") ? user.email : null },
    familyId: null,
    applicationId: null,
    rateLimitFactor: 1,
    grant: { applicationId: application_id, scopes, expiresAt: expires_at },
  };
}

export interface NewCode {
  codeHash: Buffer;
  chainId: string;
  userId: string;
  applicationId: string;
  scopes: readonly Scope[];
  redirectUri: string | null;
  codeChallenge: string | null;
  nonce: string | null;
  guildId: string | null;
  webhookId: string | null;
  expiresAt: Date;
}

export async function insertCode(sql: Db, c: NewCode): Promise<void> {
  await sql`
    insert into oauth2_codes (code_hash, chain_id, user_id, application_id, scopes, redirect_uri, code_challenge, nonce,
      guild_id, webhook_id, expires_at)
    values (${c.codeHash}, ${c.chainId}, ${c.userId}, ${c.applicationId}, ${[...c.scopes]}, ${c.redirectUri},
      ${c.codeChallenge}, ${c.nonce}, ${c.guildId}, ${c.webhookId}, ${c.expiresAt})`;
}

export interface CodeRow extends Granted {
  redirect_uri: string | null;
  code_challenge: string | null;
  nonce: string | null;
  guild_id: string | null;
  webhook_id: string | null;
  expires_at: Date;
  used_at: Date | null;
}

export async function findCode(sql: Db, hash: Buffer): Promise<CodeRow | undefined> {
  const [row] = await sql<CodeRow[]>`
    select chain_id, user_id, application_id, scopes, redirect_uri, code_challenge, nonce, guild_id, webhook_id,
      expires_at, used_at
    from oauth2_codes where code_hash = ${hash}`;
  return row;
}

/** @returns false when it was used before, or is gone: of many uses at once one is first */
export async function takeCode(sql: Db, hash: Buffer): Promise<boolean> {
  const rows = await sql`
    update oauth2_codes set used_at = now() where code_hash = ${hash} and used_at is null returning 1`;
  return rows.length > 0;
}

export async function insertBearerToken(
  sql: Db,
  { chain_id, user_id, application_id, scopes }: Granted,
  hash: Buffer,
  expiresAt: Date,
): Promise<void> {
  await sql`
    insert into oauth2_access_tokens (token_hash, chain_id, user_id, application_id, scopes, expires_at)
    values (${hash}, ${chain_id}, ${user_id}, ${application_id}, ${scopes}, ${expiresAt})`;
}

export async function insertRefreshToken(
  sql: Db,
  { chain_id, user_id, application_id, scopes }: Granted,
  hash: Buffer,
  expiresAt: Date,
): Promise<void> {
  await sql`
    insert into oauth2_refresh_tokens (token_hash, chain_id, user_id, application_id, scopes, expires_at)
    values (${hash}, ${chain_id}, ${user_id}, ${application_id}, ${scopes}, ${expiresAt})`;
}

export interface GrantedRefreshRow extends Granted {
  expires_at: Date;
  used_at: Date | null;
}

export async function findGrantedRefresh(sql: Db, hash: Buffer): Promise<GrantedRefreshRow | undefined> {
  const [row] = await sql<GrantedRefreshRow[]>`
    select chain_id, user_id, application_id, scopes, expires_at, used_at
    from oauth2_refresh_tokens where token_hash = ${hash}`;
  return row;
}

export async function markGrantedRefreshUsed(sql: Db, hash: Buffer): Promise<void> {
  await sql`update oauth2_refresh_tokens set used_at = now() where token_hash = ${hash}`;
}

/** Whose a token is, of either kind. */
export async function ownerOfToken(
  sql: Db,
  hash: Buffer,
): Promise<Pick<Granted, "user_id" | "application_id"> | undefined> {
  const [row] = await sql<Pick<Granted, "user_id" | "application_id">[]>`
    select user_id, application_id from oauth2_access_tokens where token_hash = ${hash}
    union all select user_id, application_id from oauth2_refresh_tokens where token_hash = ${hash}`;
  return row;
}

/** Ends all tokens that descend from one code. */
export async function endChain(sql: Db, chainId: string): Promise<void> {
  await sql`
    with gone as (delete from oauth2_access_tokens where chain_id = ${chainId})
    delete from oauth2_refresh_tokens where chain_id = ${chainId}`;
}

/**
 * Ends what an application, or any, may do for a user: authorizations, codes and tokens.
 * @returns the applications that had an authorization
 */
export async function deleteAuthorizations(
  tx: Transaction,
  userId: string,
  applicationId: string | null,
): Promise<string[]> {
  const theirs = applicationId === null ? tx`` : tx`and application_id = ${applicationId}`;
  const ended = await tx<{ application_id: string }[]>`
    delete from oauth2_authorizations where user_id = ${userId} ${theirs} returning application_id`;
  await tx`delete from oauth2_codes where user_id = ${userId} ${theirs}`;
  await tx`delete from oauth2_access_tokens where user_id = ${userId} ${theirs}`;
  await tx`delete from oauth2_refresh_tokens where user_id = ${userId} ${theirs}`;
  return ended.map((row) => row.application_id);
}

/** Removes what has expired; a code stays for a day after, so that a second use of it can still be told. */
export async function deleteExpiredGrants(sql: Db): Promise<void> {
  await sql`delete from oauth2_codes where expires_at < now() - interval '1 day'`;
  await sql`delete from oauth2_access_tokens where expires_at < now() - interval '1 minute'`;
  await sql`delete from oauth2_refresh_tokens where expires_at < now()`;
}
