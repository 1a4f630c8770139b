import { ApplicationCommandOptionType as Type } from "discord-api-types/v10";
import { z } from "zod";
import type { CommandChoice, CommandOption } from "../../core/wire/command.ts";
import { characters } from "../fields.ts";
import { differing, localizations } from "./localizations.ts";

/** https://discord.com/developers/docs/interactions/application-commands#application-command-object-application-command-option-structure */
const MAX_OPTIONS = 25;
const MAX_CHOICES = 25;
const MAX_TEXT = 6000;
const MAX_NUMBER = 2 ** 53;

/** Long integers arrive as texts: core/json.ts. */
const numeric = z.union(
  [
    z.number(),
    z
      .string()
      .regex(/^-?\d{1,17}$/, "Value is not a number.")
      .transform(Number),
  ],
  { error: "Value is not a number." },
);
const integer = numeric.pipe(z.int());
const double = numeric.pipe(z.number().min(-MAX_NUMBER).max(MAX_NUMBER));

const FILE_TYPE = /^(image|video|audio|\.[a-z0-9][a-z0-9.+_-]*)$/;
const fileType = z
  .string()
  .min(1)
  .max(16)
  .transform((type) => type.toLowerCase())
  .pipe(z.string().regex(FILE_TYPE, "Value is neither a group of file types nor an extension with its dot."));

const texts = {
  name: characters(1, 32),
  name_localizations: localizations(characters(1, 32)),
  description: characters(1, 100),
  description_localizations: localizations(characters(1, 100)),
};
const parameter = { ...texts, required: z.boolean().nullish() };
const choicesOf = <T extends string | number>(value: z.ZodType<T>) =>
  z
    .array(z.object({ name: characters(1, 100), name_localizations: localizations(characters(1, 100)), value }))
    .max(MAX_CHOICES)
    .nullish();
const suggested = { ...parameter, autocomplete: z.boolean().nullish() };

const plain = <T extends Type>(type: T) => z.object({ type: z.literal(type), ...parameter });
const parameters = [
  z.object({
    type: z.literal(Type.String),
    ...suggested,
    choices: choicesOf(characters(0, 100)),
    min_length: z.int().min(0).max(MAX_TEXT).nullish(),
    max_length: z.int().min(1).max(MAX_TEXT).nullish(),
  }),
  z.object({
    type: z.literal(Type.Integer),
    ...suggested,
    choices: choicesOf(integer),
    min_value: integer.nullish(),
    max_value: integer.nullish(),
  }),
  z.object({
    type: z.literal(Type.Number),
    ...suggested,
    choices: choicesOf(double),
    min_value: double.nullish(),
    max_value: double.nullish(),
  }),
  z.object({
    type: z.literal(Type.Channel),
    ...parameter,
    channel_types: z.array(z.int().min(0).max(16)).max(MAX_OPTIONS).nullish(),
  }),
  z.object({ type: z.literal(Type.Attachment), ...parameter, file_types: z.array(fileType).max(10).nullish() }),
  plain(Type.Boolean),
  plain(Type.User),
  plain(Type.Role),
  plain(Type.Mentionable),
] as const;

const optionsOf = <T extends ParsedOption>(option: z.ZodType<T>) => z.array(option).max(MAX_OPTIONS).nullish();
const subcommand = z.object({
  type: z.literal(Type.Subcommand),
  ...texts,
  options: optionsOf(z.discriminatedUnion("type", parameters)),
});
const group = z.object({
  type: z.literal(Type.SubcommandGroup),
  ...texts,
  options: optionsOf(z.discriminatedUnion("type", [subcommand])),
});

/** A command's options as they come: what may stand where, and the bounds of each value. */
export const commandOptions = z
  .array(z.discriminatedUnion("type", [subcommand, group, ...parameters]))
  .max(MAX_OPTIONS)
  .transform((options) => options.map(stored));

interface ParsedChoice {
  name: string;
  name_localizations?: CommandOption["name_localizations"] | null | undefined;
  value: string | number;
}

/** What options of all types have together. */
interface ParsedOption {
  type: Type;
  name: string;
  name_localizations?: CommandOption["name_localizations"] | null | undefined;
  description: string;
  description_localizations?: CommandOption["description_localizations"] | null | undefined;
  required?: boolean | null | undefined;
  autocomplete?: boolean | null | undefined;
  choices?: ParsedChoice[] | null | undefined;
  options?: ParsedOption[] | null | undefined;
  channel_types?: number[] | null | undefined;
  min_value?: number | null | undefined;
  max_value?: number | null | undefined;
  min_length?: number | null | undefined;
  max_length?: number | null | undefined;
  file_types?: string[] | null | undefined;
}

/**
 * As it was given, since libraries compare what they registered with what they would register: without nulls, and
 * without localizations that equal the text itself.
 */
function stored(option: ParsedOption): CommandOption {
  const { type, name, description } = option;
  const nameTexts = differing(option.name_localizations, name);
  const descriptionTexts = differing(option.description_localizations, description);
  return {
    type,
    name,
    ...(nameTexts === null ? {} : { name_localizations: nameTexts }),
    description,
    ...(descriptionTexts === null ? {} : { description_localizations: descriptionTexts }),
    ...(option.required == null ? {} : { required: option.required }),
    ...(option.autocomplete == null ? {} : { autocomplete: option.autocomplete }),
    ...(option.choices == null ? {} : { choices: option.choices.map(storedChoice) }),
    ...(option.options == null ? {} : { options: option.options.map(stored) }),
    ...(option.channel_types == null ? {} : { channel_types: [...new Set(option.channel_types)] }),
    ...(option.min_value == null ? {} : { min_value: option.min_value }),
    ...(option.max_value == null ? {} : { max_value: option.max_value }),
    ...(option.min_length == null ? {} : { min_length: option.min_length }),
    ...(option.max_length == null ? {} : { max_length: option.max_length }),
    ...(option.file_types == null ? {} : { file_types: [...new Set(option.file_types)] }),
  };
}

function storedChoice({ name, name_localizations, value }: ParsedChoice): CommandChoice {
  const texts = differing(name_localizations, name);
  return { name, ...(texts === null ? {} : { name_localizations: texts }), value };
}
