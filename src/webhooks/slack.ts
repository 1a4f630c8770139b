import { z } from "zod";
import { httpUrl, isMoment } from "../fields.ts";
import { EMBED_LIMITS, type Embed, isVisible, type WebhookMessage } from "../messages/body.ts";
import { cut, fitEmbeds } from "./embeds.ts";
import { linksOf, showBlocks } from "./slack-blocks.ts";
import { markdownOf, unescapeSlack } from "./slack-markup.ts";

/** Discord takes texts of this length here, and cuts what it shows. */
const long = z.string().max(152_133).nullish();
/** Some senders leave empty what they don't have. */
const url = z.preprocess((value) => (value === "" ? null : value), httpUrl.nullish());
const NAMED_COLORS: Readonly<Record<string, number>> = { good: 0x2eb67d, warning: 0xecb22e, danger: 0xe01e5a };

/** https://docs.slack.dev/legacy/legacy-messaging/legacy-secondary-message-attachments */
const attachment = z.object({
  fallback: long,
  pretext: long,
  title: long,
  title_link: url,
  text: long,
  color: z
    .string()
    .max(7)
    .regex(/^(#?([0-9a-f]{3}){1,2}|good|warning|danger)?$/i, "Not a well formed color.")
    .nullish(),
  author_name: long,
  author_link: url,
  author_icon: url,
  image_url: url,
  thumb_url: url,
  footer: long,
  footer_icon: url,
  ts: z.coerce.number().nullish(),
  fields: z
    .array(z.object({ title: long, value: long, short: z.boolean().nullish() }))
    .max(1521)
    .nullish(),
  /** Of these only buttons that lead somewhere are shown, as links. */
  actions: z.array(z.unknown()).max(1521).nullish(),
  blocks: z.array(z.unknown()).max(1521).nullish(),
});

/** What Slack's incoming webhooks take. https://discord.com/developers/docs/resources/webhook#execute-slackcompatible-webhook */
export const slackMessage = z.object({
  text: z.string().max(2000).nullish(),
  username: long,
  icon_url: url,
  attachments: z.array(attachment).max(1521).nullish(),
  blocks: z.array(z.unknown()).max(1521).nullish(),
});

export function fromSlack(body: z.infer<typeof slackMessage>): WebhookMessage {
  const username = cut(body.username?.trim(), 80);
  const { text, images } = showBlocks(body.blocks ?? []);
  // Beside blocks the text is only what Slack shows in notifications; what is too long for a message fits an embed.
  const content = text === "" ? markdown(body.text, 2000) : text.length > 2000 ? "" : text;
  const blocks = text.length > 2000 ? [{ description: text }, ...images] : images;
  const attachments = (body.attachments ?? []).slice(0, EMBED_LIMITS.count);
  return {
    content: cut(content, 2000),
    ...(username === undefined ? {} : { username }),
    ...(body.icon_url ? { avatar_url: body.icon_url } : {}),
    embeds: fitEmbeds([...blocks, ...attachments.flatMap(embedsOf)]),
  };
}

/** One, and one for each image of its blocks. */
function embedsOf(one: z.infer<typeof attachment>): Embed[] {
  const shown = showBlocks(one.blocks ?? []);
  const fallback = one.title || shown.text !== "" || shown.images.length > 0 ? null : one.fallback;
  const said = markdown(
    [one.pretext, one.text ?? fallback].filter((part) => part).join("\n"),
    EMBED_LIMITS.description,
  );
  return [embedOf(one, [said, shown.text, linksOf(one.actions ?? [])]), ...shown.images].filter(isVisible);
}

function embedOf(one: z.infer<typeof attachment>, text: readonly string[]): Embed {
  return {
    title: one.title && unescapeSlack(one.title),
    url: one.title_link,
    description: text.filter((part) => part !== "").join("\n"),
    ...(one.color ? { color: colorOf(one.color) } : {}),
    // Some send milliseconds; what is no time then is not worth a refusal.
    ...(one.ts && isMoment(one.ts * 1000) ? { timestamp: new Date(one.ts * 1000).toISOString() } : {}),
    ...(one.author_name ? { author: { name: one.author_name, url: one.author_link, icon_url: one.author_icon } } : {}),
    ...(one.footer ? { footer: { text: unescapeSlack(one.footer), icon_url: one.footer_icon } } : {}),
    ...(one.image_url ? { image: { url: one.image_url } } : {}),
    ...(one.thumb_url ? { thumbnail: { url: one.thumb_url } } : {}),
    fields: (one.fields ?? []).slice(0, EMBED_LIMITS.fields).map(({ title, value, short }) => ({
      name: unescapeSlack(title ?? ""),
      value: markdown(value, EMBED_LIMITS.fieldValue),
      inline: short ?? false,
    })),
  };
}

const markdown = (text: string | null | undefined, limit: number): string => markdownOf(cut(text, limit) ?? "");

/** `#rgb` and `#rrggbb`, with or without the sign, and Slack's own names. */
function colorOf(color: string): number {
  const hex = color.replace("#", "").toLowerCase();
  const named = NAMED_COLORS[hex];
  if (named !== undefined) return named;
  return Number.parseInt(hex.length === 3 ? hex.replaceAll(/./g, "$&$&") : hex, 16);
}
