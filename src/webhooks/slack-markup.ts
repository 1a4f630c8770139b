/** Code is left as it is; all else is markup. */
const CODE = /(```[\s\S]*?```|`[^`\n]*`)/;

/**
 * Slack's markup as Markdown, of a text that is cut to what can be shown: links, emphasis, mentions of all, and its three escapes.
 * https://docs.slack.dev/messaging/formatting-message-text
 */
export function markdownOf(text: string): string {
  const parts = text.split(CODE).map((part, i) => (i % 2 === 1 ? part : plainToMarkdown(part)));
  return unescapeSlack(parts.join(""));
}

function plainToMarkdown(text: string): string {
  return text
    .replace(/<!(here|channel|everyone)(?:\|[^>]*)?>/g, (_, whom: string) => (whom === "here" ? "@here" : "@everyone"))
    .replace(/<!(?:subteam|date)\^[^|>]*\|([^>]*)>/g, (_, name: string) => name)
    .replace(/<([@#])[A-Z0-9]+\|([^>]*)>/g, (_, sign: string, name: string) => sign + name)
    .replace(/<((?:https?|mailto):[^|>\s]+)\|([^>]*)>/g, (_, url: string, name: string) => `[${name}](${url})`)
    .replace(/<((?:https?|mailto):[^|>\s]+)>/g, (_, url: string) => url)
    .replace(emphasis("\\*"), "$1**$2**")
    .replace(emphasis("~"), "$1~~$2~~");
}

/** Marks count only at the edges of words, and never over the end of a line, nor endlessly: the text may be hostile. */
const emphasis = (mark: string): RegExp =>
  new RegExp(`(^|[\\s(>_~*])${mark}(?=\\S)([^\\n]{0,300}?[^\\s${mark}])${mark}(?![\\w${mark}])`, "g");

const ESCAPES: Record<string, string> = { "&lt;": "<", "&gt;": ">", "&amp;": "&" };
/** Its three escapes, which stand in plain text as well. */
export const unescapeSlack = (text: string): string =>
  text.replace(/&(?:lt|gt|amp);/g, (name) => ESCAPES[name] ?? name);
