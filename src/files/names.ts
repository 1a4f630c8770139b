import { beginningOf } from "../../core/text.ts";

/** What a file is called when nothing of its name is left. */
const NAMELESS = "unknown";
const MAX_LENGTH = 255;

/**
 * The name under which a file is told and served: letters, digits, `_`, `-` and dots, as Discord leaves them; no path,
 * nothing that a header, a URL or a file system could take for something else.
 */
export function safeFilename(name: string): string {
  const base = name.replace(/^.*[/\\]/s, "").normalize("NFKD");
  const kept = base
    .replace(/\s+/g, "_")
    .replace(/[^A-Za-z0-9_.-]/g, "")
    .replace(/\.{2,}/g, ".")
    .replace(/^\.+|\.+$/g, "");
  const [, stem = "", extension = ""] = /^(.*?)(\.[^.]{1,16})?$/s.exec(kept) ?? [];
  // A dot is gone that stood before an extension without a name: `.png` and `文.png` have come to be `png`.
  if (!/^[^.]+/.test(base.replace(/[^A-Za-z0-9_.-]/g, "")) && stem !== "")
    return `${NAMELESS}.${kept}`.slice(0, MAX_LENGTH);
  return `${(stem || NAMELESS).slice(0, MAX_LENGTH - extension.length)}${extension}`;
}

/** A name that the safe one does not tell: the title that is shown in its place. Null when nothing was lost. */
export function titleOf(name: string, safe: string): string | null {
  const base = name.replace(/^.*[/\\]/s, "");
  if (base.replace(/\s+/g, "_") === safe) return null;
  const title = base
    .replace(/\.[^.]*$/, "")
    .replace(/\p{Cc}/gu, "")
    .trim();
  return title === "" ? null : beginningOf(title, 1024);
}
