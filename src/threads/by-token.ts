import type { Db, Transaction } from "../../core/db.ts";
import type { ThreadChannelRow } from "../../core/wire/thread.ts";
import type { Emit } from "../change.ts";
import { ApiError } from "../errors.ts";
import { lockGuild } from "../store/guilds.ts";
import { findThread, updateThread } from "../store/threads.ts";
import { emitUpdate } from "./event.ts";
import { demandRoom } from "./room.ts";
import { demandDeletableThread, demandOpenThread, demandUnlocked } from "./write.ts";

/** A thread, for whoever comes with the token of a webhook or an interaction. */
export interface ThreadByToken {
  guildId: string;
  threadId: string;
  /** Of the application; a webhook has none, as nobody stands behind it who could moderate. */
  permissions: bigint;
}

/**
 * Readies a thread for a message: an archived one is active again. Call it before anything else is locked, as it may
 * lock the guild.
 * @throws 10003 when it is gone, 160005 or 50083 when it is locked and the permissions are not a moderator's
 */
export async function openByToken(tx: Transaction, emit: Emit, at: ThreadByToken): Promise<void> {
  if (!mustReopen(at, await existing(tx, at))) return;
  await lockGuild(tx, at.guildId);
  const before = await existing(tx, at);
  if (!mustReopen(at, before)) return;
  await demandRoom(tx, at.guildId);
  await updateThread(tx, before, {}, { archived: false });
  await emitUpdate(tx, emit, before);
}

/** What is in an archived thread stays as it is. @throws 10003, 50083 or 160005 */
export async function demandOpenByToken(sql: Db, at: ThreadByToken): Promise<void> {
  demandOpenThread(at.permissions, await existing(sql, at));
}

/** @throws 10003 or 50083 */
export async function demandDeletableByToken(sql: Db, at: ThreadByToken): Promise<void> {
  demandDeletableThread(at.permissions, await existing(sql, at));
}

function mustReopen({ permissions }: ThreadByToken, found: ThreadChannelRow): boolean {
  demandUnlocked(permissions, found);
  return found.thread.archived;
}

async function existing(sql: Db, { threadId }: ThreadByToken): Promise<ThreadChannelRow> {
  const found = await findThread(sql, threadId);
  if (found === undefined) throw new ApiError("UNKNOWN_CHANNEL");
  return found;
}
