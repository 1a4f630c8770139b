import {
  channelPermissions,
  type GuildFacts,
  guildPermissions,
  has,
  type MemberFacts,
  namesToBits,
  type PermissionName,
} from "../core/permissions.ts";
import { type ChannelRow, overwriteFacts } from "../core/wire/channel.ts";
import { memberFacts } from "../core/wire/member.ts";
import type { Caller } from "./auth/caller.ts";
import { ApiError } from "./errors.ts";
import { type Access, type Request, signedIn } from "./route.ts";
import { channelStanding, guildStanding, type OwnMembership } from "./store/access.ts";

/** A member in a guild, with what it may do there. */
export interface InGuild {
  caller: Caller;
  guild: GuildFacts;
  me: MemberFacts;
  membership: OwnMembership;
  permissions: bigint;
}

/** A member in a channel of a guild, with what it may do in that channel. */
export interface InGuildChannel extends InGuild {
  type: "guild";
  channel: ChannelRow;
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
    resolve: async (request) => {
      const found = await enterGuild(request, request.params.get("guild_id"));
      demand(found.permissions, needs);
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
    resolve: async (request) => {
      const found = await enterChannel(request, request.params.get("channel_id"));
      if (found.type === "guild") demand(found.permissions, needs);
      return found;
    },
  };
}

/** The same for channels of guilds only. */
export function inGuildChannel(...needs: PermissionName[]): Access<InGuildChannel> {
  return {
    kind: "channel",
    needs: ["VIEW_CHANNEL", ...needs],
    resolve: async (request) => {
      const found = await enterChannel(request, request.params.get("channel_id"));
      if (found.type === "dm") throw new ApiError("NOT_IN_DM");
      demand(found.permissions, needs);
      return found;
    },
  };
}

/** @throws 10004 when there is no such guild, 50001 when the caller is not in it */
export async function enterGuild(request: Request<unknown, unknown>, guildId: string): Promise<InGuild> {
  const caller = signedIn(request.caller);
  const standing = await guildStanding(request.app.sql, guildId, caller.user.id);
  if (standing === undefined) throw new ApiError("UNKNOWN_GUILD");
  const { guild, membership } = standing;
  if (membership === null) throw new ApiError("MISSING_ACCESS");
  const me = memberFacts(membership);
  return { caller, guild, me, membership, permissions: guildPermissions(guild, me, Date.now()) };
}

/** @throws 10003 when there is no such channel, 50001 when the caller may not view it */
export async function enterChannel(request: Request<unknown, unknown>, channelId: string): Promise<InChannel> {
  const caller = signedIn(request.caller);
  const standing = await channelStanding(request.app.sql, channelId, caller.user.id);
  if (standing === undefined) throw new ApiError("UNKNOWN_CHANNEL");
  if (standing.type === "dm") return { ...standing, caller };
  const { guild, membership, channel } = standing;
  if (membership === null) throw new ApiError("MISSING_ACCESS");
  const me = memberFacts(membership);
  const permissions = channelPermissions(guild, me, overwriteFacts(channel.overwrites), Date.now(), channel.type);
  if (!has(permissions, namesToBits(["VIEW_CHANNEL"]))) throw new ApiError("MISSING_ACCESS");
  return { type: "guild", caller, guild, me, membership, channel, permissions };
}

export function demand(permissions: bigint, needs: readonly PermissionName[]): void {
  if (!has(permissions, namesToBits(needs))) throw new ApiError("MISSING_PERMISSIONS");
}
