import { GuildSystemChannelFlags, MessageType } from "discord-api-types/v10";
import type { Transaction } from "../core/db.ts";
import type { Event, Sights } from "../core/event-log.ts";
import { type MemberRow, wireMember } from "../core/wire/member.ts";
import { wireUser } from "../core/wire/user.ts";
import type { App } from "./app.ts";
import { ApiError } from "./errors.ts";
import { endIntegration } from "./integrations/change.ts";
import { type Poster, postSystemMessage } from "./messages/system.ts";
import { removeRole } from "./roles.ts";
import { guildsOfUnverifiedBot } from "./store/applications.ts";
import { isBanned } from "./store/bans.ts";
import { findGuild, lockGuild } from "./store/guilds.ts";
import { integrationOf } from "./store/integrations.ts";
import { deleteMember, findMember, insertMember } from "./store/members.ts";
import { managedRoleIds } from "./store/roles.ts";
import { leaveThreadsOf } from "./store/thread-members.ts";
import { findUser } from "./store/users.ts";

/**
 * Makes a user a member and emits what follows, in this order: the others hear of it, then the user's own sessions
 * get the guild, then the system channel gets a message of it.
 * @param settle what belongs to the membership and must stand before it is told: a bot's own role
 * @returns false when it was a member already
 * @throws 40007 when it is banned, 30001 when it is a bot that may not be in more guilds
 */
export async function addMember(
  app: Poster & Pick<App, "config">,
  tx: Transaction,
  emit: (event: Event) => void,
  guildId: string,
  userId: string,
  settle?: () => Promise<void>,
): Promise<boolean> {
  // Under the lock, a ban that comes at the same time is seen here or finds a member to remove.
  if (!(await lockGuild(tx, guildId))) throw new ApiError("UNKNOWN_GUILD");
  if (await isBanned(tx, guildId, userId)) throw new ApiError("BANNED");
  if (!(await insertMember(tx, guildId, userId))) return false;
  await checkBotGuilds(app.config.unverifiedBotGuilds, tx, userId);
  await settle?.();
  const member = await findMember(tx, guildId, userId);
  if (member === undefined) throw new Error("the member just added is not there");
  const data = { ...wireMember(member), guild_id: guildId };
  emit({ t: "GUILD_MEMBER_ADD", guildId, data, ...versioned(guildId, userId, member.version) });
  const own = { userId, data: { guild_id: guildId }, ...ownVersioned(guildId, userId, member.version) };
  // The guild itself is read when it is sent: what a bot may see of it can be less by then.
  const told = { type: "GUILD_CREATE", channelId: null, data: JSON.stringify({ id: guildId }) };
  emit({ t: "$GUILD_JOIN", ...own, byUrl: member.user.bot ? [{ ...told, guildId, endpointId: userId }] : [] });
  await welcome(app, tx, emit, member);
  return true;
}

async function checkBotGuilds(limit: number | null, tx: Transaction, userId: string): Promise<void> {
  if (limit === null || (await guildsOfUnverifiedBot(tx, userId)) <= limit) return;
  const message = `This bot is not verified, and can be in ${limit} guilds at most`;
  throw new ApiError("MAX_GUILDS", undefined, message);
}

/** https://discord.com/developers/docs/resources/guild#guild-object-system-channel-flags */
async function welcome(app: Poster, tx: Transaction, emit: (event: Event) => void, member: MemberRow) {
  const guild = await findGuild(tx, member.server_id);
  // An owner who joins has just made the guild.
  if (guild === undefined || guild.system_channel_id === null || guild.owner_id === member.user_id) return;
  if ((guild.system_channel_flags & GuildSystemChannelFlags.SuppressJoinNotifications) !== 0) return;
  const scene = { type: "guild" as const, guild, me: { userId: member.user_id }, membership: member };
  await postSystemMessage(app, tx, emit, scene, {
    id: app.nextId(),
    channelId: guild.system_channel_id,
    type: MessageType.UserJoin,
  });
}

/**
 * Ends a membership. The user's own sessions leave the guild first, so that they get nothing of it from then on.
 * @param byUserId who ended it: the user itself, or a moderator; null for the platform
 * @returns false when it was no member
 */
export async function removeMember(
  tx: Transaction,
  emit: (event: Event) => void,
  guildId: string,
  userId: string,
  byUserId: string | null = null,
): Promise<boolean> {
  await lockGuild(tx, guildId);
  const user = await findUser(tx, userId);
  if (user === undefined) return false;
  const version = await deleteMember(tx, guildId, userId);
  if (version === undefined) return false;
  await leaveThreadsOf(tx, guildId, userId);
  const own = { userId, data: { guild_id: guildId }, ...ownVersioned(guildId, userId, version) };
  const told = { type: "GUILD_DELETE", channelId: null, data: JSON.stringify({ id: guildId }) };
  const byUrl = user.bot ? [{ ...told, endpointId: userId }] : [];
  emit({ t: "$GUILD_LEAVE", ...own, takesAway: true, byUrl });
  const data = { guild_id: guildId, user: wireUser(user) };
  emit({ t: "GUILD_MEMBER_REMOVE", guildId, data, ...versioned(guildId, userId, version) });
  if (user.bot) await removeTracesOf(tx, emit, guildId, userId, byUserId);
  return true;
}

/** What goes with a bot: its own role, which nobody can delete by hand, and its integration. A bot has its application's id. */
async function removeTracesOf(
  tx: Transaction,
  emit: (event: Event) => void,
  guildId: string,
  botId: string,
  byUserId: string | null,
) {
  for (const id of await managedRoleIds(tx, guildId, botId)) await removeRole(tx, emit, guildId, id);
  const integration = await integrationOf(tx, guildId, botId);
  if (integration !== undefined) await endIntegration(tx, emit, integration, byUserId);
}

/** @param changesView what was seen before roles were given or taken */
export function memberUpdate(row: MemberRow, changesView?: Sights): Event {
  return {
    t: "GUILD_MEMBER_UPDATE",
    guildId: row.server_id,
    data: { ...wireMember(row), guild_id: row.server_id },
    ...versioned(row.server_id, row.user_id, row.version),
    ...(changesView === undefined ? {} : { changesView }),
  };
}

/** Of a join and a leave that are published the wrong way round, the one that happened last holds. */
const versioned = (guildId: string, userId: string, version: string) => ({
  entity: `member:${guildId}:${userId}`,
  version,
});

/** The same in the user's own log, whose events don't stand in for those of the guild's. */
const ownVersioned = (guildId: string, userId: string, version: string) => ({
  entity: `membership:${userId}:${guildId}`,
  version,
});
