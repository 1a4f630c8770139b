import { setTimeout as sleep } from "node:timers/promises";

/** Looks every 50 ms. @returns whether it held within the time */
export async function until(condition: () => boolean | Promise<boolean>, withinMs: number): Promise<boolean> {
  for (const end = performance.now() + withinMs; performance.now() < end; await sleep(50)) {
    if (await condition()) return true;
  }
  return false;
}
