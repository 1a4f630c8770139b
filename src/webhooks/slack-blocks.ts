import { z } from "zod";
import { httpUrl } from "../fields.ts";
import { EMBED_LIMITS, type Embed } from "../messages/body.ts";
import { cut } from "./embeds.ts";
import { markdownOf } from "./slack-markup.ts";

/**
 * Slack's blocks, as far as they say or show something. One of another kind, or with a mistake in it, is passed over:
 * the rest is worth more than a refusal. https://docs.slack.dev/reference/block-kit/blocks
 */
const string = z
  .string()
  .max(152_133)
  // Before markup is looked at: an embed shows no more, and the text may be hostile.
  .transform((it) => cut(it, EMBED_LIMITS.description) ?? "");
/** Plain text and markup alike: plain text seldom has marks at the edges of words. */
const text = z.union([z.object({ text: string }).transform((it) => it.text), string]);
const texts = z.array(z.unknown()).max(1521);

const section = z.object({ type: z.enum(["section", "header"]), text: text.optional(), fields: texts.optional() });
const markdownBlock = z.object({ type: z.literal("markdown"), text: string });
const context = z.object({ type: z.literal("context"), elements: texts });
const actions = z.object({ type: z.literal("actions"), elements: texts });
const image = z.object({ type: z.literal("image"), image_url: httpUrl, title: text.optional() });
const rich = z.object({ type: z.literal("rich_text"), elements: texts });
const linkButton = z.object({ text, url: httpUrl });

/** Slack has 50 of a message. */
const MAX_BLOCKS = 50;

interface Shown {
  /** Markdown. */
  text: string;
  images: Embed[];
}

/** @param blocks as they came */
export function showBlocks(blocks: readonly unknown[]): Shown {
  const lines: string[] = [];
  const images: Embed[] = [];
  for (const block of blocks.slice(0, MAX_BLOCKS)) {
    const asImage = image.safeParse(block);
    if (asImage.success) images.push({ title: asImage.data.title, image: { url: asImage.data.image_url } });
    else lines.push(...linesOf(block));
  }
  return { text: lines.filter((line) => line.trim() !== "").join("\n"), images };
}

function linesOf(block: unknown): string[] {
  const asSection = section.safeParse(block);
  if (asSection.success) {
    const { type, text: said, fields } = asSection.data;
    if (type === "header") return [said === undefined ? "" : `**${said}**`];
    return [...(said === undefined ? [] : [markdownOf(said)]), ...textsOf(fields).map(markdownOf)];
  }
  const asMarkdown = markdownBlock.safeParse(block);
  if (asMarkdown.success) return [asMarkdown.data.text];
  const asContext = context.safeParse(block);
  if (asContext.success) return [markdownOf(textsOf(asContext.data.elements).join(" "))];
  const asActions = actions.safeParse(block);
  if (asActions.success) return [linksOf(asActions.data.elements)];
  const asRich = rich.safeParse(block);
  return asRich.success ? asRich.data.elements.map((element) => richText(element)) : [];
}

const textsOf = (list: readonly unknown[] = []): string[] =>
  list.flatMap((item) => {
    const parsed = text.safeParse(item);
    return parsed.success ? [parsed.data] : [];
  });

/** Buttons that lead somewhere, as links; the others nobody here could answer. */
export const linksOf = (list: readonly unknown[]): string =>
  list
    .flatMap((item) => {
      const parsed = linkButton.safeParse(item);
      return parsed.success ? [`[${parsed.data.text}](${parsed.data.url})`] : [];
    })
    .join(" · ");

const span = z.object({
  type: string,
  text: string.optional(),
  url: httpUrl.optional(),
  name: string.optional(),
  range: string.optional(),
  style: z.union([z.string(), z.record(z.string(), z.unknown())]).optional(),
  elements: texts.optional(),
});
/** Lists hold sections, which hold spans. */
const MAX_DEPTH = 4;

/** https://docs.slack.dev/reference/block-kit/blocks/rich-text-block */
function richText(element: unknown, depth = 0): string {
  const parsed = span.safeParse(element);
  if (!parsed.success || depth > MAX_DEPTH) return "";
  const { type, text: said = "", url, name = "", range, style, elements = [] } = parsed.data;
  const inner = () => elements.map((one) => richText(one, depth + 1));
  switch (type) {
    case "rich_text_list":
      return inner()
        .map((line, i) => (style === "ordered" ? `${i + 1}. ${line}` : `- ${line}`))
        .join("\n");
    case "rich_text_quote":
      return `> ${inner().join("").replaceAll("\n", "\n> ")}`;
    case "rich_text_preformatted":
      return `\`\`\`\n${inner().join("")}\n\`\`\``;
    case "link":
      return url === undefined ? said : said === "" ? url : `[${said}](${url})`;
    case "emoji":
      return `:${name}:`;
    case "broadcast":
      return range === "here" ? "@here" : "@everyone";
    default:
      return elements.length > 0 ? inner().join("") : styled(said, style);
  }
}

const MARKS: Readonly<Record<string, string>> = { code: "`", strike: "~~", italic: "_", bold: "**" };

function styled(said: string, style: unknown): string {
  const [, before = "", inner = "", after = ""] = [
    said,
    said.slice(0, said.length - said.trimStart().length),
    said.trim(),
    said.slice(said.trimEnd().length),
  ];
  if (typeof style !== "object" || style === null || inner === "") return said;
  const marks = new Map(Object.entries(style));
  // Marks count only next to what they mark.
  const marked = Object.entries(MARKS).reduce(
    (now, [name, mark]) => (marks.get(name) ? mark + now + mark : now),
    inner,
  );
  return before + marked + after;
}
