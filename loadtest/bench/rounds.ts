import { median } from "../../test/harness/statistics.ts";

/** One value of each variant, measured shortly after each other. */
export type Round<Name extends string, Value = number> = Record<Name, Value>;

/**
 * Measures each variant once a round, in an order drawn anew for each: what drifts over the run, or follows from who
 * went before, falls on all alike. The first round warms up (JIT, caches, TCP windows) and is thrown away.
 */
export async function measureRounds<Name extends string, Value>(
  count: number,
  variants: Readonly<Record<Name, () => Promise<Value>>>,
): Promise<Round<Name, Value>[]> {
  const rounds: Round<Name, Value>[] = [];
  for (let i = 0; i <= count; i++) {
    const round: Partial<Round<Name, Value>> = {};
    for (const name of shuffled(namesOf(variants))) round[name] = await variants[name]();
    if (i > 0) rounds.push(complete(round, namesOf(variants)));
  }
  return rounds;
}

export interface Comparison {
  ours: number;
  bare: number;
  /** The median of the rounds' ratios, and the range of the middle half of them. */
  ratio: number;
  low: number;
  high: number;
}

/** How one variant stands to another, by the median over the rounds. */
export function compare<Name extends string>(rounds: readonly Round<Name>[], ours: Name, bare: Name): Comparison {
  const ratios = rounds.map((round) => round[ours] / round[bare]).sort((a, b) => a - b);
  const quartile = Math.floor(ratios.length / 4);
  return {
    ours: median(rounds.map((round) => round[ours])),
    bare: median(rounds.map((round) => round[bare])),
    ratio: median(ratios),
    low: ratios[quartile] ?? Number.NaN,
    high: ratios[ratios.length - 1 - quartile] ?? Number.NaN,
  };
}

/** The value below which a share of them lies. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function namesOf<Name extends string>(record: Readonly<Record<Name, unknown>>): Name[] {
  const names: Name[] = [];
  for (const name in record) names.push(name);
  return names;
}

function complete<Name extends string, Value>(
  round: Partial<Round<Name, Value>>,
  names: readonly Name[],
): Round<Name, Value> {
  if (!isComplete(round, names)) throw new Error("a variant was not measured");
  return round;
}

function isComplete<Name extends string, Value>(
  round: Partial<Round<Name, Value>>,
  names: readonly Name[],
): round is Round<Name, Value> {
  return names.every((name) => round[name] !== undefined);
}

function shuffled<T>(list: readonly T[]): T[] {
  return list
    .map((value) => ({ value, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ value }) => value);
}
