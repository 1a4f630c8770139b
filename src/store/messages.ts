import { MessageFlags } from "discord-api-types/v10";
import type { Db, Transaction } from "../../core/db.ts";
import { channelColumns, type Fragment, setAndBump, userJson } from "../../core/store/fragments.ts";
import type { ChannelRow } from "../../core/wire/channel.ts";
import type { MessageRow } from "../../core/wire/message.ts";
import { isThreadRow, type ThreadChannelRow } from "../../core/wire/thread.ts";
import { followDeletion } from "./crossposts.ts";
import { attachmentsJson } from "./files.ts";
import { pollJson } from "./polls.ts";

/** The columns of a MessageRow without the message that it refers to, as `viewerId` sees them. */
const messageColumns = (sql: Db, viewerId: string | null) => sql`
  msg.id, msg.channel_id, msg.dm_channel_id, msg.author_id, msg.webhook_id, msg.webhook_name, msg.webhook_avatar,
  msg.application_id, msg.interaction, msg.type, msg.flags, msg.content, msg.embeds, msg.components, msg.tts, msg.pinned_at, msg.snapshots,
  msg.mention_everyone, msg.mention_roles, msg.reference_message_id, msg.reference_channel_id,
  msg.reference_server_id, msg.created_at, msg.edited_at, msg.version,
  (select ${userJson(sql)} from users u where u.id = msg.author_id) as author,
  coalesce((select json_agg(${userJson(sql)} order by array_position(msg.mentions, u.id)) from users u
    where u.id = any(msg.mentions)), '[]') as mentioned,
  ${interactionUsersJson(sql)} as interaction_users,
  ${attachmentsJson(sql)} as attachments,
  ${reactionsJson(sql, viewerId)} as reactions, ${pollJson(sql, viewerId)} as poll`;

const reactionsJson = (sql: Db, viewerId: string | null) => sql`
  coalesce((select json_agg(json_build_object('emoji_id', r.emoji_id::text, 'emoji_name', r.emoji_name,
      'animated', r.animated, 'count', r.count, 'me', exists (select 1 from message_reaction_users mine
        where mine.message_id = r.message_id and mine.emoji = r.emoji and mine.user_id = ${viewerId}::bigint))
    order by r.place) from message_reactions r where r.message_id = msg.id), '[]')`;

/** Whom the interaction names that a message answers, by id. */
const interactionUsersJson = (sql: Db) => sql`
  case when msg.interaction is not null then (select json_object_agg(u.id::text, ${userJson(sql)}) from users u
    where u.id = any(array[msg.interaction ->> 'user_id', msg.interaction ->> 'target_user_id',
      msg.interaction #>> '{triggering,target_user_id}']::bigint[])) end`;

type Plain = Omit<MessageRow, "referenced" | "thread">;

/** Where messages are: a guild's channel or a conversation. */
export interface Place {
  type: "guild" | "dm";
  id: string;
}

export const inPlace = (sql: Db, place: Place) =>
  place.type === "guild" ? sql`msg.channel_id = ${place.id}` : sql`msg.dm_channel_id = ${place.id}`;

/** @param viewerId whose own reactions are marked; null for nobody's */
export async function findMessage(
  sql: Db,
  place: Place,
  id: string,
  viewerId: string | null,
): Promise<MessageRow | undefined> {
  const rows = await sql<Plain[]>`
    select ${messageColumns(sql, viewerId)} from messages msg
    where msg.id = ${id} and ${inPlace(sql, place)} and not msg.deleted`;
  const [row] = await withRelated(sql, rows, viewerId);
  return row;
}

/** Messages by what follows FROM, from alias `msg`. */
export async function selectMessages(sql: Db, viewerId: string, rest: Fragment): Promise<MessageRow[]> {
  const rows = await sql<Plain[]>`select ${messageColumns(sql, viewerId)} from messages msg ${rest}`;
  return withRelated(sql, rows, viewerId);
}

export interface Page {
  before?: string | undefined;
  after?: string | undefined;
  around?: string | undefined;
  limit: number;
}

/** Newest first, as Discord answers, whichever way the page was asked for. */
export async function listMessages(sql: Db, place: Place, page: Page, viewerId: string): Promise<MessageRow[]> {
  if (page.around !== undefined) {
    const half = Math.floor(page.limit / 2);
    const newer = await listPlain(sql, place, { after: page.around, limit: half }, viewerId);
    const rest = { upTo: page.around, limit: page.limit - newer.length };
    const older = await listPlain(sql, place, rest, viewerId);
    return withRelated(sql, [...newer, ...older], viewerId);
  }
  return withRelated(sql, await listPlain(sql, place, page, viewerId), viewerId);
}

async function listPlain(sql: Db, place: Place, page: Page & { upTo?: string }, viewerId: string): Promise<Plain[]> {
  const upward = page.after !== undefined && page.before === undefined;
  const rows = await sql<Plain[]>`
    select ${messageColumns(sql, viewerId)} from messages msg
    where ${inPlace(sql, place)} and not msg.deleted
      ${page.before === undefined ? sql`` : sql`and msg.id < ${page.before}`}
      ${page.upTo === undefined ? sql`` : sql`and msg.id <= ${page.upTo}`}
      ${page.after === undefined ? sql`` : sql`and msg.id > ${page.after}`}
    order by msg.id ${upward ? sql`asc` : sql`desc`} limit ${page.limit}`;
  return upward ? [...rows].reverse() : rows;
}

/** Attaches the messages replied to and the threads started, in one more statement each when there are any. */
async function withRelated(sql: Db, rows: readonly Plain[], viewerId: string | null): Promise<MessageRow[]> {
  const ids = rows.flatMap((row) => (row.reference_message_id === null ? [] : [row.reference_message_id]));
  const found =
    ids.length === 0
      ? []
      : await sql<Plain[]>`
          select ${messageColumns(sql, viewerId)} from messages msg where msg.id = any(${ids}) and not msg.deleted`;
  const threads = await threadsOf(sql, [...rows, ...found]);
  const attach = (row: Plain, referenced: MessageRow | null): MessageRow => ({
    ...row,
    thread: threads.get(row.id) ?? null,
    referenced,
  });
  const byId = new Map(found.map((row) => [row.id, attach(row, null)]));
  return rows.map((row) => attach(row, byId.get(row.reference_message_id ?? "") ?? null));
}

/** The threads started from messages, by the id that the two share. */
async function threadsOf(sql: Db, rows: readonly Plain[]): Promise<Map<string, ThreadChannelRow>> {
  const ids = rows.filter((row) => (row.flags & MessageFlags.HasThread) !== 0).map((row) => row.id);
  if (ids.length === 0) return new Map();
  const found = await sql<ChannelRow[]>`select ${channelColumns(sql)} from channels c where c.id = any(${ids})`;
  return new Map(found.filter(isThreadRow).map((row) => [row.id, row]));
}

export interface MessagePatch {
  content?: string;
  embeds?: unknown[];
  components?: unknown[];
  /** Bits to set and to clear; the others stay as they are, whoever changes them at this moment. */
  setFlags?: number;
  clearFlags?: number;
  mentions?: readonly string[];
  mention_roles?: readonly string[];
  mention_everyone?: boolean;
}

/**
 * Locks a message: others who change it, react to it or vote wait until the transaction ends.
 * @returns undefined when it is gone
 */
export async function lockMessage(
  tx: Transaction,
  place: Place,
  id: string,
): Promise<{ author_id: string | null; flags: number } | undefined> {
  const [row] = await tx<{ author_id: string | null; flags: number }[]>`
    select msg.author_id, msg.flags from messages msg
    where msg.id = ${id} and ${inPlace(tx, place)} and not msg.deleted for no key update`;
  return row;
}

export async function updateMessage(sql: Db, id: string, patch: MessagePatch, editedAt: Date | null): Promise<void> {
  const { embeds, components, setFlags = 0, clearFlags = 0, ...plain } = patch;
  const columns = {
    ...plain,
    ...(setFlags === 0 && clearFlags === 0 ? {} : { flags: sql`(flags | ${setFlags}::int) & ~${clearFlags}::int` }),
    ...(editedAt === null ? {} : { edited_at: editedAt }),
    ...(embeds === undefined ? {} : { embeds: sql`${JSON.stringify(embeds)}::text::jsonb` }),
    ...(components === undefined ? {} : { components: sql`${JSON.stringify(components)}::text::jsonb` }),
    ...(patch.mentions === undefined ? {} : { mentions: [...patch.mentions] }),
    ...(patch.mention_roles === undefined ? {} : { mention_roles: [...patch.mention_roles] }),
  };
  await sql`
    update messages set ${setAndBump(sql, columns)}
    where id = ${id}`;
}

/** Hides messages; their content is erased later. A thread counts them no more. @returns the ids that were there */
export async function deleteMessages(
  sql: Db,
  place: Place,
  ids: readonly string[],
  sparedTypes: readonly number[] = [],
): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    with gone as (
      update messages msg set deleted = true, version = version + 1
      where msg.id = any(${[...ids]}) and ${inPlace(sql, place)} and not msg.deleted
        and msg.type <> all(${[...sparedTypes]}::smallint[])
      returning msg.id, msg.channel_id
    ), ${uncounted(sql)}, ${followDeletion(sql)}
    select id from gone`;
  return rows.map((row) => row.id);
}

/** Takes the messages of the CTE `gone` out of their threads' counts; a thread's first message never counted. */
const uncounted = (sql: Db) => sql`
  uncounted as (
    update threads t set message_count = greatest(0, t.message_count - g.n)
    from (select channel_id, count(*) filter (where id <> channel_id)::int as n from gone group by channel_id) g
    where t.channel_id = g.channel_id
  )`;

/**
 * Hides what these users wrote in a guild in the past `seconds`, the newest `limit` of it.
 * @returns the ids by channel
 */
export async function deleteMessagesOf(
  sql: Db,
  guildId: string,
  authorIds: readonly string[],
  seconds: number,
  limit: number,
): Promise<{ channel_id: string; ids: string[] }[]> {
  return sql<{ channel_id: string; ids: string[] }[]>`
    with gone as (
      update messages set deleted = true, version = version + 1
      where id in (
        select msg.id from messages msg join channels c on c.id = msg.channel_id
        where msg.author_id = any(${[...authorIds]}) and c.server_id = ${guildId} and not msg.deleted
          and msg.created_at > now() - make_interval(secs => ${seconds})
        order by msg.id desc limit ${limit})
      returning id, channel_id
    ), ${uncounted(sql)}, ${followDeletion(sql)}
    select channel_id, array_agg(id::text order by id) as ids from gone group by channel_id`;
}

/** Erases what was posted before and is deleted, with its attachments, a batch at a time. @returns how many rows */
export async function eraseDeleted(sql: Db, olderThan: Date, batch = 1000): Promise<number> {
  const rows = await sql`
    with gone as (
      update messages set content = '', embeds = '[]', components = '[]', snapshots = null, poll = null, erased = true
      where id in (select id from messages where deleted and not erased and created_at < ${olderThan}
        order by id limit ${batch}) returning id
    ), forgotten as (
      delete from polls where message_id in (select id from gone)
    ), detached as (
      delete from attachments where message_id in (select id from gone)
    )
    select id from gone`;
  return rows.length;
}
