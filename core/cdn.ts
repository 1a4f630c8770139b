import { createHmac, timingSafeEqual } from "node:crypto";
import { deriveKey } from "./secret.ts";

/** Where files are fetched from, and the signatures without which attachments are not given. */
export interface Cdn {
  /** The URL of an attachment, good for a day at least. */
  attachmentUrl(file: { id: string; channel_id: string; filename: string }): string;
  /** Whether a signature is ours, for this path, and has not expired. @param path below the CDN's root */
  verify(path: string, signature: { ex: string; is: string; hm: string }): boolean;
}

const DAY_SECONDS = 24 * 3600;

/**
 * Signs as Discord's URLs are signed: `ex` and `is` are the seconds of expiry and issue in hexadecimal digits, `hm` is
 * an HMAC-SHA-256. Times are whole days, so that a URL stays the same for a day and can be cached.
 * @param url the CDN's root, without a slash at the end
 */
export function createCdn(url: string, secret: Buffer): Cdn {
  const key = deriveKey(secret, "attachment urls");
  const hmac = (path: string, ex: string, is: string) =>
    createHmac("sha256", key).update(`${path}?ex=${ex}&is=${is}`).digest();
  return {
    attachmentUrl: (file) => {
      const path = `attachments/${file.channel_id}/${file.id}/${file.filename}`;
      const today = Math.floor(Date.now() / 1000 / DAY_SECONDS) * DAY_SECONDS;
      const is = today.toString(16);
      const ex = (today + 2 * DAY_SECONDS).toString(16);
      return `${url}/${path}?ex=${ex}&is=${is}&hm=${hmac(path, ex, is).toString("hex")}&`;
    },
    verify: (path, { ex, is, hm }) => {
      if (!/^[0-9a-f]{1,12}$/.test(ex) || !/^[0-9a-f]{64}$/.test(hm)) return false;
      const genuine = timingSafeEqual(Buffer.from(hm, "hex"), hmac(path, ex, is));
      return genuine && Number.parseInt(ex, 16) * 1000 > Date.now();
    },
  };
}
