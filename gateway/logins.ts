interface Login {
  work(): Promise<void>;
  done(result: Promise<void>): void;
}

/**
 * IDENTIFYs and RESUMEs, so many at a time: each asks Postgres and Redis several times, and a flood of them must not
 * keep the sessions that run from either. Addresses take turns, so a flood from one delays the others by a turn each.
 */
export class Logins {
  readonly #atOnce: number;
  #running = 0;
  /** By address, in the order in which their turns come; a list is never empty. Bounded by the open sockets. */
  readonly #waiting = new Map<string, Login[]>();

  constructor(atOnce: number) {
    this.#atOnce = atOnce;
  }

  /** Runs `work` when its turn comes; settles as it does. */
  run(address: string, work: () => Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      const login = { work, done: resolve };
      const queue = this.#waiting.get(address);
      if (queue === undefined) this.#waiting.set(address, [login]);
      else queue.push(login);
      this.#next();
    });
  }

  #next(): void {
    while (this.#running < this.#atOnce) {
      const login = this.#take();
      if (login === undefined) return;
      this.#running += 1;
      const result = login.work();
      login.done(result);
      const free = () => {
        this.#running -= 1;
        this.#next();
      };
      result.then(free, free);
    }
  }

  /** The first login of the address whose turn it is; the address goes to the end. */
  #take(): Login | undefined {
    for (const [address, queue] of this.#waiting) {
      const first = queue.shift();
      this.#waiting.delete(address);
      if (queue.length > 0) this.#waiting.set(address, queue);
      return first;
    }
    return undefined;
  }
}
