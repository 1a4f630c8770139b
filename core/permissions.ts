import { ChannelType, PermissionFlagsBits as Flag } from "discord-api-types/v10";
import { memoized } from "./memoized.ts";

/**
 * The one place that decides who may do what. Pure: facts in, bits out.
 * https://discord.com/developers/docs/topics/permissions
 */
export const Permission = {
  CREATE_INSTANT_INVITE: Flag.CreateInstantInvite,
  KICK_MEMBERS: Flag.KickMembers,
  BAN_MEMBERS: Flag.BanMembers,
  ADMINISTRATOR: Flag.Administrator,
  MANAGE_CHANNELS: Flag.ManageChannels,
  MANAGE_GUILD: Flag.ManageGuild,
  ADD_REACTIONS: Flag.AddReactions,
  VIEW_AUDIT_LOG: Flag.ViewAuditLog,
  PRIORITY_SPEAKER: Flag.PrioritySpeaker,
  STREAM: Flag.Stream,
  VIEW_CHANNEL: Flag.ViewChannel,
  SEND_MESSAGES: Flag.SendMessages,
  SEND_TTS_MESSAGES: Flag.SendTTSMessages,
  MANAGE_MESSAGES: Flag.ManageMessages,
  EMBED_LINKS: Flag.EmbedLinks,
  ATTACH_FILES: Flag.AttachFiles,
  READ_MESSAGE_HISTORY: Flag.ReadMessageHistory,
  MENTION_EVERYONE: Flag.MentionEveryone,
  USE_EXTERNAL_EMOJIS: Flag.UseExternalEmojis,
  VIEW_GUILD_INSIGHTS: Flag.ViewGuildInsights,
  CONNECT: Flag.Connect,
  SPEAK: Flag.Speak,
  MUTE_MEMBERS: Flag.MuteMembers,
  DEAFEN_MEMBERS: Flag.DeafenMembers,
  MOVE_MEMBERS: Flag.MoveMembers,
  USE_VAD: Flag.UseVAD,
  CHANGE_NICKNAME: Flag.ChangeNickname,
  MANAGE_NICKNAMES: Flag.ManageNicknames,
  MANAGE_ROLES: Flag.ManageRoles,
  MANAGE_WEBHOOKS: Flag.ManageWebhooks,
  MANAGE_GUILD_EXPRESSIONS: Flag.ManageGuildExpressions,
  USE_APPLICATION_COMMANDS: Flag.UseApplicationCommands,
  REQUEST_TO_SPEAK: Flag.RequestToSpeak,
  MANAGE_EVENTS: Flag.ManageEvents,
  MANAGE_THREADS: Flag.ManageThreads,
  CREATE_PUBLIC_THREADS: Flag.CreatePublicThreads,
  CREATE_PRIVATE_THREADS: Flag.CreatePrivateThreads,
  USE_EXTERNAL_STICKERS: Flag.UseExternalStickers,
  SEND_MESSAGES_IN_THREADS: Flag.SendMessagesInThreads,
  USE_EMBEDDED_ACTIVITIES: Flag.UseEmbeddedActivities,
  MODERATE_MEMBERS: Flag.ModerateMembers,
  VIEW_CREATOR_MONETIZATION_ANALYTICS: Flag.ViewCreatorMonetizationAnalytics,
  USE_SOUNDBOARD: Flag.UseSoundboard,
  CREATE_GUILD_EXPRESSIONS: Flag.CreateGuildExpressions,
  CREATE_EVENTS: Flag.CreateEvents,
  USE_EXTERNAL_SOUNDS: Flag.UseExternalSounds,
  SEND_VOICE_MESSAGES: Flag.SendVoiceMessages,
  SET_VOICE_CHANNEL_STATUS: Flag.SetVoiceChannelStatus,
  SEND_POLLS: Flag.SendPolls,
  USE_EXTERNAL_APPS: Flag.UseExternalApps,
  PIN_MESSAGES: Flag.PinMessages,
  BYPASS_SLOWMODE: Flag.BypassSlowmode,
} as const satisfies Record<string, bigint>;

/** A permission by its name in Discord's documentation, as `roles.permissions` stores it. */
export type PermissionName = keyof typeof Permission;

/** A role. `id` equals the guild's id for @everyone. */
export interface RoleFacts {
  id: string;
  permissions: bigint;
  position: number;
}

/** What a channel allows or denies a role (type 0) or a member (type 1). */
export interface OverwriteFacts {
  id: string;
  type: 0 | 1;
  allow: bigint;
  deny: bigint;
}

/** A member. `roleIds` need not name @everyone; ids of roles that the guild doesn't have count for nothing. */
export interface MemberFacts {
  userId: string;
  roleIds: readonly string[];
  /** Milliseconds since 1970. */
  timedOutUntil: number | null;
}

export interface GuildFacts {
  id: string;
  ownerId: string;
  /** @everyone and those of the member in question at least. */
  roles: ReadonlyMap<string, RoleFacts>;
}

/** A guild with all of its roles: what comparing the ranks of two members needs. */
export interface WholeGuildFacts extends GuildFacts {
  allRoles: true;
}

function isPermissionName(name: string): name is PermissionName {
  return Object.hasOwn(Permission, name);
}

const PERMISSION_NAMES = Object.keys(Permission).filter(isPermissionName);

/** The union of the permissions named. Names that no permission has count for nothing. */
export const namesToBits = (names: readonly string[]): bigint => bitsOf(names.join(" "));

/** Each request asks it of the roles of its caller, and most roles are alike. */
const bitsOf = memoized(10_000, (names) => {
  let bits = 0n;
  for (const name of names.split(" ")) if (isPermissionName(name)) bits |= Permission[name];
  return bits;
});

/** The permissions that are set, lowest bit first. Bits that no permission has are dropped. */
export function bitsToNames(bits: bigint): PermissionName[] {
  return PERMISSION_NAMES.filter((name) => (bits & Permission[name]) !== 0n);
}

/** True when `bits` has every bit of `needed`. */
export function has(bits: bigint, needed: bigint): boolean {
  return (bits & needed) === needed;
}

/** Every permission there is: what an owner and an administrator have. */
export const ALL_PERMISSIONS = namesToBits(PERMISSION_NAMES);

/** What @everyone may do in a guild just made at Discord: 2248473465835073 there, less the undocumented bit 47. */
export const DEFAULT_EVERYONE_PERMISSIONS = namesToBits([
  "CREATE_INSTANT_INVITE",
  "ADD_REACTIONS",
  "STREAM",
  "VIEW_CHANNEL",
  "SEND_MESSAGES",
  "EMBED_LINKS",
  "ATTACH_FILES",
  "READ_MESSAGE_HISTORY",
  "MENTION_EVERYONE",
  "USE_EXTERNAL_EMOJIS",
  "CONNECT",
  "SPEAK",
  "USE_VAD",
  "CHANGE_NICKNAME",
  "USE_APPLICATION_COMMANDS",
  "REQUEST_TO_SPEAK",
  "CREATE_PUBLIC_THREADS",
  "CREATE_PRIVATE_THREADS",
  "USE_EXTERNAL_STICKERS",
  "SEND_MESSAGES_IN_THREADS",
  "USE_EMBEDDED_ACTIVITIES",
  "USE_SOUNDBOARD",
  "CREATE_GUILD_EXPRESSIONS",
  "CREATE_EVENTS",
  "USE_EXTERNAL_SOUNDS",
  "SEND_VOICE_MESSAGES",
  "SET_VOICE_CHANNEL_STATUS",
  "SEND_POLLS",
  "USE_EXTERNAL_APPS",
]);

/** Those with no channel type in the documentation's table: a channel's overwrite can neither give nor take them. */
const GUILD_WIDE = namesToBits([
  "KICK_MEMBERS",
  "BAN_MEMBERS",
  "ADMINISTRATOR",
  "MANAGE_GUILD",
  "VIEW_AUDIT_LOG",
  "VIEW_GUILD_INSIGHTS",
  "CHANGE_NICKNAME",
  "MANAGE_NICKNAMES",
  "MANAGE_GUILD_EXPRESSIONS",
  "MODERATE_MEMBERS",
  "VIEW_CREATOR_MONETIZATION_ANALYTICS",
  "CREATE_GUILD_EXPRESSIONS",
]);

/** What an overwrite can allow and deny. */
const CHANNEL_PERMISSIONS = ALL_PERMISSIONS & ~GUILD_WIDE;

/** https://discord.com/developers/docs/topics/permissions#permissions-for-timed-out-members */
const KEPT_IN_TIMEOUT = Permission.VIEW_CHANNEL | Permission.READ_MESSAGE_HISTORY;

/** Mean nothing to who may not send messages. https://discord.com/developers/docs/topics/permissions#implicit-permissions */
const NEED_SENDING = namesToBits(["MENTION_EVERYONE", "SEND_TTS_MESSAGES", "ATTACH_FILES", "EMBED_LINKS"]);

/**
 * Mean nothing to who may not connect to a voice or stage channel. The documentation gives only an example ("other
 * permissions such as MANAGE_CHANNEL"): here it is what its table has for voice and stage but not for text, and the
 * two that change the channel itself.
 */
const NEED_CONNECT = namesToBits([
  "MANAGE_CHANNELS",
  "MANAGE_ROLES",
  "PRIORITY_SPEAKER",
  "STREAM",
  "SPEAK",
  "MUTE_MEMBERS",
  "DEAFEN_MEMBERS",
  "MOVE_MEMBERS",
  "USE_VAD",
  "REQUEST_TO_SPEAK",
  "MANAGE_EVENTS",
  "CREATE_EVENTS",
  "USE_SOUNDBOARD",
  "USE_EXTERNAL_SOUNDS",
  "SET_VOICE_CHANNEL_STATUS",
]);

/** @everyone and the roles that the member has. */
function rolesOf(guild: GuildFacts, member: MemberFacts): RoleFacts[] {
  const ids = new Set([guild.id, ...member.roleIds]);
  return [...ids].flatMap((id) => guild.roles.get(id) ?? []);
}

/** The union of the member's roles; everything for the owner and for administrators. */
function basePermissions(guild: GuildFacts, member: MemberFacts): bigint {
  if (member.userId === guild.ownerId) return ALL_PERMISSIONS;
  let bits = 0n;
  for (const role of rolesOf(guild, member)) bits |= role.permissions;
  return has(bits, Permission.ADMINISTRATOR) ? ALL_PERMISSIONS : bits & ALL_PERMISSIONS;
}

function isTimedOut(member: MemberFacts, now: number): boolean {
  return member.timedOutUntil !== null && member.timedOutUntil > now;
}

/**
 * What a member may do in a guild as a whole.
 * @param now milliseconds since 1970, for timeouts
 */
export function guildPermissions(guild: GuildFacts, member: MemberFacts, now: number): bigint {
  const base = basePermissions(guild, member);
  if (has(base, Permission.ADMINISTRATOR) || !isTimedOut(member, now)) return base;
  return base & KEPT_IN_TIMEOUT;
}

/**
 * What a member may do in one of the guild's channels; 0n when it may not view it.
 * @param overwrites the channel's (for a thread: its parent's)
 * @param now milliseconds since 1970, for timeouts
 * @param channelType text when left out
 */
export function channelPermissions(
  guild: GuildFacts,
  member: MemberFacts,
  overwrites: readonly OverwriteFacts[],
  now: number,
  channelType: number = ChannelType.GuildText,
): bigint {
  const base = basePermissions(guild, member);
  if (has(base, Permission.ADMINISTRATOR)) return base;
  const bits = applyOverwrites(base, guild, member, overwrites);
  return applyImplicitDenials(isTimedOut(member, now) ? bits & KEPT_IN_TIMEOUT : bits, channelType);
}

/**
 * What a member may do in a thread; 0n when it may not view it. A private one is seen by its members and by those who
 * manage threads. SEND_MESSAGES says nothing about threads, so here it means what SEND_MESSAGES_IN_THREADS says.
 * https://discord.com/developers/docs/topics/threads#permissions
 * @param parentOverwrites those of the channel that the thread is in
 * @param joined whether it is a member of the thread
 */
export function threadPermissions(
  guild: GuildFacts,
  member: MemberFacts,
  parentOverwrites: readonly OverwriteFacts[],
  now: number,
  threadType: number,
  joined: boolean,
): bigint {
  const bits = channelPermissions(guild, member, parentOverwrites, now, threadType);
  if (threadType === ChannelType.PrivateThread && !joined && !has(bits, Permission.MANAGE_THREADS)) return 0n;
  return has(bits, Permission.SEND_MESSAGES_IN_THREADS)
    ? bits | Permission.SEND_MESSAGES
    : bits & ~Permission.SEND_MESSAGES;
}

/** @everyone's overwrite, then those of all the member's roles together, then the member's own. */
function applyOverwrites(
  base: bigint,
  guild: GuildFacts,
  member: MemberFacts,
  overwrites: readonly OverwriteFacts[],
): bigint {
  const everyone = { allow: 0n, deny: 0n };
  const roles = { allow: 0n, deny: 0n };
  const own = { allow: 0n, deny: 0n };
  for (const { id, type, allow, deny } of overwrites) {
    const level = type === 1 ? (id === member.userId ? own : null) : roleLevel(id);
    if (level === null) continue;
    level.allow |= allow & CHANNEL_PERMISSIONS;
    level.deny |= deny & CHANNEL_PERMISSIONS;
  }
  return [everyone, roles, own].reduce((bits, { allow, deny }) => (bits & ~deny) | allow, base);

  function roleLevel(roleId: string): typeof roles | null {
    if (roleId === guild.id) return everyone;
    return member.roleIds.includes(roleId) && guild.roles.has(roleId) ? roles : null;
  }
}

/** https://discord.com/developers/docs/topics/permissions#implicit-permissions */
function applyImplicitDenials(bits: bigint, channelType: number): bigint {
  if (!has(bits, Permission.VIEW_CHANNEL)) return 0n;
  const send = isThread(channelType) ? Permission.SEND_MESSAGES_IN_THREADS : Permission.SEND_MESSAGES;
  let left = bits;
  if (!has(left, send)) left &= ~NEED_SENDING;
  if (isVoice(channelType) && !has(left, Permission.CONNECT)) left &= ~NEED_CONNECT;
  return left;
}

/** True of announcement, public and private threads. */
export function isThread(channelType: number): boolean {
  return (
    channelType === ChannelType.AnnouncementThread ||
    channelType === ChannelType.PublicThread ||
    channelType === ChannelType.PrivateThread
  );
}

function isVoice(channelType: number): boolean {
  return channelType === ChannelType.GuildVoice || channelType === ChannelType.GuildStageVoice;
}

/** True when an overwrite allows or denies VIEW_CHANNEL: then not every member need see the channel alike. */
export function touchesView(overwrites: readonly OverwriteFacts[]): boolean {
  return overwrites.some(({ allow, deny }) => ((allow | deny) & Permission.VIEW_CHANNEL) !== 0n);
}

/** The member's role that ranks highest; @everyone when it has no other. */
export function highestRole(guild: GuildFacts, member: MemberFacts): RoleFacts {
  const everyone = guild.roles.get(guild.id) ?? { id: guild.id, permissions: 0n, position: 0 };
  return rolesOf(guild, member).reduce((top, role) => (ranksAbove(guild, role, top) ? role : top), everyone);
}

/** @everyone is below every role; then the greater position, and of equal positions the older role, is above. */
function ranksAbove(guild: GuildFacts, role: RoleFacts, other: RoleFacts): boolean {
  if (role.id === other.id || role.id === guild.id) return false;
  if (other.id === guild.id) return true;
  if (role.position !== other.position) return role.position > other.position;
  return BigInt(role.id) < BigInt(other.id);
}

/**
 * Whether the actor ranks above the target: what kicks, bans, timeouts and nicknames of others need beside their
 * permission. Nobody outranks the owner, themselves or an equal, administrator or not.
 * https://discord.com/developers/docs/topics/permissions#permission-hierarchy
 */
export function outranks(guild: WholeGuildFacts, actor: MemberFacts, target: MemberFacts): boolean {
  if (actor.userId === target.userId || target.userId === guild.ownerId) return false;
  if (actor.userId === guild.ownerId) return true;
  return ranksAbove(guild, highestRole(guild, actor), highestRole(guild, target));
}

/**
 * Whether the role is below the actor's highest: what editing, moving, giving and deleting it need beside
 * MANAGE_ROLES, which is the caller's to check. The owner may manage every role.
 */
export function canManageRole(guild: WholeGuildFacts, actor: MemberFacts, role: RoleFacts): boolean {
  if (actor.userId === guild.ownerId) return true;
  return ranksAbove(guild, highestRole(guild, actor), role);
}
