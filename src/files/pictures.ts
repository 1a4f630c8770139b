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
