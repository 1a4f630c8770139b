/**
 * Whether it is a URL. Not by URL.canParse: once Node 20 has optimized that, it takes no host with a letter like é.
 */
export function isUrl(text: string): boolean {
  try {
    new URL(text);
    return true;
  } catch {
    return false;
  }
}
