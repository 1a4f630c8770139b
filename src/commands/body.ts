import { ApplicationCommandType as Type } from "discord-api-types/v10";
import { z } from "zod";
import type { CommandContent } from "../../core/wire/command.ts";
import { characters, permissionBits, snowflake } from "../fields.ts";
import { differing, localizations } from "./localizations.ts";
import { commandOptions } from "./options.ts";

const GUILD = 0;

const fields = {
  name_localizations: localizations(characters(1, 32)),
  description: characters(0, 100).nullish(),
  description_localizations: localizations(characters(1, 100)),
  options: commandOptions.nullish(),
  default_member_permissions: permissionBits.nullish(),
  default_permission: z.boolean().nullish(),
  dm_permission: z.boolean().nullish(),
  nsfw: z.boolean().nullish(),
  integration_types: z
    .array(z.literal([0, 1]))
    .min(1)
    .max(2)
    .nullish(),
  contexts: z
    .array(z.literal([0, 1, 2]))
    .min(1)
    .max(3)
    .nullish(),
  handler: z.literal([1, 2]).nullish(),
};

/** https://discord.com/developers/docs/interactions/application-commands#create-global-application-command */
export const newCommand = z.object({
  type: z.literal([Type.ChatInput, Type.User, Type.Message, Type.PrimaryEntryPoint]).nullish(),
  name: characters(1, 32),
  ...fields,
});
export const commandPatch = z.object({ name: characters(1, 32).optional(), ...fields });
/** As many as an application can have of all types together. */
export const commandList = z.array(newCommand.extend({ id: snowflake.nullish() })).max(131);

export type CommandBody = z.infer<typeof newCommand>;
export type CommandPatch = z.infer<typeof commandPatch>;
export type ListedCommand = z.infer<typeof commandList>[number];

const NEW: CommandContent = {
  name: "",
  name_localizations: null,
  description: "",
  description_localizations: null,
  options: [],
  default_member_permissions: null,
  nsfw: false,
  integration_types: [0],
  contexts: null,
  handler: null,
};

/**
 * What a command says when it has got a body: fields that the body leaves out stay as they were.
 * @param installs how its application can be installed, for a global command: only such have contexts
 */
export function contentOf(
  body: CommandPatch,
  installs: readonly number[] | null,
  before: CommandContent = { ...NEW, integration_types: [...(installs ?? NEW.integration_types)] },
): CommandContent {
  const name = body.name ?? before.name;
  const description = body.description === undefined ? before.description : (body.description ?? "");
  const nameTexts = body.name_localizations === undefined ? before.name_localizations : body.name_localizations;
  const descriptionTexts =
    body.description_localizations === undefined ? before.description_localizations : body.description_localizations;
  return {
    name,
    name_localizations: differing(nameTexts, name),
    description,
    description_localizations: differing(descriptionTexts, description),
    options: body.options === undefined ? before.options : (body.options ?? []),
    default_member_permissions: memberPermissions(body, before),
    nsfw: body.nsfw ?? before.nsfw,
    integration_types:
      installs !== null ? sorted(body.integration_types ?? before.integration_types) : NEW.integration_types,
    contexts: installs !== null ? contexts(body, before) : null,
    handler: body.handler ?? before.handler,
  };
}

function memberPermissions(body: CommandPatch, before: CommandContent): string | null {
  const { default_member_permissions: bits } = body;
  if (bits !== undefined) return bits === null ? null : bits.toString();
  // Its older form: not for everybody.
  return body.default_permission === false ? "0" : before.default_member_permissions;
}

/** dm_permission is the older form of what contexts say. */
function contexts(body: CommandPatch, before: CommandContent): number[] | null {
  if (body.contexts != null) return sorted(body.contexts);
  if (body.dm_permission === false) return [GUILD];
  return body.contexts === null || body.dm_permission === true ? null : before.contexts;
}

const sorted = (numbers: readonly number[]): number[] => [...new Set(numbers)].sort((a, b) => a - b);
