import type { Db, Transaction } from "../../core/db.ts";
import type { PollRow } from "../../core/wire/poll.ts";
import type { UserRow } from "../../core/wire/user.ts";
import type { NewPoll } from "../polls/body.ts";
import { pageOfUsers } from "./users.ts";

/** A PollRow as JSON, from alias `msg`, as `viewerId` sees it. */
export const pollJson = (sql: Db, viewerId: string | null) => sql`
  case when msg.poll is not null then (
    select json_build_object('asked', msg.poll, 'expires_at', p.expires_at, 'ended', p.ended, 'counts', coalesce((
      select json_agg(json_build_object('id', a.answer_id, 'count', a.count, 'me', exists (
          select 1 from poll_votes v
          where v.message_id = a.message_id and v.answer_id = a.answer_id and v.user_id = ${viewerId}::bigint))
        order by a.answer_id) from poll_answers a where a.message_id = p.message_id and a.count > 0), '[]'))
    from polls p where p.message_id = msg.id) end`;

/** Opens the poll of the message of the CTE `made`: two more CTEs. */
export const openPollOf = (sql: Db, { asked, expiresAt }: NewPoll) => sql`
  , polled as (
    insert into polls (message_id, expires_at) select id, ${expiresAt} from made returning message_id
  ), answered as (
    insert into poll_answers (message_id, answer_id)
    select p.message_id, a from polled p, unnest(${asked.answers.map((answer) => answer.answer_id)}::smallint[]) a
  )`;

/** Puts a poll into a message that has none. */
export async function addPoll(tx: Transaction, messageId: string, poll: NewPoll): Promise<void> {
  await tx`
    with made as (
      update messages set poll = ${JSON.stringify(poll.asked)}::text::jsonb where id = ${messageId} returning id
    ) ${openPollOf(tx, poll)}
    select from made`;
}

/** @returns undefined for a message without a poll */
export async function findPoll(
  sql: Db,
  messageId: string,
): Promise<(Omit<PollRow, "counts"> & { expires_at: Date }) | undefined> {
  const [row] = await sql<(Omit<PollRow, "counts"> & { expires_at: Date })[]>`
    select msg.poll as asked, p.expires_at, p.ended from polls p join messages msg on msg.id = p.message_id
    where p.message_id = ${messageId}`;
  return row;
}

/** Makes these a user's votes, and no others. @returns what changed, with the vote's version */
export async function setVotes(
  tx: Transaction,
  messageId: string,
  userId: string,
  answerIds: readonly number[],
): Promise<{ answer_id: number; added: boolean; version: string }[]> {
  return tx<{ answer_id: number; added: boolean; version: string }[]>`
    with gone as (
      delete from poll_votes
      where message_id = ${messageId} and user_id = ${userId} and answer_id <> all(${[...answerIds]}::smallint[])
      returning answer_id, false as added
    ), made as (
      insert into poll_votes (message_id, answer_id, user_id)
      select ${messageId}, a, ${userId} from unnest(${[...answerIds]}::smallint[]) a
      on conflict do nothing returning answer_id, true as added
    ), changed as (
      select * from gone union all select * from made
    ), counted as (
      update poll_answers a set count = a.count + case when c.added then 1 else -1 end from changed c
      where a.message_id = ${messageId} and a.answer_id = c.answer_id
    )
    select answer_id, added, nextval('poll_vote_version') as version from changed`;
}

/** Who voted for an answer, by id. */
export async function listVoters(
  sql: Db,
  messageId: string,
  answerId: number,
  page: { after?: string | undefined; limit: number },
): Promise<UserRow[]> {
  return pageOfUsers(sql, sql`poll_votes t where t.message_id = ${messageId} and t.answer_id = ${answerId}`, page);
}

/** Nobody votes any more. @returns false when it had ended */
export async function markEnded(tx: Transaction, messageId: string): Promise<boolean> {
  const rows = await tx`
    update polls set ended = true, expires_at = least(expires_at, now())
    where message_id = ${messageId} and not ended returning message_id`;
  return rows.length > 0;
}

/** A poll whose time is over, and where it is. */
export interface DuePoll {
  message_id: string;
  channel_id: string | null;
  server_id: string | null;
  dm_channel_id: string | null;
  /** Of the conversation. */
  user_ids: [string, string] | null;
}

/** The longest over first. Of a message that was deleted nothing is told. */
export async function listDuePolls(sql: Db, limit: number): Promise<DuePoll[]> {
  return sql<DuePoll[]>`
    select p.message_id, msg.channel_id, c.server_id, msg.dm_channel_id,
      case when d.id is not null then array[d.user1_id::text, d.user2_id::text] end as user_ids
    from polls p join messages msg on msg.id = p.message_id
    left join channels c on c.id = msg.channel_id left join dm_channels d on d.id = msg.dm_channel_id
    where not p.ended and p.expires_at <= now() order by p.expires_at limit ${limit}`;
}
