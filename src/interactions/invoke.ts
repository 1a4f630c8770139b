import { randomBytes } from "node:crypto";
import {
  ApplicationCommandType as CommandType,
  InteractionContextType as Context,
  InteractionType,
  MessageFlags,
} from "discord-api-types/v10";
import { isForContext, mayUseCommand } from "../../core/command-permissions.ts";
import type { Event } from "../../core/event-log.ts";
import { has, Permission } from "../../core/permissions.ts";
import type { ChannelRow } from "../../core/wire/channel.ts";
import { wireDmChannel } from "../../core/wire/channel.ts";
import type { CommandRow } from "../../core/wire/command.ts";
import type { InteractionAbout } from "../../core/wire/interaction.ts";
import { wireMemberOnly } from "../../core/wire/member.ts";
import { wireMessage } from "../../core/wire/message.ts";
import { wireUser } from "../../core/wire/user.ts";
import { demand, enterChannel, type InChannel, type InGuildChannel, ownFacts, permissionsIn } from "../access.ts";
import type { App } from "../app.ts";
import type { Caller } from "../auth/caller.ts";
import { hashToken } from "../auth/tokens.ts";
import { ApiError, formErrors, invalidField } from "../errors.ts";
import type { Upload } from "../files/form.ts";
import { placeOf } from "../messages/place.ts";
import { demandText } from "../messages/post.ts";
import { channelStanding } from "../store/access.ts";
import { type ApplicationRow, findApplication, isInGuild } from "../store/applications.ts";
import { findChannel } from "../store/channels.ts";
import { findCommandInGuild } from "../store/command-permissions.ts";
import { findCommandIn } from "../store/commands.ts";
import { findDm } from "../store/dms.ts";
import { findGuild } from "../store/guilds.ts";
import {
  attachToInteraction,
  findInteraction,
  findMembers,
  type InteractionRow,
  insertInteraction,
  takeModal,
} from "../store/interactions.ts";
import { findMessage } from "../store/messages.ts";
import { listRoles } from "../store/roles.ts";
import { findUser, findUsers } from "../store/users.ts";
import { demandOpen } from "../threads/write.ts";
import type { CommandInvocation, Invocation, Invoked } from "./body.ts";
import { watchDeadline } from "./deadline.ts";
import { callEndpoint } from "./endpoint.ts";
import { storeFiles } from "./files.ts";
import { type Fault, readOptions } from "./options.ts";
import { findSource, type Source } from "./original.ts";
import { type Named, partialChannel, type Resolved, resolvedMember, resolveNamed, type Standing } from "./resolved.ts";
import { checkPicked, findComponent, isSelect, readModal } from "./submitted.ts";

const TOKEN_BYTES = 48;

/** Who invokes, where, and of which application. */
interface Scene {
  app: App;
  where: InChannel;
  application: ApplicationRow;
  standing: Standing;
}

/** What the different kinds of interactions make of a request. */
interface Made {
  /** The `data` that the application is told. */
  data: object;
  about: Pick<InteractionAbout, "name" | "interacted_id" | "target_user_id" | "target_message_id" | "triggering">;
  source: Source | null;
  focusedType: number | null;
  fileIds: readonly string[];
  /** The interaction whose modal this submits. */
  modalOf?: string;
}

/** What a person does with an application: checked, stored, and sent to it. */
export async function invoke(app: App, caller: Caller, body: Invocation, uploads: readonly Upload[]): Promise<void> {
  const scene = await sceneOf(app, caller, body);
  const made = await make(scene, body, uploads);
  const { where, application } = scene;
  const id = app.nextId();
  const token = randomBytes(TOKEN_BYTES).toString("base64url");
  const guildId = where.type === "guild" ? where.guild.id : null;
  const appPermissions = where.type === "guild" ? scene.standing.permissions(where.channel) : DM_PERMISSIONS;
  const about = { id, type: body.type, user_id: caller.user.id, owners: { "0": guildId ?? "0" }, ...made.about };
  const told = { ...(await describe(scene, made, appPermissions)), id, token, type: body.type };
  const overHttp = application.interactions_endpoint_url !== null;
  await app.change(async (tx, emit) => {
    if (made.modalOf !== undefined && !(await takeModal(tx, made.modalOf))) throw new ApiError("UNKNOWN_INTERACTION");
    await insertInteraction(tx, {
      id,
      tokenHash: hashToken(token),
      applicationId: application.id,
      userId: caller.user.id,
      guildId,
      place: placeOf(where),
      type: body.type,
      about,
      nonce: body.nonce ?? null,
      appPermissions,
      focusedType: made.focusedType,
      source: made.source === null ? null : { id: made.source.message.id, ephemeral: made.source.ephemeral },
      createdAt: new Date(app.now()),
    });
    await attachToInteraction(tx, id, made.fileIds);
    emit({ t: "INTERACTION_CREATE", userId: caller.user.id, data: { id, ...nonceOf(body) } });
    if (!overHttp && application.bot_id !== null) emit(toBot(application.bot_id, where, told));
  });
  watchDeadline(app);
  if (overHttp) callEndpoint(app, application, id, told);
}

/** Kept in the bot's log, so that one which resumes gets it; the shard of the guild, or the first, has it. */
function toBot(botId: string, where: InChannel, data: object): Event {
  const common = { t: "INTERACTION_CREATE" as const, userId: botId, data };
  return where.type === "guild" ? { ...common, guildId: where.guild.id } : { ...common, channelId: where.id };
}

const nonceOf = ({ nonce }: Invocation): object => (nonce ? { nonce } : {});

/** https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-object-interaction-structure (app_permissions) */
const DM_PERMISSIONS =
  Permission.ATTACH_FILES | Permission.EMBED_LINKS | Permission.MENTION_EVERYONE | Permission.USE_EXTERNAL_EMOJIS;

const isCommand = (body: Invocation): body is CommandInvocation =>
  body.type === InteractionType.ApplicationCommand || body.type === InteractionType.ApplicationCommandAutocomplete;

/**
 * @throws 10003 or 50001 for a channel that isn't the person's to see, 50013 without the right to use commands or
 *   during a timeout, 10002 for an application that isn't there
 */
async function sceneOf(app: App, caller: Caller, body: Invocation): Promise<Scene> {
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
async function describe(scene: Scene, made: Made, appPermissions: bigint): Promise<object> {
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

function make(scene: Scene, body: Invocation, uploads: readonly Upload[]): Promise<Made> {
  switch (body.type) {
    case InteractionType.MessageComponent:
      return useComponent(scene, body);
    case InteractionType.ModalSubmit:
      return submitModal(scene, body, uploads);
    default:
      return useCommand(scene, body, uploads);
  }
}

function refuse(faults: readonly Fault[]): void {
  if (faults.length > 0) throw new ApiError("INVALID_FORM", formErrors(faults));
}

/** What was named, resolved. @throws 50035 for what isn't there, or isn't the person's to see */
async function resolve({ app, where, standing }: Scene, named: readonly Named[]): Promise<Resolved> {
  const { resolved, unknown } = await resolveNamed(app.sql, where, standing, named);
  refuse(unknown.map(({ path, kind }) => ({ path, code: "BASE_TYPE_CHOICES", message: `There is no such ${kind}.` })));
  return resolved;
}

const withResolved = (resolved: Resolved): object => (Object.keys(resolved).length === 0 ? {} : { resolved });

async function useCommand(scene: Scene, body: CommandInvocation, uploads: readonly Upload[]): Promise<Made> {
  const { data } = body;
  const writing = body.type === InteractionType.ApplicationCommandAutocomplete;
  const command = await findUsable(scene, data.id);
  if (data.guild_id && data.guild_id !== command.server_id) throw new ApiError("UNKNOWN_COMMAND");
  if (data.version && data.version !== command.version) {
    const message = "This command is outdated, please try again in a few minutes";
    throw invalidField(["data", "version"], "INTERACTION_APPLICATION_COMMAND_INVALID_VERSION", message);
  }
  const base = { id: command.id, name: command.name, type: command.type };
  const registered = command.server_id === null ? {} : { guild_id: command.server_id };
  const made = { source: null, focusedType: null, fileIds: [] };
  if (command.type !== CommandType.ChatInput) {
    if (writing) throw invalidField(["type"], "BASE_TYPE_INVALID", "Only chat input commands are autocompleted");
    const target = await targetOf(scene, command, data.target_id ?? undefined);
    return {
      ...made,
      data: { ...base, ...registered, target_id: data.target_id, resolved: target.resolved },
      about: { name: command.name, ...target.about },
    };
  }
  const read = readOptions(command.options, data.options ?? [], writing);
  refuse(read.faults);
  const resolved = await resolve(scene, read.named);
  const files = writing ? undefined : await storeFiles(scene, data.attachments, uploads, read.files);
  for (const [i, { option }] of read.files.entries()) option.value = files?.ids[i] ?? option.value ?? "";
  return {
    ...made,
    fileIds: files?.ids ?? [],
    focusedType: read.focused?.type ?? null,
    data: { ...base, ...registered, options: read.options, ...withResolved({ ...resolved, ...files?.resolved }) },
    about: { name: [command.name, ...read.names].join(" ") },
  };
}

/** @throws 10063 for a command that isn't there, or isn't the person's to use here */
async function findUsable({ app, where, application }: Scene, id: string): Promise<CommandRow> {
  if (where.type === "dm") {
    const command = await findCommandIn(app.sql, { applicationId: application.id, guildId: null }, id);
    if (command === undefined || !isForContext(command, Context.BotDM)) throw new ApiError("UNKNOWN_COMMAND");
    return command;
  }
  const command = await findCommandInGuild(app.sql, where.guild.id, id);
  if (command?.application_id !== application.id) throw new ApiError("UNKNOWN_COMMAND");
  const usable = mayUseCommand({
    command,
    rules: command.rules,
    applicationRules: command.application_rules,
    guildId: where.guild.id,
    member: where.me,
    permissions: where.permissions,
    channel: await ruledChannel(app, where.channel),
  });
  if (!usable) throw new ApiError("MISSING_PERMISSIONS");
  return command;
}

/** A thread goes by the channel it is in. */
async function ruledChannel(app: App, channel: ChannelRow): Promise<{ id: string; nsfw: boolean }> {
  if (channel.thread === null || channel.parent_id === null) return channel;
  const parent = await findChannel(app.sql, channel.parent_id);
  if (parent === undefined) throw new ApiError("UNKNOWN_CHANNEL");
  return parent;
}

/** Whom or what a command of a menu is about. */
async function targetOf(
  { app, where }: Scene,
  command: CommandRow,
  id: string | undefined,
): Promise<{ resolved: Resolved; about: Pick<InteractionAbout, "target_user_id" | "target_message_id"> }> {
  const path = ["data", "target_id"];
  if (id === undefined) throw invalidField(path, "BASE_TYPE_REQUIRED", "This field is required");
  if (command.type === CommandType.Message) {
    if (where.type === "guild") demand(where.permissions, ["READ_MESSAGE_HISTORY"]);
    const message = await findMessage(app.sql, placeOf(where), id, null);
    if (message === undefined) throw new ApiError("UNKNOWN_MESSAGE");
    return { resolved: { messages: { [id]: wireMessage(message, app.cdn) } }, about: { target_message_id: id } };
  }
  const [user] = await findUsers(app.sql, [id]);
  const members = where.type === "guild" ? await findMembers(app.sql, where.guild.id, [id]) : [];
  const there = where.type === "guild" ? members.length > 0 : [where.caller.user.id, where.recipientId].includes(id);
  if (user === undefined || !there) throw new ApiError("UNKNOWN_USER");
  const [member] = members;
  const roles = where.type === "guild" && member !== undefined ? await listRoles(app.sql, where.guild.id) : [];
  return {
    resolved: {
      users: { [id]: wireUser(user) },
      ...(member === undefined || where.type === "dm"
        ? {}
        : { members: { [id]: resolvedMember(where, roles, member) } }),
    },
    about: { target_user_id: id },
  };
}

/** A button that was pressed, or values that were picked, on a message of the application that the person sees. */
async function useComponent(scene: Scene, body: Invoked<InteractionType.MessageComponent>): Promise<Made> {
  const { app, where, application } = scene;
  const { data } = body;
  const source = await findSource(app, placeOf(where), body.message_id, where.caller.user.id);
  if (source === undefined) throw new ApiError("UNKNOWN_MESSAGE");
  const { message } = source;
  const ofApplication = message.application_id ?? message.author_id;
  const own = ofApplication !== null && [application.id, application.bot_id].includes(ofApplication);
  if (!own) throw new ApiError("UNKNOWN_MESSAGE");
  if (!source.ephemeral && where.type === "guild") demand(where.permissions, ["READ_MESSAGE_HISTORY"]);
  const component = (message.flags & MessageFlags.Loading) === 0 && findComponent(message.components, data.custom_id);
  if (!component || component.type !== data.component_type || component.disabled === true) {
    throw invalidField(["data", "custom_id"], "COMPONENT_VALIDATION_FAILED", "Component validation failed");
  }
  const base = { component_type: component.type, id: component.id, custom_id: data.custom_id };
  const made = { source, focusedType: null, fileIds: [], about: { interacted_id: message.id } };
  if (!isSelect(component.type)) return { ...made, data: base };
  const values = data.values ?? [];
  const { faults, named } = checkPicked(component, values, ["data", "values"]);
  refuse(faults);
  return { ...made, data: { ...base, values, ...withResolved(await resolve(scene, named)) } };
}

/** A modal that was shown to this very person, by the interaction that is named, and not submitted yet. */
async function submitModal(
  scene: Scene,
  body: Invoked<InteractionType.ModalSubmit>,
  uploads: readonly Upload[],
): Promise<Made> {
  const { app, where } = scene;
  const { data } = body;
  const shownBy = await findInteraction(app.sql, data.id);
  if (!isModalOf(shownBy, scene)) throw new ApiError("UNKNOWN_INTERACTION");
  const { modal } = shownBy;
  if (modal === null || modal.custom_id !== data.custom_id) throw new ApiError("UNKNOWN_INTERACTION");
  const given = data.components.flatMap(({ components, component }) => [
    ...(components ?? []),
    ...(component ? [component] : []),
  ]);
  const read = readModal(modal, given);
  refuse(read.faults);
  const resolved = await resolve(scene, read.named);
  const wanted = read.files.flatMap(({ values, types, path }) => values.map((index) => ({ index, types, path })));
  const files = await storeFiles(scene, data.attachments, uploads, wanted);
  let stored = 0;
  for (const { values } of read.files) {
    for (const i of values.keys()) values[i] = files.ids[stored++] ?? "";
  }
  const source =
    shownBy.source_id === null
      ? null
      : ((await findSource(app, placeOf(where), shownBy.source_id, where.caller.user.id)) ?? null);
  return {
    source,
    focusedType: null,
    fileIds: files.ids,
    modalOf: shownBy.id,
    about: { triggering: shownBy.about },
    data: {
      custom_id: modal.custom_id,
      components: read.components,
      ...withResolved({ ...resolved, ...files.resolved }),
    },
  };
}

function isModalOf(row: InteractionRow | undefined, { where, application }: Scene): row is InteractionRow {
  return (
    row !== undefined &&
    row.user_id === where.caller.user.id &&
    row.application_id === application.id &&
    (row.channel_id ?? row.dm_channel_id) === placeOf(where).id
  );
}
