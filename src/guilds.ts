import type { Transaction } from "../core/db.ts";
import type { Event, Sights } from "../core/event-log.ts";
import { guildPermissions, type PermissionName } from "../core/permissions.ts";
import { type GuildRow, wireGuild } from "../core/wire/guild.ts";
import { memberFacts } from "../core/wire/member.ts";
import { roleFacts } from "../core/wire/role.ts";
import { demand, type InGuild } from "./access.ts";
import { invalidField } from "./errors.ts";
import type { JoinedGuildRow } from "./store/guilds.ts";
import { listRoles } from "./store/roles.ts";

/** https://discord.com/developers/docs/resources/guild#guild-object-mutable-guild-features */
const MUTABLE: Readonly<Record<string, PermissionName>> = {
  COMMUNITY: "ADMINISTRATOR",
  INVITES_DISABLED: "MANAGE_GUILD",
  RAID_ALERTS_DISABLED: "MANAGE_GUILD",
};

/**
 * A guild's features once a request has named those that it is to have: what nobody can set stays as it is, whatever
 * the request says of it.
 * @throws 50013 for who may not set what it sets
 */
export function featuresAfter(where: InGuild, before: readonly string[], wanted: readonly string[]): string[] {
  const after = before.filter((feature) => MUTABLE[feature] === undefined);
  for (const [feature, permission] of Object.entries(MUTABLE)) {
    const [was, is] = [before.includes(feature), wanted.includes(feature)];
    if (was !== is) demand(where.permissions, [permission]);
    if (is) after.push(feature);
  }
  return after;
}

/** A community has channels for its rules and for Discord's notices, or what stands for them here. */
export function checkCommunity(row: GuildRow): void {
  if (!row.features.includes("COMMUNITY")) return;
  for (const field of ["rules_channel_id", "public_updates_channel_id"] as const) {
    if (row[field] === null) throw invalidField([field], "BASE_TYPE_REQUIRED", "A community must have this channel.");
  }
}

/** What a user may do in a guild that it is in. */
export function permissionsOf(row: JoinedGuildRow): bigint {
  const roles = new Map(row.roles.map((role) => [role.id, roleFacts(role)]));
  return guildPermissions({ id: row.id, ownerId: row.owner_id, roles }, memberFacts(row), Date.now());
}

/** @param changesView what was seen before the owner changed */
export async function guildUpdate(tx: Transaction, row: GuildRow, changesView?: Sights): Promise<Event> {
  return {
    t: "GUILD_UPDATE",
    guildId: row.id,
    data: wireGuild(row, await listRoles(tx, row.id)),
    entity: `guild:${row.id}`,
    version: row.version,
    ...(changesView === undefined ? {} : { changesView }),
  };
}
