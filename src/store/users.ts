import type { Db, Transaction } from "../../core/db.ts";
import { type Fragment, setAndBump } from "../../core/store/fragments.ts";
import type { OwnUserRow, UserRow } from "../../core/wire/user.ts";

const userColumns = (sql: Db) => sql`
  id, username, discriminator, global_name, avatar, banner, accent_color, bot, flags`;

export async function findUser(sql: Db, id: string): Promise<UserRow | undefined> {
  const [row] = await sql<UserRow[]>`select ${userColumns(sql)} from users where id = ${id}`;
  return row;
}

/**
 * Users by id, of those that have rows somewhere.
 * @param rows what follows FROM up to ORDER BY, with an alias `t` that has a `user_id`, and a WHERE
 */
export async function pageOfUsers(
  sql: Db,
  rows: Fragment,
  page: { after?: string | undefined; limit: number },
): Promise<UserRow[]> {
  return sql<UserRow[]>`
    select ${userColumns(sql)} from users
    where id in (
      select t.user_id from ${rows} ${page.after === undefined ? sql`` : sql`and t.user_id > ${page.after}`}
      order by t.user_id limit ${page.limit})
    order by id`;
}

/** With what only the account itself may see. */
export async function findOwnUser(sql: Db, id: string): Promise<OwnUserRow | undefined> {
  const [row] = await sql<OwnUserRow[]>`select ${userColumns(sql)}, email, locale from users where id = ${id}`;
  return row;
}

/** Makes others who lock the same account wait until the transaction ends: joins, for its limit of guilds, and logins. */
export async function lockUser(tx: Transaction, id: string): Promise<void> {
  await tx`select 1 from users where id = ${id} for no key update`;
}

export interface NewPerson {
  id: string;
  username: string;
  email: string;
  passwordHash: string;
}

/** @returns which of the two is taken, or null when the account was made */
export async function insertPerson(sql: Db, person: NewPerson): Promise<"email" | "username" | null> {
  const rows = await sql`
    insert into users (id, username, email, password_hash)
    values (${person.id}, ${person.username}, ${person.email}, ${person.passwordHash})
    on conflict do nothing returning id`;
  if (rows.length > 0) return null;
  const [row] = await sql<{ taken: boolean }[]>`
    select exists (select 1 from users where lower(email) = lower(${person.email})) as taken`;
  return row?.taken === true ? "email" : "username";
}

export interface Credentials {
  id: string;
  password_hash: string;
}

/** By email or username, people only. */
export async function findCredentials(sql: Db, login: string): Promise<Credentials | undefined> {
  const [row] = await sql<Credentials[]>`
    select id, password_hash from users
    where not bot and (lower(email) = lower(${login}) or lower(username) = lower(${login}))
    order by lower(email) = lower(${login}) desc limit 1`;
  return row;
}

/** Locks an account as lockUser does. @returns its password's hash; undefined when there is no such account */
export async function lockPasswordHash(tx: Transaction, id: string): Promise<string | null | undefined> {
  const [row] = await tx<{ password_hash: string | null }[]>`
    select password_hash from users where id = ${id} for no key update`;
  return row?.password_hash;
}

export async function setPassword(sql: Db, id: string, passwordHash: string): Promise<void> {
  await sql`update users set password_hash = ${passwordHash}, updated_at = now() where id = ${id}`;
}

export interface UserPatch {
  username?: string;
  global_name?: string | null;
  accent_color?: number | null;
  avatar?: string | null;
  banner?: string | null;
}

/** @returns undefined when the username is taken */
export async function updateUser(
  sql: Db,
  id: string,
  patch: UserPatch,
): Promise<(OwnUserRow & { version: string }) | undefined> {
  const changes = { ...patch, updated_at: new Date() };
  const [row] = await sql<(OwnUserRow & { version: string })[]>`
    update users set ${setAndBump(sql, changes)}
    where id = ${id} and not exists (
      select 1 from users other where other.id <> ${id} and not other.bot
        and lower(other.username) = lower(${patch.username ?? ""}) and not users.bot)
    returning ${userColumns(sql)}, email, locale, version`;
  return row;
}

export async function findCredentialsById(sql: Db, id: string): Promise<Credentials | undefined> {
  const [row] = await sql<Credentials[]>`select id, password_hash from users where id = ${id} and not bot`;
  return row;
}

/** Of the ids, those that are accounts. */
export async function findUsers(sql: Db, ids: readonly string[]): Promise<UserRow[]> {
  if (ids.length === 0) return [];
  return sql<UserRow[]>`select ${userColumns(sql)} from users where id = any(${[...ids]})`;
}
