import type { Db, Transaction } from "../../core/db.ts";
import { memberColumns, userJson } from "../../core/store/fragments.ts";
import type { InteractionAbout } from "../../core/wire/interaction.ts";
import type { MemberRow } from "../../core/wire/member.ts";
import type { UserRow } from "../../core/wire/user.ts";
import type { ShownModal } from "../components/modal.ts";
import type { Place } from "./messages.ts";

export interface InteractionRow {
  id: string;
  application_id: string;
  user_id: string;
  server_id: string | null;
  channel_id: string | null;
  dm_channel_id: string | null;
  type: number;
  about: InteractionAbout;
  nonce: string | null;
  app_permissions: string;
  focused_type: number | null;
  source_id: string | null;
  source_ephemeral: boolean;
  answer: number | null;
  response_id: string | null;
  response_ephemeral: boolean;
  modal: ShownModal | null;
  created_at: Date;
  failed_at: Date | null;
  /** Whether its channel is a thread. */
  in_thread: boolean;
  application: { name: string; icon: string | null; bot: UserRow | null };
}

/** Where the interaction was, and its answers are. */
export function placeOfInteraction(row: Pick<InteractionRow, "channel_id" | "dm_channel_id">): Place {
  return row.channel_id === null ? { type: "dm", id: row.dm_channel_id ?? "0" } : { type: "guild", id: row.channel_id };
}

/** From alias `i`. */
const interactionColumns = (sql: Db) => sql`
  i.id, i.application_id, i.user_id, i.server_id, i.channel_id, i.dm_channel_id, i.type, i.about, i.nonce,
  i.app_permissions, i.focused_type, i.source_id, i.source_ephemeral, i.answer, i.response_id, i.response_ephemeral,
  i.modal, i.created_at, i.failed_at,
  exists (select 1 from channels c where c.id = i.channel_id and c.type in (10, 11, 12)) as in_thread,
  (select json_build_object('name', a.name, 'icon', a.icon,
      'bot', (select ${userJson(sql)} from users u where u.id = a.bot_id))
    from applications a where a.id = i.application_id) as application`;

/** An application that was taken out of the guild has lost its tokens there, from alias `i`. */
const stillInstalled = (sql: Db) => sql`
  (i.server_id is null
    or exists (select 1 from applications a join server_members m on m.user_id = a.bot_id
      where a.id = i.application_id and m.server_id = i.server_id)
    or exists (select 1 from integrations n where n.application_id = i.application_id and n.server_id = i.server_id
      and 'applications.commands' = any(n.scopes)))`;

export async function findInteractionByToken(sql: Db, tokenHash: Buffer): Promise<InteractionRow | undefined> {
  const [row] = await sql<InteractionRow[]>`
    select ${interactionColumns(sql)} from interactions i where i.token_hash = ${tokenHash} and ${stillInstalled(sql)}`;
  return row;
}

export async function findInteraction(sql: Db, id: string): Promise<InteractionRow | undefined> {
  const [row] = await sql<InteractionRow[]>`
    select ${interactionColumns(sql)} from interactions i where i.id = ${id} and ${stillInstalled(sql)}`;
  return row;
}

export interface NewInteraction {
  id: string;
  tokenHash: Buffer;
  applicationId: string;
  userId: string;
  guildId: string | null;
  place: Place;
  type: number;
  about: InteractionAbout;
  nonce: string | null;
  appPermissions: bigint;
  focusedType: number | null;
  source: { id: string; ephemeral: boolean } | null;
  createdAt: Date;
}

export async function insertInteraction(sql: Db, i: NewInteraction): Promise<void> {
  await sql`
    insert into interactions (id, token_hash, application_id, user_id, server_id, channel_id, dm_channel_id, type,
      about, nonce, app_permissions, focused_type, source_id, source_ephemeral, created_at)
    values (${i.id}, ${i.tokenHash}, ${i.applicationId}, ${i.userId}, ${i.guildId},
      ${i.place.type === "guild" ? i.place.id : null}, ${i.place.type === "dm" ? i.place.id : null}, ${i.type},
      ${JSON.stringify(i.about)}::text::jsonb, ${i.nonce}, ${i.appPermissions.toString()}, ${i.focusedType},
      ${i.source?.id ?? null}, ${i.source?.ephemeral ?? false}, ${i.createdAt})`;
}

export interface FirstAnswer {
  type: number;
  response?: { id: string; ephemeral: boolean } | undefined;
  modal?: ShownModal | undefined;
}

/**
 * Gives an interaction its first answer, of which there is one: others wait for the transaction and get false.
 * @param after an interaction that was made before this is over
 */
export async function claimInteraction(
  tx: Transaction,
  id: string,
  answer: FirstAnswer,
  after: Date,
): Promise<boolean> {
  const rows = await tx`
    update interactions set answer = ${answer.type}, response_id = ${answer.response?.id ?? null},
      response_ephemeral = ${answer.response?.ephemeral ?? false},
      modal = ${answer.modal === undefined ? null : JSON.stringify(answer.modal)}::text::jsonb
    where id = ${id} and answer is null and failed_at is null and created_at > ${after} returning id`;
  return rows.length > 0;
}

/** Takes the modal that an interaction showed. @returns false when it was submitted before */
export async function takeModal(tx: Transaction, id: string): Promise<boolean> {
  const rows = await tx`update interactions set modal = null where id = ${id} and modal is not null returning id`;
  return rows.length > 0;
}

export interface FailedInteraction {
  id: string;
  user_id: string;
  nonce: string | null;
}

/** Marks those that nobody has answered. Several processes may look at once: each is returned to one of them. */
export async function failOverdue(sql: Db, madeBefore: Date, now: Date): Promise<FailedInteraction[]> {
  return sql<FailedInteraction[]>`
    update interactions set failed_at = ${now}
    where id in (select id from interactions where answer is null and failed_at is null and created_at <= ${madeBefore}
      order by created_at limit 1000 for update skip locked)
    returning id, user_id, nonce`;
}

/** Marks one that can't be answered any more. @returns undefined when it was answered, or failed before */
export async function failInteraction(sql: Db, id: string, now: Date): Promise<FailedInteraction | undefined> {
  const [row] = await sql<FailedInteraction[]>`
    update interactions set failed_at = ${now} where id = ${id} and answer is null and failed_at is null
    returning id, user_id, nonce`;
  return row;
}

/** Removes old ones, with their ephemeral messages, a batch at a time. */
export async function deleteOldInteractions(sql: Db, madeBefore: Date, batch = 5000): Promise<void> {
  await sql`
    delete from interactions where id in (
      select id from interactions where created_at < ${madeBefore} order by created_at limit ${batch})`;
}

/** Keeps files for as long as the interaction is kept. */
export async function attachToInteraction(tx: Transaction, id: string, fileIds: readonly string[]): Promise<void> {
  if (fileIds.length === 0) return;
  const ids = [...fileIds];
  await tx`update files set orphaned_at = null where id = any(${ids}::bigint[]) and orphaned_at is not null`;
  await tx`
    insert into interaction_files (interaction_id, file_id)
    select ${id}, given.id from unnest(${ids}::bigint[]) as given (id) on conflict do nothing`;
}

/** Of the ids, those who are members; 25 at most are asked for. */
export async function findMembers(sql: Db, guildId: string, userIds: readonly string[]): Promise<MemberRow[]> {
  if (userIds.length === 0) return [];
  return sql<MemberRow[]>`
    select ${memberColumns(sql)} from server_members m join users u on u.id = m.user_id
    where m.server_id = ${guildId} and m.user_id = any(${[...userIds]})`;
}
