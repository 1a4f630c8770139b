import type { Db, Sql } from "./db.ts";

/**
 * Gathers what is asked in one turn of the event loop and asks for all of it at once. One question alone goes out at the
 * end of its turn; under load a call is for many, and the answer sends them all on together to what they ask next.
 * @param most questions in one call
 * @param ask answers in the order of the questions; when it throws, all of them fail
 */
export function batched<Q, A>(
  most: number,
  ask: (questions: readonly Q[]) => Promise<readonly (A | Promise<A>)[]>,
): (question: Q) => Promise<A> {
  interface Waiting {
    question: Q;
    resolve(answer: A | Promise<A>): void;
    reject(error: unknown): void;
  }
  let waiting: Waiting[] = [];

  async function flush(): Promise<void> {
    const batch = waiting;
    waiting = [];
    try {
      const answers = await ask(batch.map(({ question }) => question));
      if (answers.length !== batch.length) throw new RangeError("as many answers as questions are due");
      for (const [i, answer] of answers.entries()) batch[i]?.resolve(answer);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  return (question) =>
    new Promise((resolve, reject) => {
      waiting.push({ question, resolve, reject });
      if (waiting.length === most) void flush();
      else if (waiting.length === 1) setImmediate(() => waiting.length > 0 && void flush());
    });
}

/** The same for statements: batches of their own for each pool; in a transaction each question is asked alone. */
export function batchedStatement<Q, A>(
  most: number,
  ask: (sql: Db, questions: readonly Q[]) => Promise<readonly (A | Promise<A>)[]>,
): (sql: Db, question: Q) => Promise<A> {
  const pools = new WeakMap<Sql, (question: Q) => Promise<A>>();
  return (sql, question) => {
    if (!isPool(sql)) return batched(1, (questions: readonly Q[]) => ask(sql, questions))(question);
    let batch = pools.get(sql);
    if (batch === undefined) {
      batch = batched(most, (questions) => ask(sql, questions));
      pools.set(sql, batch);
    }
    return batch(question);
  };
}

const isPool = (sql: Db): sql is Sql => "begin" in sql;
