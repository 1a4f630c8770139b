import type { Db } from "../../core/db.ts";
import type { Scope } from "../oauth2/scopes.ts";
import { type ApplicationRow, applicationColumns } from "./applications.ts";

/** Notes a person's consent, beside those from before. */
export async function addAuthorization(
  sql: Db,
  a: { id: string; userId: string; applicationId: string; scopes: readonly Scope[] },
): Promise<void> {
  await sql`
    insert into oauth2_authorizations (id, user_id, application_id, scopes)
    values (${a.id}, ${a.userId}, ${a.applicationId}, ${[...a.scopes].sort()})
    on conflict (user_id, application_id) do update set scopes = (
      select array_agg(distinct scope order by scope)
      from unnest(oauth2_authorizations.scopes || excluded.scopes) as all_of (scope))`;
}

/** What a person has consented to for an application. */
export async function authorizedScopes(sql: Db, userId: string, applicationId: string): Promise<string[]> {
  const [row] = await sql<{ scopes: string[] }[]>`
    select scopes from oauth2_authorizations where user_id = ${userId} and application_id = ${applicationId}`;
  return row?.scopes ?? [];
}

export interface AuthorizationRow {
  id: string;
  scopes: string[];
  application: ApplicationRow;
}

/** The applications that may act for a person, the newest first. */
export async function listAuthorizations(sql: Db, userId: string): Promise<AuthorizationRow[]> {
  const rows = await sql<(ApplicationRow & { authorization_id: string; scopes: string[] })[]>`
    select o.id as authorization_id, o.scopes, ${applicationColumns(sql)}
    from oauth2_authorizations o join applications a on a.id = o.application_id
    where o.user_id = ${userId} order by o.id desc limit 200`;
  return rows.map(({ authorization_id: id, scopes, ...application }) => ({ id, scopes, application }));
}

/** @returns the application that it is of, when it is this person's */
export async function findAuthorization(sql: Db, id: string, userId: string): Promise<string | undefined> {
  const [row] = await sql<{ application_id: string }[]>`
    select application_id from oauth2_authorizations where id = ${id} and user_id = ${userId}`;
  return row?.application_id;
}
