/** What a reaction's path names. */
export type EmojiName =
  | { type: "unicode"; name: string }
  /** `name` is the sender's word for it: the id alone counts. */
  | { type: "custom"; id: string; name: string };

/**
 * The sequences that Unicode recommends for interchange: skin tones, families, flags, keycaps. As Node's own Unicode
 * tables have them, so a newer Node knows newer emoji. https://www.unicode.org/reports/tr51/#def_rgi_set
 */
const RGI = /^\p{RGI_Emoji}$/v;
/** Discord has the letters of flags as emoji of their own; bots number choices with them. */
const REGIONAL_INDICATOR = /^[\u{1F1E6}-\u{1F1FF}]$/u;
/** Characters that are text unless VS16 follows. */
const TEXT_BY_DEFAULT = /^(?!\p{Emoji_Presentation})\p{Emoji}$/u;
const SKIN_TONE = /^\p{Emoji_Modifier}$/u;
const VS16 = "\ufe0f";
/** Animated ones have an `a:` in front in messages, which some libraries leave there. */
const CUSTOM = /^(?:a:)?(\w{2,32}):(\d{1,19})$/;
/** The longest sequences have ten characters, and those that are left out of some spellings. */
const MAX_LENGTH = 64;

/** @returns undefined for what is no emoji */
export function parseEmoji(text: string): EmojiName | undefined {
  const [, name, id] = CUSTOM.exec(text) ?? [];
  if (name !== undefined && id !== undefined) {
    return BigInt(id) <= MAX_BIGINT ? { type: "custom", id: BigInt(id).toString(), name } : undefined;
  }
  if (text.length > MAX_LENGTH) return undefined;
  const full = fullyQualified(text);
  return RGI.test(full) || REGIONAL_INDICATOR.test(full) ? { type: "unicode", name: full } : undefined;
}

const MAX_BIGINT = 9_223_372_036_854_775_807n;

/**
 * The one spelling of an emoji that may be written with and without VS16, so that both are the same reaction.
 * https://www.unicode.org/reports/tr51/#def_fully_qualified_emoji
 */
function fullyQualified(text: string): string {
  const characters = [...text.replaceAll(VS16, "")];
  return characters
    .map((character, i) => {
      const next = characters[i + 1];
      const toned = next !== undefined && SKIN_TONE.test(next);
      return TEXT_BY_DEFAULT.test(character) && !toned ? character + VS16 : character;
    })
    .join("");
}
