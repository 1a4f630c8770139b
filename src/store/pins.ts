import type { Db, Transaction } from "../../core/db.ts";
import type { MessageRow } from "../../core/wire/message.ts";
import { inPlace, type Place, selectMessages } from "./messages.ts";

/** Makes others who pin in the same channel wait until the transaction ends. */
export async function lockPins(tx: Transaction, place: Place): Promise<void> {
  await tx`select 1 from ${tx(tableOf(place))} where id = ${place.id} for no key update`;
}

const tableOf = (place: Place): string => (place.type === "guild" ? "channels" : "dm_channels");

export async function countPins(tx: Transaction, place: Place): Promise<number> {
  const [row] = await tx<[{ n: number }]>`
    select count(*)::int as n from messages msg
    where ${inPlace(tx, place)} and msg.pinned_at is not null and not msg.deleted`;
  return row.n;
}

/** Pins a message, later by a millisecond at least than all that are pinned. Call it with the pins locked. */
export async function setPinned(tx: Transaction, place: Place, id: string): Promise<void> {
  await tx`
    update messages set version = version + 1, pinned_at = greatest(date_trunc('milliseconds', clock_timestamp()),
      (select max(msg.pinned_at) + interval '1 ms' from messages msg
        where ${inPlace(tx, place)} and msg.pinned_at is not null and not msg.deleted))
    where id = ${id}`;
}

export async function setUnpinned(tx: Transaction, id: string): Promise<void> {
  await tx`update messages set version = version + 1, pinned_at = null where id = ${id}`;
}

/** Notes in the channel when the newest of its pins was made. @returns it; null without pins */
export async function noteLastPin(tx: Transaction, place: Place): Promise<Date | null> {
  const [row] = await tx<{ last_pin_at: Date | null }[]>`
    update ${tx(tableOf(place))} set last_pin_at = (select max(msg.pinned_at) from messages msg
      where ${inPlace(tx, place)} and msg.pinned_at is not null and not msg.deleted)
    where id = ${place.id} returning last_pin_at`;
  return row?.last_pin_at ?? null;
}

/** The newest pins of a channel, 250 at most. */
export async function listPins(
  sql: Db,
  place: Place,
  page: { before?: Date | undefined; limit: number },
  viewerId: string,
): Promise<MessageRow[]> {
  return selectMessages(
    sql,
    viewerId,
    sql`
      where ${inPlace(sql, place)} and msg.pinned_at is not null and not msg.deleted
        ${page.before === undefined ? sql`` : sql`and msg.pinned_at < ${page.before}`}
      order by msg.pinned_at desc limit ${page.limit}`,
  );
}
