import type { Transaction } from "../core/db.ts";
import type { Event, Sights } from "../core/event-log.ts";
import { canManageRole, type GuildFacts, type RoleFacts, type WholeGuildFacts } from "../core/permissions.ts";
import { type RoleRow, roleFacts, wireRole } from "../core/wire/role.ts";
import type { LockedInGuild } from "./access.ts";
import { channelEvent } from "./channels/event.ts";
import { ApiError } from "./errors.ts";
import { sightsIn } from "./sights.ts";
import { deleteOverwritesOf } from "./store/channels.ts";
import { deleteRole } from "./store/roles.ts";

/** @param changesView what was seen before its permissions changed */
export function roleEvent(t: "GUILD_ROLE_CREATE" | "GUILD_ROLE_UPDATE", row: RoleRow, changesView?: Sights): Event {
  return {
    t,
    guildId: row.server_id,
    data: { guild_id: row.server_id, role: wireRole(row) },
    entity: `role:${row.id}`,
    version: row.version,
    ...(changesView === undefined ? {} : { changesView }),
  };
}

/** @param roles all of the guild's */
export function withRoles(guild: GuildFacts, roles: readonly RoleRow[]): WholeGuildFacts {
  return { ...guild, roles: new Map(roles.map((role) => [role.id, roleFacts(role)])), allRoles: true };
}

/** @throws 10011 when the guild has no such role, 50013 when it isn't below the caller's highest */
export function manageableRole({ guild, me }: LockedInGuild, id: string): RoleFacts {
  const role = guild.roles.get(id);
  if (role === undefined) throw new ApiError("UNKNOWN_ROLE");
  if (!canManageRole(guild, me, role)) throw new ApiError("MISSING_PERMISSIONS");
  return role;
}

/** Deletes a role, which takes it from its members, and the overwrites for it in the guild's channels. */
export async function removeRole(
  tx: Transaction,
  emit: (event: Event) => void,
  guildId: string,
  roleId: string,
): Promise<void> {
  const changesView = await sightsIn(tx, guildId);
  const version = await deleteRole(tx, guildId, roleId);
  if (version === undefined) return;
  const data = { guild_id: guildId, role_id: roleId };
  emit({ t: "GUILD_ROLE_DELETE", guildId, data, entity: `role:${roleId}`, version, changesView });
  for (const channel of await deleteOverwritesOf(tx, guildId, roleId)) {
    emit(channelEvent("CHANNEL_UPDATE", channel, changesView));
  }
}

/**
 * The order of roles, lowest first, once some were given new positions. A role moved up goes above the one whose
 * place it takes, a role moved down below it.
 * @param ladder lowest first, without @everyone
 */
export function reorder<R extends Pick<RoleRow, "id" | "position">>(
  ladder: readonly R[],
  wanted: ReadonlyMap<string, number>,
): R[] {
  return ladder
    .map((role, rung) => {
      const to = wanted.get(role.id) ?? role.position;
      return { role, rung, to, direction: Math.sign(to - role.position) };
    })
    .sort((a, b) => a.to - b.to || a.direction - b.direction || a.rung - b.rung)
    .map(({ role }) => role);
}
