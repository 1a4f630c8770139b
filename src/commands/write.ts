import { isDeepStrictEqual } from "node:util";
import { ApplicationFlags, ApplicationCommandType as Type } from "discord-api-types/v10";
import type { Transaction } from "../../core/db.ts";
import type { CommandContent, CommandRow } from "../../core/wire/command.ts";
import type { App } from "../app.ts";
import { ApiError, formErrors } from "../errors.ts";
import type { ApplicationRow } from "../store/applications.ts";
import { deleteRulesOfCommand } from "../store/command-permissions.ts";
import {
  type CommandScope,
  countCreates,
  deleteCommands,
  findCommandIn,
  insertCommand,
  listCommands,
  lockCommands,
  updateCommand,
} from "../store/commands.ts";
import { type CommandBody, type CommandPatch, contentOf, type ListedCommand } from "./body.ts";
import { type Fault, faultsOf } from "./rules.ts";

/** https://discord.com/developers/docs/interactions/application-commands#registering-a-command */
const MAX_OF_TYPE = { [Type.ChatInput]: 100, [Type.User]: 15, [Type.Message]: 15, [Type.PrimaryEntryPoint]: 1 };
const MAX_CREATES_A_DAY = 200;

/** Where commands are changed. */
export interface Commands {
  application: ApplicationRow;
  scope: CommandScope;
}

/** Makes a command, or overwrites the one that has its type and name. */
export async function putCommand(
  app: App,
  { application, scope }: Commands,
  body: CommandBody,
): Promise<{ row: CommandRow; made: boolean }> {
  const type = body.type ?? Type.ChatInput;
  const content = contentOf(body, installsOf(application, scope));
  refuse([...faultsOf(type, content), ...placeFaults(type, content, application, scope)]);
  return app.sql.begin(async (tx) => {
    await lockCommands(tx, application.id);
    const existing = await listCommands(tx, scope);
    const same = existing.find((each) => each.type === type && each.name === content.name);
    if (same !== undefined) return { row: await write(app, tx, same, content), made: false };
    const row = newRow(app, scope, type, content);
    checkCounts([...existing, row]);
    await insertAll(tx, scope, [row]);
    return { row, made: true };
  });
}

export async function editCommand(
  app: App,
  { application, scope }: Commands,
  id: string,
  body: CommandPatch,
): Promise<CommandRow> {
  return app.sql.begin(async (tx) => {
    await lockCommands(tx, scope.applicationId);
    const before = await findCommandIn(tx, scope, id);
    if (before === undefined) throw new ApiError("UNKNOWN_COMMAND");
    const content = contentOf(body, installsOf(application, scope), before);
    refuse([...faultsOf(before.type, content), ...placeFaults(before.type, content, application, scope)]);
    if (content.name !== before.name) {
      const others = await listCommands(tx, scope);
      const taken = others.some(({ type, name }) => type === before.type && name === content.name);
      if (taken) throw new ApiError("COMMAND_NAME_TAKEN");
    }
    return write(app, tx, before, content);
  });
}

export async function deleteCommand(app: App, { scope }: Commands, id: string): Promise<void> {
  await app.sql.begin(async (tx) => {
    await lockCommands(tx, scope.applicationId);
    if ((await findCommandIn(tx, scope, id)) === undefined) throw new ApiError("UNKNOWN_COMMAND");
    await deleteCommands(tx, [id]);
  });
}

/**
 * Makes a list the whole of a scope's commands. Those of the same type and name keep their ids, and so do those whose
 * ids the list names.
 */
export async function overwriteCommands(
  app: App,
  { application, scope }: Commands,
  list: readonly ListedCommand[],
): Promise<CommandRow[]> {
  const wanted = list.map((body) => ({
    id: body.id,
    type: body.type ?? Type.ChatInput,
    content: contentOf(body, installsOf(application, scope)),
  }));
  refuse(
    wanted.flatMap(({ type, content }, i) =>
      under(i, [...faultsOf(type, content), ...placeFaults(type, content, application, scope)]),
    ),
  );
  refuse(repeated(wanted));
  return app.sql.begin(async (tx) => {
    await lockCommands(tx, application.id);
    const left = new Map((await listCommands(tx, scope)).map((row) => [row.id, row]));
    const take = (row: CommandRow | undefined) => {
      if (row !== undefined) left.delete(row.id);
      return row;
    };
    const byName = wanted.map(({ type, content }) =>
      take([...left.values()].find((row) => row.type === type && row.name === content.name)),
    );
    const kept = wanted.map(({ id, type }, i) => {
      const renamed = left.get(id ?? "");
      return byName[i] ?? take(renamed?.type === type ? renamed : undefined);
    });
    if ([...left.values()].some(({ type }) => type === Type.PrimaryEntryPoint)) throw new ApiError("ENTRY_POINT_KEPT");
    await deleteCommands(tx, [...left.keys()]);
    const rows = wanted.map(({ type, content }, i) => kept[i] ?? newRow(app, scope, type, content));
    checkCounts(rows);
    await insertAll(
      tx,
      scope,
      rows.filter((_, i) => kept[i] === undefined),
    );
    return Promise.all(wanted.map(({ content }, i) => overwritten(app, tx, kept[i], rows[i], content)));
  });
}

async function overwritten(
  app: App,
  tx: Transaction,
  before: CommandRow | undefined,
  made: CommandRow | undefined,
  content: CommandContent,
): Promise<CommandRow> {
  if (before !== undefined) return write(app, tx, before, content);
  if (made === undefined) throw new TypeError("a command was neither there nor made");
  return made;
}

/** Writes a command's new content, with a new version, if it differs from what it has. */
async function write(app: App, tx: Transaction, before: CommandRow, content: CommandContent): Promise<CommandRow> {
  const after = { ...before, ...content };
  if (isDeepStrictEqual(after, before)) return before;
  const version = app.nextId();
  await updateCommand(tx, before.id, content, version);
  // https://discord.com/developers/docs/interactions/application-commands#edit-application-command-permissions
  if (content.name !== before.name) await deleteRulesOfCommand(tx, before.id);
  return { ...after, version };
}

function newRow(app: App, scope: CommandScope, type: number, content: CommandContent): CommandRow {
  const id = app.nextId();
  return { id, application_id: scope.applicationId, server_id: scope.guildId, type, ...content, version: app.nextId() };
}

async function insertAll(tx: Transaction, scope: CommandScope, rows: readonly CommandRow[]): Promise<void> {
  if (rows.length === 0) return;
  if ((await countCreates(tx, scope, rows.length)) > MAX_CREATES_A_DAY) throw new ApiError("MAX_COMMAND_CREATES");
  await Promise.all(rows.map((row) => insertCommand(tx, row)));
}

function checkCounts(rows: readonly CommandRow[]): void {
  for (const [type, max] of Object.entries(MAX_OF_TYPE)) {
    if (rows.filter((row) => row.type === Number(type)).length <= max) continue;
    throw new ApiError("MAX_COMMANDS", undefined, `Maximum number of application commands reached (${max})`);
  }
}

/** How an application can be installed; null for commands of one guild, which are there without being installed. */
function installsOf(application: ApplicationRow, scope: CommandScope): number[] | null {
  return scope.guildId === null ? Object.keys(application.integration_types_config).map(Number) : null;
}

/**
 * A global command is for ways in which its application can be installed. Only applications with an Activity have an
 * entry point, and none of one guild.
 */
function placeFaults(type: Type, content: CommandContent, application: ApplicationRow, scope: CommandScope): Fault[] {
  const installs = installsOf(application, scope) ?? content.integration_types;
  const faults = content.integration_types.flatMap((each, i): Fault[] => {
    if (installs.includes(each)) return [];
    const message = "The application can't be installed so: see its integration_types_config.";
    return [{ path: ["integration_types", i], code: "BASE_TYPE_CHOICES", message }];
  });
  if (type !== Type.PrimaryEntryPoint) return faults;
  const embedded = (BigInt(application.flags) & BigInt(ApplicationFlags.Embedded)) !== 0n;
  if (embedded && scope.guildId === null) return faults;
  const message = embedded
    ? "Entry point commands can only be global"
    : "Entry point commands are for applications with an Activity";
  return [...faults, { path: ["type"], code: "APPLICATION_COMMAND_TYPE_INVALID", message }];
}

function repeated(wanted: readonly { type: number; content: CommandContent }[]): Fault[] {
  const seen = new Set<string>();
  return wanted.flatMap(({ type, content }, i) => {
    const key = `${type} ${content.name}`;
    if (!seen.has(key)) {
      seen.add(key);
      return [];
    }
    return [
      { path: [i], code: "APPLICATION_COMMANDS_DUPLICATE_NAME", message: "Application command names must be unique" },
    ];
  });
}

const under = (i: number, faults: readonly Fault[]): Fault[] =>
  faults.map((each) => ({ ...each, path: [i, ...each.path] }));

function refuse(faults: readonly Fault[]): void {
  if (faults.length > 0) throw new ApiError("INVALID_FORM", formErrors(faults));
}
