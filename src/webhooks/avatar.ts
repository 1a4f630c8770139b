import type { Egress } from "../../core/egress.ts";
import type { App } from "../app.ts";
import { MAX_IMAGE_BYTES, storePicture } from "../files/images.ts";

/** Finds the pictures that messages of webhooks name by `avatar_url`. */
export interface Avatars {
  /** @returns the picture's hash; null when there is none at the URL, or none in time */
  of(url: string): Promise<string | null>;
}

const TIMEOUT_MS = 4000;
const MAX_REDIRECTS = 3;
const MEMORY_SIZE = 5000;
/** Shorter than an image without a message is kept. */
const KNOWN_MS = 3600_000;
const UNKNOWN_MS = 60_000;

/**
 * Fetches each URL once in a while and keeps the picture as one that was uploaded: readers never ask the URL's server.
 * A message doesn't fail over a picture.
 * https://discord.com/developers/docs/resources/webhook#execute-webhook
 */
export function createAvatars(app: Pick<App, "sql" | "files" | "incoming"> & { egress: Egress }): Avatars {
  const known = new Map<string, { hash: Promise<string | null>; until: number }>();

  async function fetchPicture(url: string): Promise<string | null> {
    const deadline = Date.now() + TIMEOUT_MS;
    let at = url;
    for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
      const timeoutMs = Math.max(1, deadline - Date.now());
      const headers = { accept: "image/*", "user-agent": "Guildhall" };
      const answer = await app.egress.get({ url: at, headers, timeoutMs, maxResponseBytes: MAX_IMAGE_BYTES + 1 });
      const { location } = answer.headers;
      if (answer.status >= 300 && answer.status < 400 && location !== undefined) {
        at = new URL(location, at).href;
        continue;
      }
      if (answer.status !== 200 || answer.body.length > MAX_IMAGE_BYTES) return null;
      return storePicture(app, answer.body);
    }
    return null;
  }

  return {
    of: (url) => {
      const remembered = known.get(url);
      if (remembered !== undefined && remembered.until > Date.now()) return remembered.hash;
      if (known.size >= MEMORY_SIZE) known.clear();
      const hash = fetchPicture(url).catch(() => null);
      const entry = { hash, until: Date.now() + KNOWN_MS };
      known.set(url, entry);
      return hash.then((found) => {
        if (found === null) entry.until = Date.now() + UNKNOWN_MS;
        return found;
      });
    },
  };
}
