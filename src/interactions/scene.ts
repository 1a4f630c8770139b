import { InteractionContextType as Context, InteractionType } from "discord-api-types/v10";
import { has, Permission } from "../../core/permissions.ts";
import { wireDmChannel } from "../../core/wire/channel.ts";
import { wireMemberOnly } from "../../core/wire/member.ts";
import { wireMessage } from "../../core/wire/message.ts";
import { wireUser } from "../../core/wire/user.ts";
import { enterChannel, type InChannel, type InGuildChannel, ownFacts, permissionsIn } from "../access.ts";
import type { App } from "../app.ts";
import type { Caller } from "../auth/caller.ts";
import { ApiError } from "../errors.ts";
import { demandText } from "../messages/post.ts";
import { channelStanding } from "../store/access.ts";
import { type ApplicationRow, findApplication, isInGuild } from "../store/applications.ts";
import { findDm } from "../store/dms.ts";
import { findGuild } from "../store/guilds.ts";
import { findUser } from "../store/users.ts";
import { demandOpen } from "../threads/write.ts";
import type { CommandInvocation, Invocation } from "./body.ts";
import type { Made } from "./made.ts";
import { partialChannel, type Standing } from "./resolved.ts";

/** Who invokes, where, and of which application. */
export interface Scene {
  app: App;
  where: InChannel;
  application: ApplicationRow;
  standing: Standing;
}

const isCommand = (body: Invocation): body is CommandInvocation =>
  body.type === InteractionType.ApplicationCommand || body.type === InteractionType.ApplicationCommandAutocomplete;

/**
 * @throws 10003 or 50001 for a channel that isn't the person's to see, 50013 without the right to use commands or
 *   during a timeout, 10002 for an application that isn't there
 */
export async function sceneOf(app: App, caller: Caller, body: Invocation): Promise<Scene> {
  const where = await enterChannel(
    { app, caller },
    body.channel_id,
    isCommand(body) ? ["USE_APPLICATION_COMMANDS"] : [],
  );
  if (body.guild_id && (where.type === "dm" || where.guild.id !== body.guild_id)) throw new ApiError("UNKNOWN_CHANNEL");
  if (where.type === "guild" && isTimedOut(where)) throw new ApiError("MISSING_PERMISSIONS");
  if (where.type === "guild") demandText(where.channel);
  demandOpen(where);
  const application = await findApplication(app.sql, body.application_id);
  if (application === undefined) throw new ApiError("UNKNOWN_APPLICATION");
  const standing = await standingOf(app, where, application);
  if (standing === undefined) throw new ApiError("UNKNOWN_APPLICATION");
  return { app, where, application, standing };
}

/** Commands are out of reach by their permission; components have none. */
function isTimedOut({ me, permissions }: InGuildChannel): boolean {
  return me.timedOutUntil !== null && me.timedOutUntil > Date.now() && !has(permissions, Permission.ADMINISTRATOR);
}

/** What the bot may do there: nothing where only the commands were added. Undefined where there is neither. */
async function standingOf(app: App, where: InChannel, application: ApplicationRow): Promise<Standing | undefined> {
  const { bot_id: botId } = application;
  const nothing = { permissions: () => 0n };
  if (where.type === "dm") return where.recipientId === botId ? nothing : undefined;
  const found =
    botId === null ? undefined : await channelStanding(app.sql, { channelId: where.channel.id, userId: botId });
  if (found?.type !== "guild" || found.membership === null) {
    return (await isInGuild(app.sql, application, where.guild.id)) ? nothing : undefined;
  }
  const me = ownFacts(found.membership);
  const { guild, threadMember } = found;
  return { permissions: (channel) => permissionsIn({ guild, me }, channel, threadMember?.thread_id === channel.id) };
}

/** All that the application is told beside id, token and type. */
export async function describe(scene: Scene, made: Made, appPermissions: bigint): Promise<object> {
  const { app, where, application } = scene;
  const { user } = where.caller;
  const common = {
    application_id: application.id,
    version: 1,
    data: made.data,
    ...(made.source === null ? {} : { message: wireMessage(made.source.message, app.cdn) }),
    app_permissions: appPermissions.toString(),
    locale: user.locale,
    entitlements: [],
    attachment_size_limit: app.config.maxFileBytes,
  };
  if (where.type === "dm") {
    const [dm, bot] = await Promise.all([findDm(app.sql, where.id), findUser(app.sql, where.recipientId)]);
    if (dm === undefined || bot === undefined) throw new ApiError("UNKNOWN_CHANNEL");
    return {
      ...common,
      channel: wireDmChannel(dm, user),
      channel_id: where.id,
      user: wireUser(user),
      authorizing_integration_owners: { "0": "0" },
      context: Context.BotDM,
    };
  }
  const guild = await findGuild(app.sql, where.guild.id);
  if (guild === undefined) throw new ApiError("UNKNOWN_GUILD");
  return {
    ...common,
    guild_id: guild.id,
    guild: { id: guild.id, locale: guild.preferred_locale, features: guild.features },
    guild_locale: guild.preferred_locale,
    channel: partialChannel(where.channel, where.permissions),
    channel_id: where.channel.id,
    member: {
      ...wireMemberOnly(where.membership),
      user: wireUser(user),
      permissions: where.permissions.toString(),
    },
    authorizing_integration_owners: { "0": guild.id },
    context: Context.Guild,
  };
}

/** https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-object-interaction-structure (app_permissions) */
const DM_PERMISSIONS =
  Permission.ATTACH_FILES | Permission.EMBED_LINKS | Permission.MENTION_EVERYONE | Permission.USE_EXTERNAL_EMOJIS;

/** What the application may do there, as it is told and as its answers go by. */
export function appPermissionsIn({ where, standing }: Scene): bigint {
  return where.type === "guild" ? standing.permissions(where.channel) : DM_PERMISSIONS;
}
