import { z } from "zod";
import type { Transaction } from "../../core/db.ts";
import type { Event } from "../../core/event-log.ts";
import { guildPermissions, has, Permission } from "../../core/permissions.ts";
import type { ChannelRow, OverwriteRow } from "../../core/wire/channel.ts";
import type { InGuildChannel, LockedInGuild } from "../access.ts";
import { auditOverwrites } from "../audit/overwrites.ts";
import { ApiError } from "../errors.ts";
import { permissionBits, snowflake } from "../fields.ts";
import { sightsIn } from "../sights.ts";
import { listChildren, replaceOverwrites } from "../store/channels.ts";
import { membersAmong } from "../store/members.ts";
import { emitUpdates } from "./event.ts";

export const MAX_OVERWRITES = 1000;

/** What a request says of one overwrite beside its target. */
export const overwriteBits = z.object({
  type: z.literal([0, 1]).nullish(),
  allow: permissionBits.nullish(),
  deny: permissionBits.nullish(),
});
export const overwrite = overwriteBits.extend({ id: snowflake });

/**
 * The rows that a caller's overwrites make: each for a role or a member of the guild, or for a target that had one,
 * and none with a permission added that the caller doesn't hold.
 * @param held what the caller may allow and deny
 * @param before the channel's overwrites so far: what they have may stay, whoever set it
 */
export async function checkOverwrites(
  tx: Transaction,
  where: LockedInGuild,
  held: bigint,
  before: readonly OverwriteRow[],
  wanted: readonly z.infer<typeof overwrite>[],
): Promise<OverwriteRow[]> {
  const { roles } = where.guild;
  const old = new Map(before.map((row) => [row.id, row]));
  const strangers = wanted.filter(({ id }) => !roles.has(id) && !old.has(id)).map(({ id }) => id);
  const members = await membersAmong(tx, where.guild.id, strangers);
  const rows = wanted.map(({ id, type, allow, deny }): OverwriteRow => {
    const row = { id, type: roles.has(id) ? 0 : 1, allow: String(allow ?? 0n), deny: String(deny ?? 0n) } as const;
    const known = roles.has(id) || members.has(id) || old.has(id);
    if (!known || (typeof type === "number" && type !== row.type)) throw new ApiError("UNKNOWN_OVERWRITE");
    demandHeld(held, addedBits(row, old.get(id)));
    return row;
  });
  return [...new Map(rows.map((row) => [row.id, row])).values()];
}

function addedBits(row: OverwriteRow, old: OverwriteRow | undefined): bigint {
  const allowed = BigInt(row.allow) & ~BigInt(old?.allow ?? 0);
  const denied = BigInt(row.deny) & ~BigInt(old?.deny ?? 0);
  return allowed | denied;
}

/** https://discord.com/developers/docs/resources/guild#create-guild-channel: MANAGE_ROLES is for administrators */
function demandHeld(held: bigint, added: bigint): void {
  const forAdministrators = has(added, Permission.MANAGE_ROLES) && !has(held, Permission.ADMINISTRATOR);
  if (!has(held, added) || forAdministrators) throw new ApiError("MISSING_PERMISSIONS");
}

/** What a caller may allow and deny in a channel: what it may do in the guild, or in the channel itself. */
export function heldIn(where: InGuildChannel): bigint {
  return guildPermissions(where.guild, where.me, Date.now()) | where.permissions;
}

/**
 * Makes a channel's overwrites exactly these, and those of its children that had the same as it: "synced".
 * https://discord.com/developers/docs/topics/permissions#permission-syncing
 * @returns the channels that changed; to tell of them is the caller's
 */
export async function setOverwrites(
  tx: Transaction,
  channel: ChannelRow,
  overwrites: readonly OverwriteRow[],
): Promise<string[]> {
  const children = await listChildren(tx, channel);
  const synced = children.filter((child) => sameOverwrites(child.overwrites, channel.overwrites));
  const ids = [channel.id, ...synced.map((child) => child.id)];
  await replaceOverwrites(tx, ids, overwrites);
  return ids;
}

/** Changes nothing but a channel's overwrites, and tells of it. */
export async function changeOverwrites(
  tx: Transaction,
  emit: (event: Event) => void,
  channel: ChannelRow,
  overwrites: readonly OverwriteRow[],
): Promise<void> {
  if (sameOverwrites(channel.overwrites, overwrites)) return;
  const seen = await sightsIn(tx, channel.server_id);
  await emitUpdates(tx, emit, await setOverwrites(tx, channel, overwrites), seen);
  await auditOverwrites(tx, emit, channel, channel.overwrites, overwrites);
}

export function sameOverwrites(some: readonly OverwriteRow[], others: readonly OverwriteRow[]): boolean {
  const texts = new Set(others.map(textOf));
  return some.length === others.length && some.every((row) => texts.has(textOf(row)));
}

const textOf = ({ id, type, allow, deny }: OverwriteRow) => `${id} ${type} ${allow} ${deny}`;
