import { ApiError, type ErrorName } from "./errors.ts";

/** Runs work that is dear, a few at a time; the rest waits its turn. */
export type Turns = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * @param concurrent how many run at once
 * @param queueLimit how many may wait
 * @param refusal what further ones are told
 */
export function createTurns(concurrent: number, queueLimit: number, refusal: ErrorName): Turns {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running >= concurrent) {
      if (waiting.length >= queueLimit) throw new ApiError(refusal);
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else running += 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
