import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";

/** log_line_prefix is `%m [%p] `; a statement of several lines goes on in lines without a prefix. */
const ENTRY = /^\S+ \S+ \S+ \[(\d+)\] LOG: {2}duration: ([\d.]+) ms {2}(parse|bind|execute) (.*)$/;

interface Entry {
  backend: string;
  step: string;
  ms: number;
  text: string;
}

/**
 * How long statements took in Postgres, planning included, by its own log.
 * @param marks for each kind of statements, what only they have in their text
 * @returns milliseconds, for each kind
 */
export async function readDurations(logFile: string, marks: readonly string[]): Promise<number[][]> {
  const took = marks.map((): number[] => []);
  /** Of what is not executed yet, by backend. */
  const planned = new Map<string, number>();
  const end = ({ backend, step, ms, text }: Entry) => {
    const total = (planned.get(backend) ?? 0) + ms;
    planned.set(backend, step === "execute" ? 0 : total);
    if (step === "execute") took[marks.findIndex((mark) => text.includes(mark))]?.push(total);
  };
  let entry: Entry | undefined;
  for await (const line of createInterface({ input: createReadStream(logFile) })) {
    const [, backend, ms, step = "", text = ""] = ENTRY.exec(line) ?? [];
    if (backend === undefined) {
      if (entry !== undefined) entry.text += `\n${line}`;
      continue;
    }
    if (entry !== undefined) end(entry);
    entry = { backend, step, ms: Number(ms), text };
  }
  if (entry !== undefined) end(entry);
  return took;
}
