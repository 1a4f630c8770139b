import {
  ApplicationCommandType as CommandType,
  InteractionContextType as Context,
  InteractionType,
} from "discord-api-types/v10";
import { isForContext } from "../../core/command-permissions.ts";
import type { CommandRow } from "../../core/wire/command.ts";
import { wireMessage } from "../../core/wire/message.ts";
import { wireUser } from "../../core/wire/user.ts";
import { demand } from "../access.ts";
import { mayUseIn, placeOfUse } from "../commands/in-guild.ts";
import { ApiError, invalidField } from "../errors.ts";
import type { Upload } from "../files/form.ts";
import { placeOf } from "../messages/place.ts";
import { findCommandInGuild } from "../store/command-permissions.ts";
import { findCommandIn } from "../store/commands.ts";
import { findMembers } from "../store/interactions.ts";
import { findMessage } from "../store/messages.ts";
import { listRoles } from "../store/roles.ts";
import { findUsers } from "../store/users.ts";
import type { CommandInvocation } from "./body.ts";
import { storeFiles } from "./files.ts";
import { type Made, refuse, resolve, withResolved } from "./made.ts";
import { readOptions } from "./options.ts";
import { type Resolved, resolvedMember } from "./resolved.ts";
import type { Scene } from "./scene.ts";

/** A command that the person uses, or is still writing. */
export async function useCommand(scene: Scene, body: CommandInvocation, uploads: readonly Upload[]): Promise<Made> {
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
  if (!mayUseIn(await placeOfUse(app, where), command)) throw new ApiError("MISSING_PERMISSIONS");
  return command;
}

/** Whom or what a command of a menu is about. */
async function targetOf(
  { app, where }: Scene,
  command: CommandRow,
  id: string | undefined,
): Promise<{ resolved: Resolved; about: Pick<Made["about"], "target_user_id" | "target_message_id"> }> {
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
