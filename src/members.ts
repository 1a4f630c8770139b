import { AuditLogEvent, ChannelType } from "discord-api-types/v10";
import { z } from "zod";
import type { Transaction } from "../core/db.ts";
import type { Event, Sights } from "../core/event-log.ts";
import { guildPermissions, has, outranks, Permission } from "../core/permissions.ts";
import { type MemberRow, memberFacts, wireMember } from "../core/wire/member.ts";
import type { RoleRow } from "../core/wire/role.ts";
import { demand, type LockedInGuild, permissionsIn } from "./access.ts";
import type { App } from "./app.ts";
import { auditAction, auditChange, auditEntry } from "./audit/entry.ts";
import { memberFields } from "./audit/fields.ts";
import { ApiError, invalidField } from "./errors.ts";
import { moment, snowflake, trimmed } from "./fields.ts";
import { memberUpdate } from "./membership.ts";
import { manageableRole } from "./roles.ts";
import { sightsIn } from "./sights.ts";
import { findChannel } from "./store/channels.ts";
import { addMemberRole, deleteMemberRole, findMember, type MemberPatch, updateMember } from "./store/members.ts";
import { listRoles } from "./store/roles.ts";
import type { Voice } from "./voice.ts";

/** https://discord.com/developers/docs/resources/guild#modify-guild-member */
const MAX_TIMEOUT_MS = 28 * 24 * 3600_000;
const BYPASSES_VERIFICATION = 1 << 2;

/** An empty nickname is none. */
export const nickname = trimmed(0, 32).transform((nick) => nick || null);

export const memberPatch = z.object({
  nick: nickname.nullish(),
  roles: z.array(snowflake).max(251).nullish(),
  mute: z.boolean().nullish(),
  deaf: z.boolean().nullish(),
  channel_id: snowflake.nullish(),
  communication_disabled_until: moment.nullish(),
  flags: z.int32().nullish(),
});
type MemberBody = z.infer<typeof memberPatch>;

export async function existingMember(tx: Transaction, where: LockedInGuild, userId: string): Promise<MemberRow> {
  const member = await findMember(tx, where.guild.id, userId);
  if (member === undefined) throw new ApiError("UNKNOWN_MEMBER");
  return member;
}

/** Changes a member, the caller itself or another; each field has its own permission and its own rule of rank. */
export async function patchMember(
  tx: Transaction,
  emit: (event: Event) => void,
  where: LockedInGuild,
  userId: string,
  body: MemberBody,
  voice: Voice,
) {
  const target = await existingMember(tx, where, userId);
  const moved = await moveInVoice(tx, where, target, body, voice);
  const patch: MemberPatch = {};
  if (typeof body.mute === "boolean") patch.mute = body.mute;
  if (typeof body.deaf === "boolean") patch.deaf = body.deaf;
  if (body.nick !== undefined) {
    demandNaming(where, target);
    patch.nickname = body.nick;
  }
  if (body.communication_disabled_until !== undefined) {
    patch.communication_disabled_until = timeout(where, target, body.communication_disabled_until);
  }
  if (typeof body.flags === "number") {
    demandFlags(where);
    patch.flags = (target.flags & ~BYPASSES_VERIFICATION) | (body.flags & BYPASSES_VERIFICATION);
  }
  const seen = body.roles ? await setRoles(tx, where, target, body.roles) : undefined;
  if (moved !== null) emit(moved);
  if (Object.keys(patch).length === 0 && seen === undefined) return wireMember(target);
  return saveMember(tx, emit, target, patch, seen);
}

/** Brings what a PATCH said of voice to where the member is; called when it is stored. */
export async function followInVoice(app: App, guildId: string, userId: string, body: MemberBody): Promise<void> {
  if (!isOfVoice(body)) return;
  const row = await findMember(app.sql, guildId, userId);
  if (row === undefined) return;
  const channel = body.channel_id === undefined ? {} : { channel_id: body.channel_id };
  await app.voice.change(app.sql, row, { ...channel, mute: row.mute, deaf: row.deaf });
}

/** Stores a change of a member and tells of it. @param seen what was seen before its roles changed */
export async function saveMember(
  tx: Transaction,
  emit: (event: Event) => void,
  before: MemberRow,
  patch: MemberPatch,
  seen?: Sights,
) {
  const { server_id: guildId, user_id: userId } = before;
  await updateMember(tx, guildId, userId, patch);
  const row = await findMember(tx, guildId, userId);
  if (row === undefined) throw new ApiError("UNKNOWN_MEMBER");
  emit(memberUpdate(row, seen));
  emit(auditChange(guildId, AuditLogEvent.MemberUpdate, userId, memberFields(before), memberFields(row)));
  if (seen !== undefined) emit(auditRoles(before, row, await listRoles(tx, guildId)));
  return wireMember(row);
}

/** https://discord.com/developers/docs/resources/audit-log#audit-log-change-object-audit-log-change-exceptions */
export function auditRoles(before: MemberRow, after: MemberRow, roles: readonly RoleRow[]): Event {
  const names = new Map(roles.map(({ id, name }) => [id, name]));
  const inFirst = (some: readonly string[], others: readonly string[]) =>
    some.filter((id) => !others.includes(id)).map((id) => ({ id, name: names.get(id) ?? "" }));
  const changes = [
    { key: "$add", new_value: inFirst(after.role_ids, before.role_ids) },
    { key: "$remove", new_value: inFirst(before.role_ids, after.role_ids) },
  ].filter(({ new_value: partialRoles }) => partialRoles.length > 0);
  return auditEntry(after.server_id, { action: AuditLogEvent.MemberRoleUpdate, targetId: after.user_id, changes });
}

const isOfVoice = (body: MemberBody): boolean =>
  [body.mute, body.deaf].some((value) => typeof value === "boolean") || body.channel_id !== undefined;

/**
 * What is said of voice is only for who is connected, and moves only to where the caller could go itself.
 * @returns the audit log's entry when the member is moved or disconnected
 */
async function moveInVoice(
  tx: Transaction,
  where: LockedInGuild,
  target: MemberRow,
  body: MemberBody,
  voice: Voice,
): Promise<Event | null> {
  if (!isOfVoice(body)) return null;
  if (typeof body.mute === "boolean") demand(where.permissions, ["MUTE_MEMBERS"]);
  if (typeof body.deaf === "boolean") demand(where.permissions, ["DEAFEN_MEMBERS"]);
  if (body.channel_id !== undefined) demand(where.permissions, ["MOVE_MEMBERS"]);
  const state = await voice.stateOf(where.guild.id, target.user_id);
  if (state === null) throw new ApiError("NOT_IN_VOICE");
  if (body.channel_id === undefined || body.channel_id === state.channel_id) return null;
  const guildId = where.guild.id;
  if (body.channel_id === null) return auditAction(guildId, AuditLogEvent.MemberDisconnect, null, { count: "1" });
  const channel = await findChannel(tx, body.channel_id);
  if (channel?.server_id !== guildId) throw new ApiError("UNKNOWN_CHANNEL");
  const { GuildVoice, GuildStageVoice } = ChannelType;
  if (channel.type !== GuildVoice && channel.type !== GuildStageVoice) throw new ApiError("WRONG_CHANNEL_TYPE");
  demand(permissionsIn(where, channel), ["VIEW_CHANNEL", "CONNECT", "MOVE_MEMBERS"]);
  return auditAction(guildId, AuditLogEvent.MemberMove, null, { channel_id: channel.id, count: "1" });
}

function demandNaming({ guild, me, permissions }: LockedInGuild, target: MemberRow): void {
  if (me.userId === target.user_id && has(permissions, Permission.CHANGE_NICKNAME)) return;
  demand(permissions, ["MANAGE_NICKNAMES"]);
  if (me.userId !== target.user_id && !outranks(guild, me, memberFacts(target))) {
    throw new ApiError("MISSING_PERMISSIONS");
  }
}

function timeout({ guild, me, permissions }: LockedInGuild, target: MemberRow, until: Date | null): Date | null {
  demand(permissions, ["MODERATE_MEMBERS"]);
  const facts = memberFacts(target);
  if (!outranks(guild, me, facts)) throw new ApiError("MISSING_PERMISSIONS");
  if (until === null) return null;
  const now = Date.now();
  if (has(guildPermissions(guild, facts, now), Permission.ADMINISTRATOR)) throw new ApiError("MISSING_PERMISSIONS");
  if (until.getTime() > now + MAX_TIMEOUT_MS) {
    throw invalidField(["communication_disabled_until"], "BASE_TYPE_INVALID", "Must be at most 28 days from now.");
  }
  return until;
}

function demandFlags({ permissions }: LockedInGuild): void {
  const { MANAGE_GUILD, MANAGE_ROLES, MODERATE_MEMBERS, KICK_MEMBERS, BAN_MEMBERS } = Permission;
  const enough = [MANAGE_GUILD, MANAGE_ROLES, MODERATE_MEMBERS | KICK_MEMBERS | BAN_MEMBERS];
  if (!enough.some((bits) => has(permissions, bits))) throw new ApiError("MISSING_PERMISSIONS");
}

/** Makes a member's roles exactly these. Some clients name @everyone among them, which everybody has. */
async function setRoles(tx: Transaction, where: LockedInGuild, target: MemberRow, wanted: readonly string[]) {
  demand(where.permissions, ["MANAGE_ROLES"]);
  const has = new Set(target.role_ids);
  const wants = new Set(wanted.filter((id) => id !== where.guild.id));
  const give = [...wants].filter((id) => !has.has(id));
  const take = [...has].filter((id) => !wants.has(id));
  return changeRoles(tx, where, target, give, take);
}

/**
 * Gives and takes roles: each must be of the guild and below the caller's highest, and none managed. Whose roles they
 * are doesn't matter: a low role may be given to a high member.
 * @returns what was seen before, or undefined when nothing changed
 */
export async function changeRoles(
  tx: Transaction,
  where: LockedInGuild,
  target: MemberRow,
  give: readonly string[],
  take: readonly string[],
): Promise<Sights | undefined> {
  if (give.length + take.length === 0) return undefined;
  const guildId = where.guild.id;
  const managed = new Set((await listRoles(tx, guildId)).filter((role) => role.managed).map((role) => role.id));
  for (const id of [...give, ...take]) {
    manageableRole(where, id);
    if (id === guildId || managed.has(id)) throw new ApiError("INVALID_ROLE");
  }
  const seen = await sightsIn(tx, guildId, target.user_id);
  let changed = false;
  for (const id of give) changed = (await addMemberRole(tx, guildId, target.user_id, id)) || changed;
  for (const id of take) changed = (await deleteMemberRole(tx, guildId, target.user_id, id)) || changed;
  return changed ? seen : undefined;
}
