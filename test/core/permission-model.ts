/**
 * A second, slow reading of https://discord.com/developers/docs/topics/permissions, to test the first against. It
 * works on names and sets, follows the page's eight steps one after the other, and shares no code with
 * core/permissions.ts.
 */
interface ModelRole {
  id: string;
  position: number;
  permissions: ReadonlySet<string>;
}

export interface ModelOverwrite {
  kind: "role" | "member";
  id: string;
  allow: ReadonlySet<string>;
  deny: ReadonlySet<string>;
}

export interface ModelGuild {
  id: string;
  owner: string;
  roles: readonly ModelRole[];
}

export interface ModelMember {
  id: string;
  roles: readonly string[];
  timedOut: boolean;
}

/** The page's table "Bitwise Permission Flags": bit, name, and the channel types (T, V, S) it applies to. */
export const DOCUMENTED: readonly (readonly [bit: number, name: string, channelTypes: string])[] = [
  [0, "CREATE_INSTANT_INVITE", "TVS"],
  [1, "KICK_MEMBERS", ""],
  [2, "BAN_MEMBERS", ""],
  [3, "ADMINISTRATOR", ""],
  [4, "MANAGE_CHANNELS", "TVS"],
  [5, "MANAGE_GUILD", ""],
  [6, "ADD_REACTIONS", "TVS"],
  [7, "VIEW_AUDIT_LOG", ""],
  [8, "PRIORITY_SPEAKER", "V"],
  [9, "STREAM", "VS"],
  [10, "VIEW_CHANNEL", "TVS"],
  [11, "SEND_MESSAGES", "TVS"],
  [12, "SEND_TTS_MESSAGES", "TVS"],
  [13, "MANAGE_MESSAGES", "TVS"],
  [14, "EMBED_LINKS", "TVS"],
  [15, "ATTACH_FILES", "TVS"],
  [16, "READ_MESSAGE_HISTORY", "TVS"],
  [17, "MENTION_EVERYONE", "TVS"],
  [18, "USE_EXTERNAL_EMOJIS", "TVS"],
  [19, "VIEW_GUILD_INSIGHTS", ""],
  [20, "CONNECT", "VS"],
  [21, "SPEAK", "V"],
  [22, "MUTE_MEMBERS", "VS"],
  [23, "DEAFEN_MEMBERS", "V"],
  [24, "MOVE_MEMBERS", "VS"],
  [25, "USE_VAD", "V"],
  [26, "CHANGE_NICKNAME", ""],
  [27, "MANAGE_NICKNAMES", ""],
  [28, "MANAGE_ROLES", "TVS"],
  [29, "MANAGE_WEBHOOKS", "TVS"],
  [30, "MANAGE_GUILD_EXPRESSIONS", ""],
  [31, "USE_APPLICATION_COMMANDS", "TVS"],
  [32, "REQUEST_TO_SPEAK", "S"],
  [33, "MANAGE_EVENTS", "VS"],
  [34, "MANAGE_THREADS", "T"],
  [35, "CREATE_PUBLIC_THREADS", "T"],
  [36, "CREATE_PRIVATE_THREADS", "T"],
  [37, "USE_EXTERNAL_STICKERS", "TVS"],
  [38, "SEND_MESSAGES_IN_THREADS", "T"],
  [39, "USE_EMBEDDED_ACTIVITIES", "TV"],
  [40, "MODERATE_MEMBERS", ""],
  [41, "VIEW_CREATOR_MONETIZATION_ANALYTICS", ""],
  [42, "USE_SOUNDBOARD", "V"],
  [43, "CREATE_GUILD_EXPRESSIONS", ""],
  [44, "CREATE_EVENTS", "VS"],
  [45, "USE_EXTERNAL_SOUNDS", "V"],
  [46, "SEND_VOICE_MESSAGES", "TVS"],
  [48, "SET_VOICE_CHANNEL_STATUS", "V"],
  [49, "SEND_POLLS", "TVS"],
  [50, "USE_EXTERNAL_APPS", "TVS"],
  [51, "PIN_MESSAGES", "T"],
  [52, "BYPASS_SLOWMODE", "TVS"],
];

const everything = DOCUMENTED.map(([, name]) => name);
const applicable = new Set(DOCUMENTED.filter(([, , types]) => types !== "").map(([, name]) => name));
const voiceOnly = DOCUMENTED.filter(([, , types]) => types !== "" && !types.includes("T")).map(([, name]) => name);

/** Steps 1 and 2, then "temporarily lose all permissions except…". */
export function modelInGuild(guild: ModelGuild, member: ModelMember): Set<string> {
  const held = heldByRoles(guild, member);
  if (isExempt(guild, member, held)) return new Set(everything);
  return member.timedOut ? keepTimedOut(held) : held;
}

/** Steps 1 to 8, timeouts, implicit permissions. */
export function modelInChannel(
  guild: ModelGuild,
  member: ModelMember,
  overwrites: readonly ModelOverwrite[],
  channel: "text" | "thread" | "voice",
): Set<string> {
  const held = heldByRoles(guild, member);
  if (isExempt(guild, member, held)) return new Set(everything);
  const ownRoles = guild.roles.filter((role) => role.id !== guild.id && member.roles.includes(role.id));
  const ofEveryone = overwrites.filter((o) => o.kind === "role" && o.id === guild.id);
  const ofRoles = overwrites.filter((o) => o.kind === "role" && ownRoles.some((role) => role.id === o.id));
  const ofMember = overwrites.filter((o) => o.kind === "member" && o.id === member.id);
  for (const step of [ofEveryone, ofRoles, ofMember]) {
    for (const overwrite of step) for (const name of overwrite.deny) if (applicable.has(name)) held.delete(name);
    for (const overwrite of step) for (const name of overwrite.allow) if (applicable.has(name)) held.add(name);
  }
  const left = member.timedOut ? keepTimedOut(held) : held;
  if (!left.has("VIEW_CHANNEL")) return new Set();
  if (!left.has(channel === "thread" ? "SEND_MESSAGES_IN_THREADS" : "SEND_MESSAGES")) {
    for (const name of ["MENTION_EVERYONE", "SEND_TTS_MESSAGES", "ATTACH_FILES", "EMBED_LINKS"]) left.delete(name);
  }
  if (channel === "voice" && !left.has("CONNECT")) {
    for (const name of [...voiceOnly, "MANAGE_CHANNELS", "MANAGE_ROLES"]) left.delete(name);
  }
  return left;
}

/** Who may kick whom: roles sorted, @everyone first, then by position; of equal positions the older is higher. */
export function modelOutranks(guild: ModelGuild, actor: ModelMember, target: ModelMember): boolean {
  if (actor.id === target.id) return false;
  if (guild.owner === target.id) return false;
  if (guild.owner === actor.id) return true;
  return modelRank(guild, actor) > modelRank(guild, target);
}

/** How many roles are below the member's highest. */
function modelRank(guild: ModelGuild, member: ModelMember): number {
  const ranks = member.roles.map((id) => ladder(guild).indexOf(id));
  return Math.max(0, ...ranks);
}

export function ladder(guild: ModelGuild): string[] {
  const others = guild.roles.filter((role) => role.id !== guild.id);
  const idDescending = others.sort((a, b) => Number(BigInt(b.id) - BigInt(a.id)));
  return [guild.id, ...idDescending.sort((a, b) => a.position - b.position).map((role) => role.id)];
}

function heldByRoles(guild: ModelGuild, member: ModelMember): Set<string> {
  const held = guild.roles.filter((role) => role.id === guild.id || member.roles.includes(role.id));
  return new Set(held.flatMap((role) => [...role.permissions]));
}

function isExempt(guild: ModelGuild, member: ModelMember, held: ReadonlySet<string>): boolean {
  return guild.owner === member.id || held.has("ADMINISTRATOR");
}

function keepTimedOut(held: ReadonlySet<string>): Set<string> {
  return new Set(["VIEW_CHANNEL", "READ_MESSAGE_HISTORY"].filter((name) => held.has(name)));
}
