import { has, Permission } from "../../core/permissions.ts";
import { enterGuild, permissionsIn } from "../access.ts";
import type { App } from "../app.ts";
import type { Caller } from "../auth/caller.ts";
import { permissionsOf } from "../guilds.ts";
import type { AuthorizationQuery, AuthorizationRequest } from "../oauth2/request.ts";
import { INSTALLS } from "../oauth2/scopes.ts";
import { listChannels } from "../store/channels.ts";
import { listGuildsOf } from "../store/guilds.ts";
import { WEBHOOK_CHANNELS } from "../webhooks/create.ts";
import type { Choices, Named } from "./pages.ts";

const MOST_GUILDS = 200;

/** The guilds, and once one is chosen the channels, that a person may choose for what an application asks. */
export async function choicesOf(
  app: App,
  caller: Caller,
  asked: AuthorizationRequest,
  query: AuthorizationQuery,
): Promise<Choices> {
  const installs = asked.scopes.some((scope) => INSTALLS.includes(scope));
  const webhook = asked.scopes.includes("webhook.incoming");
  if (!installs && !webhook) return { guilds: null, chosenGuild: null, fixedGuild: false, channels: null };
  const all = await listGuildsOf(app.sql, caller.user.id, { limit: MOST_GUILDS });
  const guilds = all
    .filter((row) => !installs || has(permissionsOf(row), Permission.MANAGE_GUILD))
    .map(({ id, name }) => ({ id, name }))
    .sort((a, b) => a.name.localeCompare(b.name));
  const chosenGuild = guilds.some(({ id }) => id === query.guild_id) ? (query.guild_id ?? null) : null;
  const channels = webhook && chosenGuild !== null ? await channelsFor(app, caller, chosenGuild) : null;
  return { guilds, chosenGuild, fixedGuild: query.disable_guild_select === true, channels };
}

/** Channels in which the person may add a webhook. */
async function channelsFor(app: App, caller: Caller, guildId: string): Promise<Named[]> {
  const where = await enterGuild({ app, caller }, guildId);
  return (await listChannels(app.sql, guildId))
    .filter(({ type }) => WEBHOOK_CHANNELS.includes(type))
    .filter((channel) => has(permissionsIn(where, channel), Permission.VIEW_CHANNEL | Permission.MANAGE_WEBHOOKS))
    .map(({ id, name }) => ({ id, name: name ?? "" }));
}
