import type { Db, Transaction } from "../core/db.ts";
import {
  channelPermissions,
  type GuildFacts,
  guildPermissions,
  has,
  isThread,
  type MemberFacts,
  namesToBits,
  Permission,
  type PermissionName,
  threadPermissions,
  type WholeGuildFacts,
} from "../core/permissions.ts";
import { type ChannelRow, overwriteFacts } from "../core/wire/channel.ts";
import type { GuildRow } from "../core/wire/guild.ts";
import { type MemberRow, memberFacts } from "../core/wire/member.ts";
import type { RoleRow } from "../core/wire/role.ts";
import { isThreadRow, type ThreadChannelRow, type ThreadMemberRow } from "../core/wire/thread.ts";
import type { Caller } from "./auth/caller.ts";
import { ApiError } from "./errors.ts";
import { type Access, type Request, signedIn } from "./route.ts";
import {
  channelStanding,
  type GuildStanding,
  guildStanding,
  guildToShow,
  memberToShow,
  type OwnMembership,
  wholeStanding,
} from "./store/access.ts";
import { lockGuild } from "./store/guilds.ts";

/** A member whose roles the facts about the guild beside it have. */
export type OwnFacts = MemberFacts & { ownRoles: true };

/** A member in a guild, with what it may do there. */
export interface InGuild {
  caller: Caller;
  /** With the caller's roles only, so it says nothing of what others may do; under the lock it has all. */
  guild: GuildFacts;
  me: OwnFacts;
  membership: OwnMembership;
  permissions: bigint;
  /** What the route asked for. */
  needs: readonly PermissionName[];
}

/** The same under the guild's lock, with all of its roles: ranks can be compared. */
export type LockedInGuild = InGuild & { guild: WholeGuildFacts };

/** A member in a channel of a guild, with what it may do in that channel. */
export interface InGuildChannel extends InGuild {
  type: "guild";
  /** It may be a thread. */
  channel: ChannelRow;
  /** Set when it is a thread that the caller has joined. */
  threadMember: ThreadMemberRow | null;
}

export type LockedInGuildChannel = InGuildChannel & LockedInGuild;

/** A member in a thread. */
export interface InThread extends InGuildChannel {
  channel: ThreadChannelRow;
}

/** One of the two of a direct conversation. */
export interface InDm {
  type: "dm";
  caller: Caller;
  id: string;
  recipientId: string;
}

export type InChannel = InGuildChannel | InDm;

/** Members of the guild `:guild_id` who have all the permissions named. */
export function inGuild(...needs: PermissionName[]): Access<InGuild> {
  return {
    kind: "guild",
    needs,
    resolve: (request) => enterGuild(request, request.params.get("guild_id"), needs),
  };
}

/** Members of the guild `:guild_id`, with what there is to show of it. */
export const inShownGuild: Access<InGuild & { row: GuildRow; roles: RoleRow[] }> = {
  kind: "guild",
  needs: [],
  resolve: async ({ app, params, caller }) => {
    const who = signedIn(caller);
    const found = await guildToShow(app.sql, params.get("guild_id"), who.user.id);
    if (found === undefined) throw new ApiError("UNKNOWN_GUILD");
    return { ...judge(found.standing, who, []), row: found.row, roles: found.roles };
  },
};

/** The same with one of its members, whom `userIdOf` names. */
export function inGuildOf(
  userIdOf: (request: Pick<Request<unknown, unknown>, "params">, caller: Caller) => string,
): Access<InGuild & { target: MemberRow | undefined }> {
  return {
    kind: "guild",
    needs: [],
    resolve: async (request) => {
      const who = signedIn(request.caller);
      const guildId = request.params.get("guild_id");
      const targetId = userIdOf(request, who);
      const found = await memberToShow(request.app.sql, { guildId, userId: who.user.id, targetId });
      if (found === undefined) throw new ApiError("UNKNOWN_GUILD");
      return { ...judge(found.standing, who, []), target: found.target };
    },
  };
}

/** The same for bots only. */
export function inGuildAsBot(...needs: PermissionName[]): Access<InGuild> {
  const access = inGuild(...needs);
  return {
    ...access,
    kind: "guild bot",
    resolve: async (request) => {
      const found = await access.resolve(request);
      if (!found.caller.user.bot) throw new ApiError("ONLY_BOTS");
      return found;
    },
  };
}

/** The owner of the guild `:guild_id`. */
export const guildOwner: Access<InGuild> = {
  kind: "guild",
  needs: ["ADMINISTRATOR"],
  resolve: async (request) => {
    const found = await enterGuild(request, request.params.get("guild_id"));
    if (found.guild.ownerId !== found.me.userId) throw new ApiError("OWNER_ONLY");
    return found;
  },
};

/** Those who may view the channel `:channel_id` and have all the permissions named; in a conversation, its two. */
export function inChannel(...needs: PermissionName[]): Access<InChannel> {
  return {
    kind: "channel",
    needs: ["VIEW_CHANNEL", ...needs],
    resolve: (request) => enterChannel(request, request.params.get("channel_id"), needs),
  };
}

/** The same for channels of guilds only. */
export function inGuildChannel(...needs: PermissionName[]): Access<InGuildChannel> {
  return {
    kind: "channel",
    needs: ["VIEW_CHANNEL", ...needs],
    resolve: async (request) => {
      const found = await enterChannel(request, request.params.get("channel_id"), needs);
      if (found.type === "dm") throw new ApiError("NOT_IN_DM");
      return found;
    },
  };
}

/**
 * The same for routes that ask for something else where the channel is a thread. What channels need is what the
 * route's data names.
 */
export function channelOrThread(need: PermissionName, ofThreads: readonly PermissionName[]): Access<InChannel> {
  return {
    kind: "channel",
    needs: ["VIEW_CHANNEL", need],
    resolve: async (request) => {
      const found = await enterChannel(request, request.params.get("channel_id"));
      if (found.type === "dm") return found;
      const needs = isThread(found.channel.type) ? ofThreads : [need];
      demand(found.permissions, needs);
      return { ...found, needs };
    },
  };
}

/** The same for channels that are no threads. */
export function inParentChannel(...needs: PermissionName[]): Access<InGuildChannel> {
  const access = inGuildChannel(...needs);
  return { ...access, resolve: async (request) => notInThread(await access.resolve(request)) };
}

/** The same for threads only. */
export function inThread(...needs: PermissionName[]): Access<InThread> {
  const access = inGuildChannel(...needs);
  return { ...access, resolve: async (request) => demandThread(await access.resolve(request)) };
}

/** @throws 50024 when it is no thread */
export function demandThread(found: InGuildChannel): InThread {
  const { channel } = found;
  if (!isThreadRow(channel)) throw new ApiError("WRONG_CHANNEL_TYPE");
  return { ...found, channel };
}

function notInThread(found: InGuildChannel): InGuildChannel {
  if (isThread(found.channel.type)) throw new ApiError("WRONG_CHANNEL_TYPE");
  return found;
}

/** Who asks, and where to look: within a transaction, in that. */
interface Asking {
  app: { sql: Db };
  caller: Caller | null;
}

/** @throws 10004 when there is no such guild, 50001 when the caller is not in it, 50013 without what it needs */
export function enterGuild(request: Asking, guildId: string, needs: readonly PermissionName[] = []): Promise<InGuild> {
  return standIn(request.app.sql, guildId, signedIn(request.caller), needs);
}

/** @throws 10003 when there is no such channel, 50001 when the caller may not view it, 50013 without what it needs */
export function enterChannel(
  request: Asking,
  channelId: string,
  needs: readonly PermissionName[] = [],
): Promise<InChannel> {
  return standInChannel(request.app.sql, channelId, signedIn(request.caller), needs);
}

/**
 * Takes the guild's lock and reads anew what the caller may do there. Ranks and limits that are checked from here on
 * hold until the commit, and a request whose body was slow to come acts by the rights of now.
 */
export async function lockedGuild(tx: Transaction, found: InGuild): Promise<LockedInGuild> {
  await lockGuild(tx, found.guild.id);
  const standing = await wholeStanding(tx, found.guild.id, found.caller.user.id);
  if (standing === undefined) throw new ApiError("UNKNOWN_GUILD");
  return { ...judge(standing, found.caller, found.needs), guild: standing.guild };
}

/** The same for a channel. */
export async function lockedChannel(tx: Transaction, found: InGuildChannel): Promise<LockedInGuildChannel> {
  await lockGuild(tx, found.guild.id);
  const again = await standInChannel(tx, found.channel.id, found.caller, found.needs);
  if (again.type === "dm") throw new ApiError("NOT_IN_DM");
  const whole = await wholeStanding(tx, found.guild.id, found.caller.user.id);
  if (whole === undefined) throw new ApiError("UNKNOWN_GUILD");
  return { ...again, guild: whole.guild };
}

/**
 * What a member of the guild may do in one of its channels.
 * @param joined for a thread: whether it is a member of it
 */
export function permissionsIn(
  { guild, me }: Pick<InGuild, "guild" | "me"> | { guild: WholeGuildFacts; me: MemberFacts },
  channel: ChannelRow,
  joined = false,
): bigint {
  const overwrites = overwriteFacts(channel.overwrites);
  if (isThread(channel.type)) return threadPermissions(guild, me, overwrites, Date.now(), channel.type, joined);
  return channelPermissions(guild, me, overwrites, Date.now(), channel.type);
}

/** @param membership as it was read together with the guild */
export function ownFacts(membership: OwnMembership): OwnFacts {
  return { ...memberFacts(membership), ownRoles: true };
}

export function demand(permissions: bigint, needs: readonly PermissionName[]): void {
  if (!has(permissions, namesToBits(needs))) throw new ApiError("MISSING_PERMISSIONS");
}

async function standIn(sql: Db, guildId: string, caller: Caller, needs: readonly PermissionName[]): Promise<InGuild> {
  const standing = await guildStanding(sql, { guildId, userId: caller.user.id });
  if (standing === undefined) throw new ApiError("UNKNOWN_GUILD");
  return judge(standing, caller, needs);
}

/** @throws 50001 when the caller is not in the guild, 50013 without what it needs */
function judge({ guild, membership }: GuildStanding, caller: Caller, needs: readonly PermissionName[]): InGuild {
  if (membership === null) throw new ApiError("MISSING_ACCESS");
  const me = ownFacts(membership);
  const permissions = guildPermissions(guild, me, Date.now());
  demand(permissions, needs);
  return { caller, guild, me, membership, permissions, needs };
}

async function standInChannel(
  sql: Db,
  channelId: string,
  caller: Caller,
  needs: readonly PermissionName[],
): Promise<InChannel> {
  const standing = await channelStanding(sql, { channelId, userId: caller.user.id });
  if (standing === undefined) throw new ApiError("UNKNOWN_CHANNEL");
  if (standing.type === "dm") return { ...standing, caller };
  const { guild, membership, channel, threadMember } = standing;
  if (membership === null) throw new ApiError("MISSING_ACCESS");
  const me = ownFacts(membership);
  const permissions = permissionsIn({ guild, me }, channel, threadMember !== null);
  if (!has(permissions, Permission.VIEW_CHANNEL)) throw new ApiError("MISSING_ACCESS");
  demand(permissions, needs);
  return { type: "guild", caller, guild, me, membership, channel, threadMember, permissions, needs };
}
