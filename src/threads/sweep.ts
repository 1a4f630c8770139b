import { ChannelFlags } from "discord-api-types/v10";
import type { Sql } from "../../core/db.ts";
import type { Change } from "../change.ts";
import { lockGuild } from "../store/guilds.ts";
import { archiveIfIdle, findThread, listDueThreads } from "../store/threads.ts";
import { threadUpdate } from "./event.ts";

/** Threads looked at in one go. */
const BATCH = 200;

/**
 * Archives threads in which nothing has happened for as long as their duration says. Several processes may do this at
 * once: each thread is archived by one of them.
 */
export async function archiveIdleThreads(app: { sql: Sql; change: Change }): Promise<void> {
  for (const { id, guildId } of await listDueThreads(app.sql, BATCH)) {
    await app.change(async (tx, emit) => {
      await lockGuild(tx, guildId);
      if (!(await archiveIfIdle(tx, id, ChannelFlags.Pinned))) return;
      const row = await findThread(tx, id);
      if (row !== undefined) emit(threadUpdate(row));
    });
  }
}
