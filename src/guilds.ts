import type { Transaction } from "../core/db.ts";
import type { Event } from "../core/event-log.ts";
import { type GuildRow, wireGuild } from "../core/wire/guild.ts";
import { listRoles } from "./store/roles.ts";

/** @param changesView whether the owner changed */
export async function guildUpdate(tx: Transaction, row: GuildRow, changesView = false): Promise<Event> {
  return {
    t: "GUILD_UPDATE",
    guildId: row.id,
    data: wireGuild(row, await listRoles(tx, row.id)),
    entity: `guild:${row.id}`,
    version: row.version,
    ...(changesView ? { changesView } : {}),
  };
}
