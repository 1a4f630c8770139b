import type { ApplicationCommandOptionType } from "discord-api-types/v10";

/** Texts by locale. */
export type Localizations = Readonly<Record<string, string>>;

export interface CommandChoice {
  name: string;
  name_localizations?: Localizations;
  value: string | number;
}

/** As stored and as told; what is null is left out. */
export interface CommandOption {
  type: ApplicationCommandOptionType;
  name: string;
  name_localizations?: Localizations;
  description: string;
  description_localizations?: Localizations;
  required?: boolean;
  autocomplete?: boolean;
  choices?: CommandChoice[];
  /** Of groups their subcommands, of subcommands their options. */
  options?: CommandOption[];
  channel_types?: number[];
  min_value?: number;
  max_value?: number;
  min_length?: number;
  max_length?: number;
  file_types?: string[];
}

/** What an application says of a command. */
export interface CommandContent {
  name: string;
  name_localizations: Localizations | null;
  description: string;
  description_localizations: Localizations | null;
  options: CommandOption[];
  /** A bit field. */
  default_member_permissions: string | null;
  nsfw: boolean;
  integration_types: number[];
  contexts: number[] | null;
  handler: number | null;
}

export interface CommandRow extends CommandContent {
  id: string;
  application_id: string;
  /** Null for global ones. */
  server_id: string | null;
  type: number;
  version: string;
}

const BOT_DM = 1;

/**
 * https://discord.com/developers/docs/interactions/application-commands#application-command-object
 * @param locale whose texts are told in place of all localizations; undefined for all of them
 */
export function wireCommand(row: CommandRow, locale?: string) {
  return {
    id: row.id,
    application_id: row.application_id,
    version: row.version,
    default_member_permissions: row.default_member_permissions,
    type: row.type,
    name: row.name,
    description: row.description,
    ...(locale === undefined
      ? { name_localizations: row.name_localizations, description_localizations: row.description_localizations }
      : localTexts(row, locale)),
    ...(row.server_id === null
      ? {
          dm_permission: row.contexts === null || row.contexts.includes(BOT_DM),
          contexts: row.contexts,
          integration_types: row.integration_types,
        }
      : { guild_id: row.server_id }),
    ...(row.options.length === 0 ? {} : { options: row.options.map((option) => wireOption(option, locale)) }),
    nsfw: row.nsfw,
    ...(row.handler === null ? {} : { handler: row.handler }),
  };
}

function wireOption(option: CommandOption, locale: string | undefined): object {
  const { choices, options } = option;
  return {
    ...(locale === undefined ? option : localized(option, locale)),
    ...(choices === undefined || locale === undefined ? {} : { choices: choices.map((one) => localized(one, locale)) }),
    ...(options === undefined ? {} : { options: options.map((one) => wireOption(one, locale)) }),
  };
}

interface Texts {
  name_localizations?: Localizations | null;
  description_localizations?: Localizations | null;
}

function localized<T extends Texts>(texts: T, locale: string) {
  const { name_localizations, description_localizations, ...rest } = texts;
  return { ...rest, ...localTexts(texts, locale) };
}

function localTexts({ name_localizations, description_localizations }: Texts, locale: string) {
  const name = inLocale(name_localizations, locale);
  const description = inLocale(description_localizations, locale);
  return {
    ...(name === undefined ? {} : { name_localized: name }),
    ...(description === undefined ? {} : { description_localized: description }),
  };
}

/** https://discord.com/developers/docs/interactions/application-commands#locale-fallbacks */
const FALLBACK: Localizations = { "en-US": "en-GB", "en-GB": "en-US", "es-419": "es-ES" };

function inLocale(texts: Localizations | null | undefined, locale: string): string | undefined {
  return texts?.[locale] ?? texts?.[FALLBACK[locale] ?? ""];
}
