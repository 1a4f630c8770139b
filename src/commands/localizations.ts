import { Locale } from "discord-api-types/v10";
import { z } from "zod";
import type { Localizations } from "../../core/wire/command.ts";
import type { Request } from "../route.ts";

const LOCALES: ReadonlySet<string> = new Set(Object.values(Locale));

/** Texts by locale; a null one is none. https://discord.com/developers/docs/reference#locales */
export const localizations = (text: z.ZodType<string>) =>
  z
    .record(z.string(), text.nullable())
    .superRefine((texts, context) => {
      for (const locale of Object.keys(texts).filter((key) => !LOCALES.has(key))) {
        const message = `Value "${locale.slice(0, 32)}" is not a valid enum value.`;
        context.addIssue({
          code: "custom",
          path: [locale.slice(0, 32)],
          message,
          params: { code: "ENUM_TYPE_COERCE" },
        });
      }
    })
    .transform(
      (texts): Localizations =>
        Object.fromEntries(Object.entries(texts).flatMap(([key, value]) => (value === null ? [] : [[key, value]]))),
    )
    .nullish();

/** Those that say something else than the text itself; null when none do. */
export function differing(texts: Localizations | null | undefined, text: string): Localizations | null {
  const different = Object.entries(texts ?? {}).filter(([, value]) => value !== text);
  return different.length === 0 ? null : Object.fromEntries(different);
}

/** The locale of who asks. */
export function localeOf({ http, caller }: Pick<Request<unknown, unknown>, "http" | "caller">): string {
  return requestedLocale((name) => http.req.header(name), caller?.user.locale ?? Locale.EnglishUS);
}

/**
 * The locale that a client asks for. https://discord.com/developers/docs/interactions/application-commands#retrieving-localized-commands
 * @param own the user's setting, for those who don't ask
 */
function requestedLocale(header: (name: string) => string | undefined, own: string): string {
  const chosen = header("x-discord-locale");
  if (chosen !== undefined) return known(chosen) ?? own;
  const accepted = (header("accept-language") ?? "").slice(0, 512).split(",").map(weighed);
  accepted.sort((a, b) => b.weight - a.weight);
  return accepted.map(({ tag }) => known(tag)).find((locale) => locale !== undefined) ?? own;
}

function weighed(part: string): { tag: string; weight: number } {
  const [tag = "", ...parameters] = part.split(";").map((each) => each.trim());
  const weight = parameters.map((each) => /^q=([\d.]+)$/.exec(each)?.[1]).find((value) => value !== undefined);
  return { tag, weight: weight === undefined ? 1 : Number(weight) };
}

/** The locale that a language tag means: itself, its language alone, or the first of that language. */
function known(tag: string): string | undefined {
  const wanted = tag.toLowerCase();
  const language = wanted.split("-")[0] ?? "";
  const all = [...LOCALES];
  return (
    all.find((locale) => locale.toLowerCase() === wanted) ??
    all.find((locale) => locale === language) ??
    (language === "en" ? Locale.EnglishUS : all.find((locale) => locale.startsWith(`${language}-`)))
  );
}
