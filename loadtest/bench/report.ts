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

function meets({ ratio }: Comparison, aim: NonNullable<Figure["aim"]>): string {
  const met = "atMost" in aim ? ratio <= aim.atMost : ratio >= aim.atLeast;
  return met ? "" : " **missed**";
}

/** Three digits that matter. */
function number(value: number): string {
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en-US");
  return Number(value.toPrecision(3)).toString();
}
