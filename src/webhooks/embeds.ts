import { beginningOf } from "../../core/text.ts";
import { EMBED_LIMITS, type Embed, embedLength } from "../messages/body.ts";

/** Text cut to a limit, with an ellipsis where something is missing. Undefined for none. */
export function cut(text: string | null | undefined, limit: number): string | undefined {
  if (!text) return undefined;
  return text.length <= limit ? text : `${beginningOf(text, limit - 1)}…`;
}

/**
 * An embed with everything cut to its limit: other platforms' senders don't know Discord's, and a notification that is
 * cut is worth more than one that is refused.
 */
export function fitEmbed(embed: Embed): Embed {
  const { footer, author, fields } = embed;
  return {
    ...embed,
    title: cut(embed.title, EMBED_LIMITS.title),
    description: cut(embed.description, EMBED_LIMITS.description),
    ...(footer ? { footer: { ...footer, text: cut(footer.text, EMBED_LIMITS.footer) ?? "" } } : {}),
    ...(author ? { author: { ...author, name: cut(author.name, EMBED_LIMITS.author) ?? "" } } : {}),
    fields: (fields ?? []).slice(0, EMBED_LIMITS.fields).map(({ name, value, inline }) => ({
      name: cut(name, EMBED_LIMITS.fieldName) ?? "\u200b",
      value: cut(value, EMBED_LIMITS.fieldValue) ?? "\u200b",
      inline: inline ?? false,
    })),
  };
}

/** As many of the embeds as a message takes. */
export function fitEmbeds(embeds: readonly Embed[]): Embed[] {
  const fitting: Embed[] = [];
  let left = EMBED_LIMITS.total;
  for (const embed of embeds.slice(0, EMBED_LIMITS.count).map(fitEmbed)) {
    left -= embedLength(embed);
    if (left < 0) break;
    fitting.push(embed);
  }
  return fitting;
}
