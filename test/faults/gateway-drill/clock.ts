/** The highest number that any socket had got by a given time: all numbers up to it were given before. */
export class Clock {
  #highest = 0;
  readonly #samples: { at: number; highest: number }[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#timer = setInterval(() => this.#samples.push({ at: Date.now(), highest: this.#highest }), 50);
  }

  see(number: number): void {
    if (number > this.#highest) this.#highest = number;
  }

  get highest(): number {
    return this.#highest;
  }

  /** @param at in ms since 1970 */
  highestAt(at: number): number {
    return this.#samples.findLast((sample) => sample.at <= at)?.highest ?? 0;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
