/** How endpoints are spread over dispatchers, as one of them sees it. */
export interface Spread {
  /** Endpoints that it has. */
  mine: number;
  /** Other dispatchers that live… */
  others: number;
  /** …the endpoints that these have… */
  theirs: number;
  /** …and of the one with the fewest. */
  fewest: number;
  /** Endpoints with something due that nobody has. */
  waiting: number;
}

function average({ mine, others, theirs, waiting }: Spread): number {
  return (mine + theirs + waiting) / (others + 1);
}

/** Endpoints below its share that a dispatcher may have without others giving up theirs: load comes and goes. */
const tolerated = (share: number) => Math.floor(share / 8);

/** How many of those that wait are its own to take. Those of all dispatchers together are never fewer than wait. */
export function toTake(spread: Spread): number {
  return Math.min(spread.waiting, Math.max(0, Math.ceil(average(spread)) - spread.mine));
}

/** Whether it has clearly less than its share: others are about to give up some of theirs. */
export function isShort(spread: Spread): boolean {
  const share = Math.floor(average(spread));
  return spread.mine < share - tolerated(share);
}

/** Whether it has more than its share while some other has clearly less. */
export function hasSurplus(spread: Spread): boolean {
  const share = Math.floor(average(spread));
  return spread.others > 0 && spread.mine > share && spread.fewest < share - tolerated(share);
}

/**
 * How many to give up now. At most one more than the one that is short has already: it shows that it takes them
 * before it is left more, so that next to nothing waits for one that has just died.
 * @param leaving of `mine`, those that are being given up
 */
export function toGive(spread: Spread, leaving: number): number {
  if (!hasSurplus(spread)) return 0;
  const share = Math.floor(average(spread));
  const { mine, fewest, waiting } = spread;
  return Math.max(0, Math.min(mine - share, share - fewest, fewest + 1) - waiting - leaving);
}

/** The same in any order, so that dispatchers that choose at the same time don't choose the same. */
export function shuffled<T>(all: readonly T[]): T[] {
  return all
    .map((each) => ({ each, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ each }) => each);
}
