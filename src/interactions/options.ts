import { ApplicationCommandOptionType as OptionType } from "discord-api-types/v10";
import { beginningOf } from "../../core/text.ts";
import type { CommandOption } from "../../core/wire/command.ts";
import type { GivenOption } from "./body.ts";
import type { Named } from "./resolved.ts";

type Path = readonly (string | number)[];

export interface Fault {
  path: Path;
  code: string;
  message: string;
}

/** An option as the application is told of it. */
interface DataOption {
  type: number;
  name: string;
  value?: string | number | boolean;
  focused?: true;
  options?: DataOption[];
}

/** What a person has filled in. */
export interface ReadOptions {
  options: DataOption[];
  /** Of the subcommand, with its group's before it. */
  names: string[];
  named: Named[];
  /** Options that are files: places in `attachments`, and what files they may be. */
  files: { option: DataOption; index: string; types: readonly string[] | undefined; path: Path }[];
  /** The option that is being written. */
  focused: CommandOption | undefined;
  faults: Fault[];
}

/** Where nothing is said of an option. https://discord.com/developers/docs/interactions/application-commands#application-command-object-application-command-option-structure */
const MAX_TEXT = 6000;

/**
 * Reads what a person has filled in of a command, against what the application said of it. Pure.
 * @param writing while it is written, for autocomplete: what is missing may still come
 */
export function readOptions(
  known: readonly CommandOption[],
  given: readonly GivenOption[],
  writing: boolean,
  path: Path = ["data", "options"],
): ReadOptions {
  const read: ReadOptions = { options: [], names: [], named: [], files: [], focused: undefined, faults: [] };
  readLevel(known, given, writing, path, read.options, read);
  if (writing && read.focused === undefined) {
    read.faults.push({ path, code: "BASE_TYPE_REQUIRED", message: "One option must be focused" });
  }
  return read;
}

const nests = ({ type }: { type: number }): boolean =>
  type === OptionType.Subcommand || type === OptionType.SubcommandGroup;

function readLevel(
  known: readonly CommandOption[],
  given: readonly GivenOption[],
  writing: boolean,
  path: Path,
  into: DataOption[],
  read: ReadOptions,
): void {
  const seen = new Set<string>();
  for (const [i, one] of given.entries()) {
    const at = [...path, i];
    const option = known.find(({ name, type }) => name === one.name && type === one.type);
    if (option === undefined || seen.has(one.name)) {
      read.faults.push({ path: at, code: "INTERACTION_APPLICATION_COMMAND_OPTION_INVALID", message: "Invalid option" });
      continue;
    }
    seen.add(one.name);
    if (nests(option)) {
      read.names.push(option.name);
      const options: DataOption[] = [];
      into.push({ type: option.type, name: option.name, options });
      readLevel(option.options ?? [], one.options ?? [], writing, [...at, "options"], options, read);
    } else readValue(option, one, writing, [...at, "value"], into, read);
  }
  if (known.some(nests) && given.length !== 1) {
    read.faults.push({ path, code: "BASE_TYPE_BAD_LENGTH", message: "Must be 1 in length." });
  }
  if (writing || known.some(nests)) return;
  for (const { name, required } of known) {
    if (required !== true || seen.has(name)) continue;
    const message = `This field is required: ${name}`;
    read.faults.push({ path, code: "BASE_TYPE_REQUIRED", message });
  }
}

function readValue(
  option: CommandOption,
  given: GivenOption,
  writing: boolean,
  path: Path,
  into: DataOption[],
  read: ReadOptions,
): void {
  const { type, name } = option;
  if (writing && given.focused === true) {
    if (option.autocomplete !== true || read.focused !== undefined) {
      read.faults.push({ path, code: "BASE_TYPE_INVALID", message: "This option is not autocompleted" });
      return;
    }
    read.focused = option;
    // Whatever has been typed so far, which needn't be a number yet.
    into.push({ type, name, value: beginningOf(String(given.value ?? ""), MAX_TEXT), focused: true });
    return;
  }
  const outcome = readOption(option, given.value);
  if ("fault" in outcome) {
    // What is written later may still be wrong, and is left out until then.
    if (!writing) read.faults.push({ path, ...outcome.fault });
    return;
  }
  const told: DataOption = { type, name, value: outcome.value };
  into.push(told);
  const id = String(outcome.value);
  if (type === OptionType.User) read.named.push({ kind: "user", id, path });
  if (type === OptionType.Role) read.named.push({ kind: "role", id, path });
  if (type === OptionType.Mentionable) read.named.push({ kind: "mentionable", id, path });
  if (type === OptionType.Channel) read.named.push({ kind: "channel", id, path, channelTypes: option.channel_types });
  if (type === OptionType.Attachment) read.files.push({ option: told, index: id, types: option.file_types, path });
}

type Outcome = { value: string | number | boolean } | { fault: Omit<Fault, "path"> };

const wrong = (code: string, message: string): Outcome => ({ fault: { code, message } });

function readOption(option: CommandOption, given: GivenOption["value"]): Outcome {
  switch (option.type) {
    case OptionType.String:
      return textOf(option, given);
    case OptionType.Integer:
    case OptionType.Number:
      return numberOf(option, given);
    case OptionType.Boolean:
      return typeof given === "boolean" ? { value: given } : wrong("BASE_TYPE_BAD_TYPE", "Value must be a boolean.");
    default: {
      const id = String(given ?? "");
      if (typeof given !== "boolean" && /^\d{1,19}$/.test(id)) return { value: id };
      return wrong("NUMBER_TYPE_COERCE", `Value "${id.slice(0, 64)}" is not snowflake.`);
    }
  }
}

function textOf(option: CommandOption, given: GivenOption["value"]): Outcome {
  if (typeof given !== "string") return wrong("BASE_TYPE_BAD_TYPE", "Value must be of type string.");
  const [min, max] = [option.min_length ?? 0, option.max_length ?? MAX_TEXT];
  const length = [...given].length;
  if (length < min || length > max) {
    return wrong("BASE_TYPE_BAD_LENGTH", `Must be between ${min} and ${max} in length.`);
  }
  return amongChoices(option, given);
}

/** Whole numbers of 16 digits and more arrive as texts: core/json.ts. */
function numberOf(option: CommandOption, given: GivenOption["value"]): Outcome {
  const value = typeof given === "string" && /^-?\d{1,17}$/.test(given) ? Number(given) : given;
  if (typeof value !== "number") return wrong("BASE_TYPE_BAD_TYPE", "Value must be a number.");
  if (Math.abs(value) > Number.MAX_SAFE_INTEGER) return wrong("NUMBER_TYPE_MAX", "Value is too large.");
  if (option.type === OptionType.Integer && !Number.isInteger(value)) {
    return wrong("NUMBER_TYPE_COERCE", `Value "${value}" is not int.`);
  }
  if (option.min_value !== undefined && value < option.min_value) {
    return wrong("NUMBER_TYPE_MIN", `Value should be greater than or equal to ${option.min_value}.`);
  }
  if (option.max_value !== undefined && value > option.max_value) {
    return wrong("NUMBER_TYPE_MAX", `Value should be less than or equal to ${option.max_value}.`);
  }
  return amongChoices(option, value);
}

function amongChoices({ choices }: CommandOption, value: string | number): Outcome {
  if (choices === undefined || choices.length === 0 || choices.some((choice) => choice.value === value))
    return { value };
  return wrong("BASE_TYPE_CHOICES", "Value must be one of the choices.");
}
