import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import type { Comparison } from "./rounds.ts";

/** One line of the table. */
export interface Figure {
  what: string;
  unit: string;
  comparison: Comparison;
  /** What is compared with what, where it isn't Guildhall with a bare program. */
  sides?: { ours: string; bare: string };
  /** How large the ratio may be, or must be at least. */
  aim?: { atMost: number } | { atLeast: number };
}

/** The table as Markdown. */
export function table(figures: readonly Figure[]): string {
  const rows = figures.map(({ what, unit, comparison, sides, aim }) => [
    what,
    `${number(comparison.ours)} ${unit}${sides === undefined ? "" : ` (${sides.ours})`}`,
    `${number(comparison.bare)} ${unit}${sides === undefined ? "" : ` (${sides.bare})`}`,
    `${comparison.ratio.toFixed(2)} (${comparison.low.toFixed(2)} to ${comparison.high.toFixed(2)})`,
    aim === undefined ? "" : `${"atMost" in aim ? `≤ ${aim.atMost}` : `≥ ${aim.atLeast}`}${meets(comparison, aim)}`,
  ]);
  const head = ["", "Guildhall", "bare", "ratio (middle half of the rounds)", "aim"];
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

export function machine(): string {
  const model = cpus()[0]?.model.trim() ?? "unknown CPU";
  return `${cpus().length} cores (${model}), Node ${process.version}, ${new Date().toISOString().slice(0, 10)}`;
}

const BEGIN = "<!-- figures: written by npm run bench -->";
const END = "<!-- end of figures -->";

/** Puts a run's figures in the place of the last one's in a Markdown file. */
export function writeFigures(file: string, title: string, figures: readonly Figure[]): void {
  const text = readFileSync(file, "utf8");
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin === -1 || end < begin) throw new Error(`${file} has no place for figures: "${BEGIN}" and "${END}"`);
  const written = `${BEGIN}\n\n${title}\n\n${table(figures)}\n\n`;
  writeFileSync(file, text.slice(0, begin) + written + text.slice(end));
}

/**
 * How busy others kept the machine: processes that wanted a core in the minute before the bench began.
 * @param load that before the bench
 */
export function company(load: number): string {
  const busy = load > cpus().length / 4;
  return `${busy ? "others worked on the machine" : "a quiet machine"} (load before: ${load.toFixed(2)})`;
}

function meets({ ratio }: Comparison, aim: NonNullable<Figure["aim"]>): string {
  const met = "atMost" in aim ? ratio <= aim.atMost : ratio >= aim.atLeast;
  return met ? "" : " **missed**";
}

/** Three digits that matter. */
function number(value: number): string {
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en-US");
  return Number(value.toPrecision(3)).toString();
}
