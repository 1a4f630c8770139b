import type { Db, Transaction } from "../../core/db.ts";
import type { EmojiRow } from "../../core/wire/reaction.ts";
import type { UserRow } from "../../core/wire/user.ts";
import { pageOfUsers } from "./users.ts";

export interface GuildEmojiRow extends EmojiRow {
  server_id: string;
}

/** A custom emoji of any guild that the user is in. */
export async function findEmojiFor(sql: Db, id: string, userId: string): Promise<GuildEmojiRow | undefined> {
  const [row] = await sql<GuildEmojiRow[]>`
    select e.id as emoji_id, e.name as emoji_name, e.animated, e.server_id
    from emojis e join server_members m on m.server_id = e.server_id and m.user_id = ${userId}
    where e.id = ${id}`;
  return row;
}

/** The emoji of a message in their order, 20 at most. */
export async function listReactionEmojis(sql: Db, messageId: string): Promise<(EmojiRow & { emoji: string })[]> {
  return sql<(EmojiRow & { emoji: string })[]>`
    select emoji, emoji_id, emoji_name, animated from message_reactions where message_id = ${messageId} order by place`;
}

/** What tells emoji apart in the tables. */
export const emojiKey = (emoji: EmojiRow): string => emoji.emoji_id ?? emoji.emoji_name;

/** @returns the reaction's version; undefined when the user had reacted with this emoji already */
export async function insertReaction(
  tx: Transaction,
  messageId: string,
  emoji: EmojiRow,
  userId: string,
): Promise<string | undefined> {
  const key = emojiKey(emoji);
  await tx`
    insert into message_reactions (message_id, emoji, emoji_id, emoji_name, animated, place, count)
    select ${messageId}, ${key}, ${emoji.emoji_id}, ${emoji.emoji_name}, ${emoji.animated},
      (select coalesce(max(place) + 1, 0) from message_reactions where message_id = ${messageId}), 0
    on conflict do nothing`;
  const [row] = await tx<{ version: string }[]>`
    with made as (
      insert into message_reaction_users (message_id, emoji, user_id) values (${messageId}, ${key}, ${userId})
      on conflict do nothing returning message_id
    )
    update message_reactions r set count = r.count + 1 from made
    where r.message_id = made.message_id and r.emoji = ${key} returning nextval('reaction_version') as version`;
  return row?.version;
}

/** @returns the reaction's version; undefined when there was none */
export async function deleteReaction(
  tx: Transaction,
  messageId: string,
  key: string,
  userId: string,
): Promise<string | undefined> {
  const [row] = await tx<{ version: string; count: number }[]>`
    with gone as (
      delete from message_reaction_users where message_id = ${messageId} and emoji = ${key} and user_id = ${userId}
      returning message_id
    )
    update message_reactions r set count = r.count - 1 from gone
    where r.message_id = gone.message_id and r.emoji = ${key}
    returning nextval('reaction_version') as version, r.count`;
  if (row?.count === 0) await deleteReactionsOf(tx, messageId, key);
  return row?.version;
}

/** Removes an emoji from a message. @returns false when it wasn't there */
export async function deleteReactionsOf(tx: Transaction, messageId: string, key: string): Promise<boolean> {
  const gone = await tx`delete from message_reactions where message_id = ${messageId} and emoji = ${key}`;
  return gone.count > 0;
}

/** @returns false when there were none */
export async function deleteAllReactions(tx: Transaction, messageId: string): Promise<boolean> {
  const gone = await tx`delete from message_reactions where message_id = ${messageId}`;
  return gone.count > 0;
}

/** Who reacted with an emoji, by id. */
export async function listReactionUsers(
  sql: Db,
  messageId: string,
  key: string,
  page: { after?: string | undefined; limit: number },
): Promise<UserRow[]> {
  return pageOfUsers(sql, sql`message_reaction_users t where t.message_id = ${messageId} and t.emoji = ${key}`, page);
}
