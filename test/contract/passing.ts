import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

const PATH = join(import.meta.dirname, "passing.json");

/** Operations that passed once; each must pass from then on. */
export function readPassing(): string[] {
  return z.array(z.string()).parse(JSON.parse(readFileSync(PATH, "utf8")));
}

export function writePassing(operations: readonly string[]): void {
  writeFileSync(PATH, `${JSON.stringify(operations, null, 2)}\n`);
}
