/** In CI nothing is skipped: what is missing there is a fault of the CI. */
export function missing(what: string): null {
  if (process.env.CI !== undefined && process.env.CI !== "" && process.env.CI !== "false") {
    throw new Error(`CI needs ${what}`);
  }
  console.warn(`skipped, because this machine has no ${what}`);
  return null;
}
