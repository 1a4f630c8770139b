/** How many of a file's first bytes tell what it is. */
export const HEAD_BYTES = 4096;

type Kind = readonly [type: string, offset: number, ...bytes: readonly (string | readonly number[])[]];

/** Signatures of what browsers show and what people send most; each is at one offset, in one of several forms. */
const KINDS: readonly Kind[] = [
  ["image/png", 0, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]],
  ["image/jpeg", 0, [0xff, 0xd8, 0xff]],
  ["image/gif", 0, "GIF87a", "GIF89a"],
  ["image/webp", 8, "WEBP"],
  ["image/avif", 4, "ftypavif", "ftypavis"],
  ["video/quicktime", 4, "ftypqt  "],
  ["audio/mp4", 4, "ftypM4A "],
  [
    "video/mp4",
    4,
    "ftypisom",
    "ftypiso2",
    "ftypiso4",
    "ftypiso5",
    "ftypiso6",
    "ftypmp41",
    "ftypmp42",
    "ftypavc1",
    "ftypM4V ",
  ],
  ["video/webm", 0, [0x1a, 0x45, 0xdf, 0xa3]],
  ["audio/ogg", 0, "OggS"],
  ["audio/wav", 8, "WAVE"],
  ["audio/flac", 0, "fLaC"],
  ["audio/mpeg", 0, "ID3", [0xff, 0xfb], [0xff, 0xf3], [0xff, 0xf2]],
  ["application/pdf", 0, "%PDF-"],
  ["application/zip", 0, [0x50, 0x4b, 0x03, 0x04]],
  ["application/gzip", 0, [0x1f, 0x8b]],
];

/** Texts that programs look for by their type; to a browser they are given as downloads. */
const TEXTS: Readonly<Record<string, string>> = {
  json: "application/json",
  csv: "text/csv",
};

/**
 * What a file is, by its bytes; what the uploader said counts for nothing. Text is plain text, whatever it is the source
 * of: HTML and SVG among it.
 * @param head the first HEAD_BYTES, or all there are
 */
export function contentTypeOf(head: Buffer, filename: string): string {
  const known = KINDS.find(([, offset, ...forms]) => forms.some((form) => begins(head, offset, form)));
  if (known !== undefined) return known[0];
  if (!isText(head)) return "application/octet-stream";
  const extension = filename.slice(filename.lastIndexOf(".") + 1).toLowerCase();
  return `${TEXTS[extension] ?? "text/plain"}; charset=utf-8`;
}

function begins(head: Buffer, offset: number, form: string | readonly number[]): boolean {
  const wanted = typeof form === "string" ? Buffer.from(form, "latin1") : Buffer.from(form);
  return head.subarray(offset, offset + wanted.length).equals(wanted);
}

/** UTF-8 without control characters but those of text. The head may end within a character. */
function isText(head: Buffer): boolean {
  if (head.some((byte) => byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0c && byte !== 0x0d))
    return false;
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(head, { stream: true });
    return true;
  } catch {
    return false;
  }
}

/** Images that sharp may read: never SVG, which can name files and is a program of its own. */
export const isImage = (contentType: string): boolean => /^image\/(png|jpeg|gif|webp|avif)$/.test(contentType);

/** What a browser may show in place of downloading it. None of these can run a script. */
export const isShown = (contentType: string): boolean =>
  isImage(contentType) || /^(audio|video)\/[a-z0-9]+$|^text\/plain; charset=utf-8$/.test(contentType);
