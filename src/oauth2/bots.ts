import { AuditLogEvent } from "discord-api-types/v10";
import type { Transaction } from "../../core/db.ts";
import { bitsToNames, canManageRole, namesToBits } from "../../core/permissions.ts";
import { type RoleRow, roleFacts } from "../../core/wire/role.ts";
import type { LockedInGuild } from "../access.ts";
import type { App } from "../app.ts";
import { auditAction, auditChange } from "../audit/entry.ts";
import { roleFields } from "../audit/fields.ts";
import type { Emit } from "../change.ts";
import { addMember, memberUpdate } from "../membership.ts";
import { roleEvent } from "../roles.ts";
import { sightsIn } from "../sights.ts";
import type { ApplicationRow } from "../store/applications.ts";
import { addMemberRole, findMember, updateMember } from "../store/members.ts";
import { findRole, insertRole, managedRoleIds, updateRole } from "../store/roles.ts";

/**
 * Makes an application's bot a member, with a managed role for what it was granted. One that is a member already gets
 * what was granted anew.
 * @param where who adds it; nobody gives a bot what they don't have themselves
 */
export async function addBot(
  app: App,
  tx: Transaction,
  emit: Emit,
  where: LockedInGuild,
  application: ApplicationRow & { bot_id: string },
  asked: bigint,
): Promise<void> {
  const guildId = where.guild.id;
  const { bot_id: botId } = application;
  const granted = asked & where.permissions;
  const added = await addMember(app, tx, emit, guildId, botId, async () => {
    if (granted !== 0n) await makeRole(app, tx, emit, guildId, application, granted);
  });
  if (added) return emit(auditAction(guildId, AuditLogEvent.BotAdd, botId));
  const [roleId] = await managedRoleIds(tx, guildId, botId);
  const role = roleId === undefined ? undefined : await findRole(tx, guildId, roleId);
  if (role !== undefined) return regrant(tx, emit, where, role, granted);
  if (granted === 0n) return;
  const seen = await sightsIn(tx, guildId, botId);
  await makeRole(app, tx, emit, guildId, application, granted);
  await updateMember(tx, guildId, botId, {});
  const member = await findMember(tx, guildId, botId);
  if (member !== undefined) emit(memberUpdate(member, seen));
}

async function makeRole(
  app: App,
  tx: Transaction,
  emit: Emit,
  guildId: string,
  { name, bot_id: botId }: ApplicationRow & { bot_id: string },
  granted: bigint,
): Promise<void> {
  const id = app.nextId();
  // Of roles at one position the newest is the lowest: this one is just above @everyone.
  const role = await insertRole(tx, { id, guildId, name, permissions: bitsToNames(granted), botId, position: 1 });
  await addMemberRole(tx, guildId, botId, id);
  emit(roleEvent("GUILD_ROLE_CREATE", role));
}

/** Gives the bot's role other permissions: of those that the granter has; and not when the role is above theirs. */
async function regrant(
  tx: Transaction,
  emit: Emit,
  where: LockedInGuild,
  role: RoleRow,
  granted: bigint,
): Promise<void> {
  const had = namesToBits(role.permissions);
  const permissions = granted | (had & ~where.permissions);
  if (permissions === had || !canManageRole(where.guild, where.me, roleFacts(role))) return;
  const seen = await sightsIn(tx, role.server_id);
  const row = await updateRole(tx, role.id, { permissions: bitsToNames(permissions) });
  emit(roleEvent("GUILD_ROLE_UPDATE", row, seen));
  emit(auditChange(row.server_id, AuditLogEvent.RoleUpdate, row.id, roleFields(role), roleFields(row)));
}
