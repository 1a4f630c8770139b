import { ApplicationIntegrationType } from "discord-api-types/v10";
import type { Transaction } from "../../core/db.ts";
import { wireGuild } from "../../core/wire/guild.ts";
import { wireUser } from "../../core/wire/user.ts";
import { enterChannel, enterGuild, lockedChannel, lockedGuild } from "../access.ts";
import type { App } from "../app.ts";
import { tellAuthorized } from "../applications/authorizations.ts";
import type { Caller } from "../auth/caller.ts";
import { hashToken, newCode } from "../auth/tokens.ts";
import type { Emit } from "../change.ts";
import { ApiError, invalidField } from "../errors.ts";
import { addIntegration } from "../integrations/change.ts";
import { findGuild } from "../store/guilds.ts";
import { addAuthorization } from "../store/oauth2-authorizations.ts";
import { insertCode } from "../store/oauth2-tokens.ts";
import { listRoles } from "../store/roles.ts";
import { loginLives } from "../store/tokens.ts";
import { lockUser } from "../store/users.ts";
import { createWebhook } from "../webhooks/create.ts";
import { addBot } from "./bots.ts";
import { withParameters } from "./redirect-uri.ts";
import type { AuthorizationRequest } from "./request.ts";
import { INSTALLS, PASSTHROUGH, type Scope } from "./scopes.ts";

/** https://discord.com/developers/docs/topics/oauth2, and RFC 6749, section 4.1.2 */
const CODE_MS = 10 * 60_000;

/** What a person has chosen beside yes. */
export interface Choice {
  /** For what is added to a guild. */
  guildId?: string | undefined;
  /** For webhook.incoming. */
  channelId?: string | undefined;
  /** Of the permissions asked for, those to grant; all unless said. */
  permissions?: bigint | undefined;
}

/**
 * Does what a person has consented to, all or nothing: adds the bot, makes the webhook, gives a code.
 * @returns where to go now
 * @throws ApiError when the person may not do that
 */
export async function authorize(
  app: App,
  caller: Caller,
  asked: AuthorizationRequest,
  choice: Choice,
): Promise<string> {
  const { application, scopes } = asked;
  const permissions = asked.permissions & (choice.permissions ?? asked.permissions);
  const chainId = app.nextId();
  const code = newCode();
  const guildId = await app.change(async (tx, emit) => {
    await lockUser(tx, caller.user.id);
    // A password that was changed a moment ago has ended the login.
    if (caller.familyId === null || !(await loginLives(tx, caller.familyId))) throw new ApiError("UNAUTHORIZED");
    const added = await addToGuild(app, tx, emit, caller, asked, { ...choice, permissions });
    await tellAuthorized(tx, application.id, await authorizedData(tx, caller, scopes, added.guildId));
    if (!asked.code) return added.guildId;
    const userId = caller.user.id;
    await addAuthorization(tx, { id: app.nextId(), userId, applicationId: application.id, scopes });
    await insertCode(tx, {
      codeHash: hashToken(code),
      chainId,
      userId,
      applicationId: application.id,
      scopes,
      redirectUri: asked.namedUri,
      codeChallenge: asked.codeChallenge,
      nonce: asked.nonce,
      guildId: added.guildId,
      webhookId: added.webhookId,
      expiresAt: new Date(Date.now() + CODE_MS),
    });
    return added.guildId;
  });
  if (asked.redirectUri === null) return `${app.config.publicUrl}/oauth2/authorized`;
  const inGuild = guildId === null ? {} : { guild_id: guildId, permissions: String(permissions) };
  return withParameters(asked.redirectUri, { ...(asked.code ? { code } : {}), ...inGuild, state: asked.state });
}

/** Where to go when a person has said no. https://datatracker.ietf.org/doc/html/rfc6749#section-4.1.2.1 */
export function refusal(app: App, asked: AuthorizationRequest): string {
  if (asked.redirectUri === null) return `${app.config.publicUrl}/oauth2/authorized?error=access_denied`;
  return withParameters(asked.redirectUri, {
    error: "access_denied",
    error_description: "The resource owner or authorization server denied the request",
    state: asked.state,
  });
}

/** Puts the bot, its commands and the webhook where the person wants them. @returns ids for the token's answer */
async function addToGuild(
  app: App,
  tx: Transaction,
  emit: Emit,
  caller: Caller,
  { application, scopes }: AuthorizationRequest,
  choice: Choice & { permissions: bigint },
): Promise<{ guildId: string | null; webhookId: string | null }> {
  const request = { app: { ...app, sql: tx }, caller };
  const installs = scopes.some((scope) => INSTALLS.includes(scope));
  const guildId = installs ? required(choice.guildId, "guild_id") : null;
  if (guildId !== null) {
    const where = await lockedGuild(tx, await enterGuild(request, guildId, ["MANAGE_GUILD"]));
    if (!application.bot_public && application.owner_id !== caller.user.id) throw new ApiError("MISSING_PERMISSIONS");
    const { bot_id } = application;
    if (scopes.includes("bot")) {
      if (bot_id === null) throw new ApiError("NO_BOT");
      await addBot(app, tx, emit, where, { ...application, bot_id }, choice.permissions);
    }
  }
  const webhook = scopes.includes("webhook.incoming")
    ? await addWebhook(app, tx, emit, caller, application, required(choice.channelId, "webhook_channel_id"), guildId)
    : null;
  const place = guildId ?? webhook?.server_id;
  if (place !== undefined) {
    const added = scopes.filter((scope) => PASSTHROUGH.includes(scope));
    await addIntegration(app, tx, emit, {
      guildId: place,
      applicationId: application.id,
      userId: caller.user.id,
      // Commands come with the bot, as documented.
      scopes: added.includes("bot") ? [...new Set<Scope>([...added, "applications.commands"])] : added,
    });
  }
  return { guildId, webhookId: webhook?.id ?? null };
}

/** What an application is told of an authorization. */
async function authorizedData(tx: Transaction, caller: Caller, scopes: readonly string[], guildId: string | null) {
  const guild = guildId === null ? undefined : await findGuild(tx, guildId);
  const installed =
    guild === undefined
      ? {}
      : {
          integration_type: ApplicationIntegrationType.GuildInstall,
          guild: wireGuild(guild, await listRoles(tx, guild.id)),
        };
  return { ...installed, user: wireUser(caller.user), scopes };
}

async function addWebhook(
  app: App,
  tx: Transaction,
  emit: Emit,
  caller: Caller,
  application: AuthorizationRequest["application"],
  channelId: string,
  guildId: string | null,
) {
  const found = await enterChannel({ app: { ...app, sql: tx }, caller }, channelId, ["MANAGE_WEBHOOKS"]);
  if (found.type === "dm") throw new ApiError("NOT_IN_DM");
  if (guildId !== null && found.guild.id !== guildId) throw new ApiError("UNKNOWN_CHANNEL");
  const { channel } = await lockedChannel(tx, found);
  return createWebhook(app, tx, emit, channel, {
    creatorId: caller.user.id,
    applicationId: application.id,
    name: application.name,
    avatar: application.icon,
  });
}

function required(value: string | undefined, field: string): string {
  if (value === undefined) throw invalidField([field], "BASE_TYPE_REQUIRED", "This field is required");
  return value;
}
