/**
 * What an application may be allowed to do, in words for the person who is asked. All other scopes of Discord's are
 * refused. https://discord.com/developers/docs/topics/oauth2#shared-resources-oauth2-scopes
 */
export const SCOPES = {
  identify: "See your username, picture and display name",
  email: "See your email address",
  openid: "Confirm to it who you are",
  connections: "See your linked accounts elsewhere (there are none here)",
  guilds: "See which guilds you are in",
  "guilds.members.read": "See your nickname, roles and time of joining in your guilds",
  "guilds.join": "Make you a member of guilds that its bot is in",
  bot: "Add its bot to a guild",
  "applications.commands": "Add its commands to a guild",
  "webhook.incoming": "Post messages into a channel",
  "applications.commands.update": "Change its own commands",
  "applications.commands.permissions.update": "Change who may use its commands in your guilds",
} as const;

export type Scope = keyof typeof SCOPES;

/** Add something to a guild, so nobody may skip the question where. */
export const PASSTHROUGH: readonly Scope[] = ["bot", "applications.commands", "webhook.incoming"];
/** What adds an application to a guild without acting for the person: no code is needed. */
export const INSTALLS: readonly Scope[] = ["bot", "applications.commands"];
/** Only for applications themselves, by client credentials. */
export const CLIENTS_OWN: readonly Scope[] = ["applications.commands.update"];

function isScope(name: string): name is Scope {
  return Object.hasOwn(SCOPES, name);
}

/**
 * Splits a list of scopes; they come parted by spaces or, encoded twice, by plus signs.
 * @returns each scope once, or the first name that is none
 */
export function parseScopes(text: string): { scopes: Scope[] } | { unknown: string } {
  const names = [...new Set(text.split(/[ +]+/).filter(Boolean))];
  const unknown = names.find((name) => !isScope(name));
  return unknown === undefined ? { scopes: names.filter(isScope) } : { unknown };
}
