import { ApplicationCommandOptionType as OptionType, ApplicationCommandType as Type } from "discord-api-types/v10";
import type { CommandContent, CommandOption, Localizations } from "../../core/wire/command.ts";

export interface Fault {
  path: (string | number)[];
  code: string;
  message: string;
}

/** https://discord.com/developers/docs/interactions/application-commands#application-command-object-application-command-naming */
const NAME = /^[-_'\p{L}\p{N}\p{sc=Deva}\p{sc=Thai}]{1,32}$/u;
/** https://discord.com/developers/docs/interactions/application-commands#slash-commands */
const MAX_SIZE = 8000;

/** What is wrong with a command that its schema doesn't tell, as it depends on its type or on several fields. */
export function faultsOf(type: Type, content: CommandContent): Fault[] {
  const faults = type === Type.ChatInput ? chatInputFaults(content) : [...menuFaults(type, content)];
  if (content.handler !== null && type !== Type.PrimaryEntryPoint) {
    faults.push(fault(["handler"], "BASE_TYPE_INVALID", "Only primary entry point commands have a handler"));
  }
  if (sizeOf(content) > MAX_SIZE) {
    faults.push(fault([], "APPLICATION_COMMAND_TOO_LARGE", `Command exceeds maximum size (${MAX_SIZE})`));
  }
  return faults;
}

function fault(path: (string | number)[], code: string, message: string): Fault {
  return { path, code, message };
}

function chatInputFaults(content: CommandContent): Fault[] {
  return [
    ...nameFaults(content, []),
    ...descriptionFaults(content, []),
    ...optionsFaults(content.options, ["options"]),
  ];
}

/** Of what is invoked from a menu: no description, no options, and names for people to read. */
function* menuFaults(type: Type, content: CommandContent): Generator<Fault> {
  for (const [name, path] of named(content.name, content.name_localizations, [])) {
    if (/\p{Cc}/u.test(name) || name.trim() === "") {
      yield fault(path, "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid");
    }
  }
  if (content.options.length > 0) {
    yield fault(["options"], "APPLICATION_COMMAND_INVALID_OPTIONS", "Context menu commands cannot have options");
  }
  if (type === Type.PrimaryEntryPoint) return;
  if (content.description !== "" || content.description_localizations !== null) {
    const message = "Context menu commands cannot have description";
    yield fault(["description"], "APPLICATION_COMMAND_INVALID_DESCRIPTION", message);
  }
}

interface Named {
  name: string;
  name_localizations?: Localizations | null;
}

function* nameFaults({ name, name_localizations }: Named, at: (string | number)[]): Generator<Fault> {
  for (const [text, path] of named(name, name_localizations, at)) {
    if (!NAME.test(text)) {
      yield fault(path, "STRING_TYPE_REGEX", "String value did not match validation regex.");
    } else if (text !== text.toLowerCase()) {
      yield fault(path, "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid");
    }
  }
}

/** A name and its localizations, each with its path. */
function named(
  name: string,
  localizations: Localizations | null | undefined,
  at: (string | number)[],
): [string, (string | number)[]][] {
  const texts = Object.entries(localizations ?? {});
  return [
    [name, [...at, "name"]],
    ...texts.map(([locale, text]): [string, (string | number)[]] => [text, [...at, "name_localizations", locale]]),
  ];
}

function* descriptionFaults({ description }: { description: string }, at: (string | number)[]): Generator<Fault> {
  if (description.trim() === "") yield fault([...at, "description"], "BASE_TYPE_REQUIRED", "This field is required");
}

function* optionsFaults(options: readonly CommandOption[], at: (string | number)[]): Generator<Fault> {
  const nested = options.some(isNested);
  let optional = false;
  for (const [i, option] of options.entries()) {
    const path = [...at, i];
    if (nested && !isNested(option)) {
      const message = "Sub-command and sub-command group option types are mutually exclusive to all other types";
      yield fault(path, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", message);
    } else if (option.required === true && optional) {
      const message = "Required options must be placed before non-required options";
      yield fault(path, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", message);
    }
    optional ||= option.required !== true;
    yield* nameFaults(option, path);
    yield* descriptionFaults(option, path);
    yield* valueFaults(option, path);
    if (option.options !== undefined) yield* optionsFaults(option.options, [...path, "options"]);
  }
  yield* repeatedNames(options, at);
}

const isNested = ({ type }: CommandOption): boolean =>
  type === OptionType.Subcommand || type === OptionType.SubcommandGroup;

function* valueFaults(option: CommandOption, at: (string | number)[]): Generator<Fault> {
  const { choices, min_value: min, max_value: max, min_length: shortest, max_length: longest } = option;
  if (min !== undefined && max !== undefined && min > max) {
    yield fault([...at, "max_value"], "NUMBER_TYPE_MIN", `Value should be greater than or equal to ${min}.`);
  }
  if (shortest !== undefined && longest !== undefined && shortest > longest) {
    yield fault([...at, "max_length"], "NUMBER_TYPE_MIN", `Value should be greater than or equal to ${shortest}.`);
  }
  if (choices === undefined || choices.length === 0) return;
  if (option.autocomplete === true) {
    yield fault([...at, "autocomplete"], "BASE_TYPE_INVALID", "Options with choices cannot be autocompleted");
  }
  for (const [i, { name }] of choices.entries()) {
    if (name.trim() === "") yield fault([...at, "choices", i, "name"], "BASE_TYPE_REQUIRED", "This field is required");
  }
}

/** Names are unique in a list, in each locale too: there, others go by their own localization or their name. */
function* repeatedNames(list: readonly Named[], at: (string | number)[]): Generator<Fault> {
  const locales = new Set(list.flatMap(({ name_localizations }) => Object.keys(name_localizations ?? {})));
  for (const locale of [undefined, ...locales]) {
    const seen = new Set<string>();
    for (const [i, { name, name_localizations }] of list.entries()) {
      const shown = locale === undefined ? name : (name_localizations?.[locale] ?? name);
      const path = locale === undefined ? [...at, i, "name"] : [...at, i, "name_localizations", locale];
      if (seen.has(shown))
        yield fault(path, "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS", "Option name already exists");
      seen.add(shown);
    }
  }
}

/** Characters of names, descriptions and values; of each localized text, those of its longest form. */
function sizeOf(content: Pick<CommandOption, "options"> & Texts): number {
  return textSize(content) + sum(content.options ?? [], optionSize);
}

interface Texts extends Named {
  description?: string;
  description_localizations?: Localizations | null;
}

function optionSize(option: CommandOption): number {
  return sizeOf(option) + sum(option.choices ?? [], (choice) => textSize(choice) + count(String(choice.value)));
}

function textSize(texts: Texts): number {
  return (
    longest(texts.name, texts.name_localizations) + longest(texts.description ?? "", texts.description_localizations)
  );
}

const longest = (text: string, localizations: Localizations | null | undefined): number =>
  Math.max(...[text, ...Object.values(localizations ?? {})].map(count));

const count = (text: string): number => [...text].length;

const sum = <T>(list: readonly T[], size: (each: T) => number): number =>
  list.reduce((total, each) => total + size(each), 0);
