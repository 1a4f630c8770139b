import sharp from "sharp";
import { createTurns } from "../turns.ts";

// Each picture is worked on once and by one thread: nothing to cache, and other requests need threads, too.
sharp.cache(false);
sharp.concurrency(1);
// What other libraries would read is never needed here, and each has its own history of holes.
sharp.block({ operation: ["VipsForeignLoad"] });
sharp.unblock({
  operation: [
    "VipsForeignLoadPng",
    "VipsForeignLoadJpeg",
    "VipsForeignLoadNsgif",
    "VipsForeignLoadWebp",
    "VipsForeignLoadHeif",
  ],
});

/** Beyond this a picture is a bomb: it would take a gigabyte, however few bytes it comes in. */
const MAX_PIXELS = 16_384 * 16_384;

const inTurn = createTurns(2, 1000, "BUSY");

export interface Measures {
  width: number;
  height: number;
  animated: boolean;
}

/** A picture's size by its header; null when it is none that can be read, or one of absurd size. */
export async function measure(path: string): Promise<Measures | null> {
  return inTurn(async () => {
    try {
      const { width, height, pages = 1, orientation = 1 } = await sharp(path, { limitInputPixels: false }).metadata();
      if (width * height > MAX_PIXELS) return null;
      // Orientations from 5 on lie on their side, and are shown turned.
      const [wide, high] = orientation >= 5 ? [height, width] : [width, height];
      return { width: wide, height: high, animated: pages > 1 };
    } catch {
      return null;
    }
  });
}

/** The longest side that an avatar or banner may come in; libraries ask for 4096 at most. */
const MAX_SIDE = 8192;
const MAX_FRAMES = 1000;

/** Reads a picture to see whether it can be read, its first frame whole. @returns null when it can't, or is too big */
export async function inspect(bytes: Buffer): Promise<{ animated: boolean } | null> {
  return inTurn(async () => {
    try {
      const options = { limitInputPixels: MAX_SIDE * MAX_SIDE, failOn: "error" } as const;
      const { width, height, pages = 1 } = await sharp(bytes, options).metadata();
      if (width > MAX_SIDE || height > MAX_SIDE || pages > MAX_FRAMES) return null;
      await sharp(bytes, options).resize(16).raw().toBuffer();
      return { animated: pages > 1 };
    } catch {
      return null;
    }
  });
}

/** Formats in which images are served, by extension. */
export const FORMATS = { png: "png", jpg: "jpeg", jpeg: "jpeg", webp: "webp", gif: "gif", avif: "avif" } as const;
export type Extension = keyof typeof FORMATS;

/** What all frames of an animation may have together, unpacked. */
const MAX_ANIMATION_PIXELS = 64 * 1024 * 1024;

/**
 * A picture made anew in a format, so that nothing of what was uploaded is served but what it shows.
 * @param size the longest side, in pixels; smaller pictures stay as they are
 */
export async function render(bytes: Buffer, extension: Extension, size: number, animated: boolean): Promise<Buffer> {
  return inTurn(async () => {
    const { width, height, pages = 1 } = await sharp(bytes).metadata();
    const moves = animated && width * height * pages <= MAX_ANIMATION_PIXELS;
    return sharp(bytes, { animated: moves, limitInputPixels: Math.max(MAX_ANIMATION_PIXELS, MAX_SIDE * MAX_SIDE) })
      .autoOrient()
      .resize({ width: size, height: size, fit: "inside", withoutEnlargement: true })
      .toFormat(FORMATS[extension])
      .toBuffer();
  });
}

/** The pictures of those who have none, by number: as many colours as Discord has. */
const COLOURS = ["#5865f2", "#757e8a", "#3ba55c", "#faa61a", "#ed4245", "#eb459f"] as const;

/** @returns undefined where there is none of this number */
export async function defaultAvatar(number: number): Promise<Buffer | undefined> {
  const background = COLOURS[number];
  if (background === undefined) return undefined;
  return inTurn(() =>
    sharp({ create: { width: 256, height: 256, channels: 3, background } })
      .png()
      .toBuffer(),
  );
}
